// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSocketsInALongFolder: the folder for temporary files may have a path that
// is too long for a socket, as a job of a build server often has.
func TestSocketsInALongFolder(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	suite := &T{ctx: t.Context()}
	defer suite.end()
	// What go-plugin and a plugin add.
	dir := filepath.Join(socketDir(suite), "plugin-dir1234567890")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "plugin1234567890"))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

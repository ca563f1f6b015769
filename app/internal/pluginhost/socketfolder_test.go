// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSocketFolderIsShort: neither a long run folder nor a long TMPDIR keeps
// plugins from being called, and what a killed host left in /tmp is swept.
func TestSocketFolderIsShort(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	dir, err := socketFolder(long)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if len(dir)+socketRoom > maxSocketPath {
		t.Errorf("%s leaves no room for a socket", dir)
	}
	left := strings.Replace(dir, "-p", "-p2147483647", 1) // a pid that no process has
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	sweepSockets(long)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		_ = os.RemoveAll(left)
		t.Errorf("%s of a host that is gone stays: %v", left, err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the folder of a host that runs was swept: %v", err)
	}
}

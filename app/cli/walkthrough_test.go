// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/ports"
)

// TestWalkthrough does what docs/plugins tells authors of plugins to do, in an
// empty folder outside of this repository.
func TestWalkthrough(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	docs, err := filepath.Abs("../../docs/plugins/walkthrough.sh")
	if err != nil {
		t.Fatal(err)
	}
	first, err := ports.Take(2)
	if err != nil {
		t.Fatal(err)
	}
	walk := a.command("bash", docs)
	walk.Env = append(walk.Env, fmt.Sprintf("PORTS=%d %d", first, first+1))
	text, err := walk.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "walked through") {
		logs, _ := filepath.Glob(filepath.Join(a.home, "*.log"))
		for _, l := range logs {
			b, _ := os.ReadFile(l)
			t.Logf("%s:\n%s", filepath.Base(l), b)
		}
		t.Fatalf("%v\n%s", err, text)
	}
}

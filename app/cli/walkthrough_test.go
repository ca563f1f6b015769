// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestWalkthrough does what docs/plugins tells authors of plugins to do, in an
// empty folder outside of this repository.
func TestWalkthrough(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("builds the hub and a module of its own, with the tools of Linux")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	plugins := filepath.Join(bin, "plugins")
	for out, pkg := range map[string]string{filepath.Join(bin, "standpipe"): ".", filepath.Join(plugins, "standpipe-provider-oauth2"): "./plugins/oauth2"} {
		build := exec.Command("go", "build", "-o", out, pkg)
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", pkg, err, text)
		}
	}
	sums := exec.Command("bash", "-c", "sha256sum standpipe-provider-* >plugins.sum")
	sums.Dir = plugins
	if text, err := sums.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	home, err := os.MkdirTemp("", "wt") // t.TempDir is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	walk := exec.Command("bash", filepath.Join(root, "docs/plugins/walkthrough.sh"))
	walk.Dir = home
	walk.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SDK="+root, "GOFLAGS=-mod=mod", "GOWORK=off")
	text, err := walk.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "walked through") {
		logs, _ := filepath.Glob(filepath.Join(home, "*.log"))
		for _, l := range logs {
			b, _ := os.ReadFile(l)
			t.Logf("%s:\n%s", filepath.Base(l), b)
		}
		t.Fatalf("%v\n%s", err, text)
	}
}

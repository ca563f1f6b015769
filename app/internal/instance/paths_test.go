// SPDX-License-Identifier: Apache-2.0

package instance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/instance"
)

// clean gives a test a home and a runtime folder of its own and returns both.
func clean(t *testing.T) (home, runtimeDir string) {
	t.Helper()
	home, runtimeDir = shortTemp(t), shortTemp(t)
	for _, name := range []string{"STANDPIPE_CONFIG", "STANDPIPE_DATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	t.Setenv("XDG_RUNTIME_DIR", runtimeDir)
	return home, runtimeDir
}

// shortTemp returns a private folder whose path leaves room for a socket.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func resolve(t *testing.T, config, data string) instance.Paths {
	t.Helper()
	p, err := instance.Resolve(config, data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestResolveOrder(t *testing.T) {
	home, run := clean(t)
	p := resolve(t, "", "")
	if want := filepath.Join(home, ".config/standpipe/standpipe.hcl"); p.Config != want {
		t.Errorf("config = %s, want %s", p.Config, want)
	}
	if want := filepath.Join(home, ".local/share/standpipe"); p.Data != want {
		t.Errorf("data = %s, want %s", p.Data, want)
	}
	if dir := filepath.Dir(p.InventoryKey); dir != filepath.Join(home, ".local/state/standpipe") {
		t.Errorf("the key of the inventory is in %s", dir)
	}
	if other := resolve(t, "", filepath.Join(home, "other")); other.InventoryKey == p.InventoryKey {
		t.Error("two data folders share the key of an inventory")
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	if key := resolve(t, "", "").InventoryKey; filepath.Dir(key) != filepath.Join(home, "state/standpipe") {
		t.Errorf("with XDG_STATE_HOME the key of the inventory is %s", key)
	}
	if filepath.Dir(p.Run) != filepath.Join(run, "standpipe") {
		t.Errorf("run = %s, want a folder in %s/standpipe", p.Run, run)
	}

	t.Setenv("XDG_DATA_HOME", "relative") // to be ignored, says the specification
	if got := resolve(t, "", ""); got.Data != p.Data {
		t.Errorf("a relative XDG_DATA_HOME gives data = %s, want %s", got.Data, p.Data)
	}
	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "x"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "c"))
	p = resolve(t, "", "")
	if p.Data != filepath.Join(home, "x/standpipe") || p.Config != filepath.Join(home, "c/standpipe/standpipe.hcl") {
		t.Errorf("XDG variables give %+v", p)
	}
	t.Setenv("STANDPIPE_DATA", filepath.Join(home, "env"))
	t.Setenv("STANDPIPE_CONFIG", filepath.Join(home, "env.hcl"))
	p = resolve(t, "", "")
	if p.Data != filepath.Join(home, "env") || p.Config != filepath.Join(home, "env.hcl") {
		t.Errorf("STANDPIPE variables give %+v", p)
	}
	p = resolve(t, filepath.Join(home, "flag.hcl"), filepath.Join(home, "flag"))
	if p.Data != filepath.Join(home, "flag") || p.Config != filepath.Join(home, "flag.hcl") {
		t.Errorf("flags give %+v", p)
	}
}

func TestRunFolderBelongsToOneDataFolder(t *testing.T) {
	home, run := clean(t)
	a, b := resolve(t, "", filepath.Join(home, "a")), resolve(t, "", filepath.Join(home, "b"))
	if a.Run == b.Run {
		t.Errorf("two data folders share %s", a.Run)
	}
	link := filepath.Join(run, "home")
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	if again := resolve(t, "", filepath.Join(link, "a")); again != a {
		t.Errorf("another spelling of the same data folder gives %+v, want %+v", again, a)
	}
}

func TestRunFolderFallsBack(t *testing.T) {
	home, run := clean(t)
	data := filepath.Join(home, "data")

	t.Setenv("XDG_RUNTIME_DIR", "")
	if p := resolve(t, "", data); p.Run != filepath.Join(data, "run") {
		t.Errorf("without XDG_RUNTIME_DIR run = %s", p.Run)
	}
	long := filepath.Join(home, strings.Repeat("d", 120))
	p := resolve(t, "", long)
	if filepath.Dir(p.Run) != filepath.Clean(os.TempDir()) {
		t.Errorf("for a long data folder run = %s, want one in %s", p.Run, os.TempDir())
	}
	in, err := instance.Acquire(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = os.Remove(p.Run) })
	if _, err := in.Listen(); err != nil {
		t.Errorf("the short path cannot be listened on: %v", err)
	}

	deep := filepath.Join(run, strings.Repeat("t", 120))
	t.Setenv("TMPDIR", deep)
	if _, err := instance.Resolve("", long); err == nil || !strings.Contains(err.Error(), deep) || !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
		t.Errorf("error = %v, want one that names the path and the remedy", err)
	}
}

func TestRuntimeFolderOfOthers(t *testing.T) {
	home, run := clean(t)
	data := filepath.Join(home, "data")
	if err := os.Chmod(run, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Resolve("", data); err == nil || !strings.Contains(err.Error(), run) || !strings.Contains(err.Error(), "0777") {
		t.Errorf("error = %v, want one that names %s and 0777", err, run)
	}
	if os.Geteuid() != 0 {
		t.Skip("the rest needs root, to give a folder away")
	}
	if err := os.Chmod(run, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(run, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if p := resolve(t, "", data); p.Run != filepath.Join(data, "run") {
		t.Errorf("with the runtime folder of another user run = %s, want one in the data folder", p.Run)
	}
}

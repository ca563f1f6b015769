// SPDX-License-Identifier: Apache-2.0

package instance_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func acquire(t *testing.T, p instance.Paths) *instance.Instance {
	t.Helper()
	in, err := instance.Acquire(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %04o, want %04o", path, got, want)
	}
}

// TestFolderThatCannotBeMade: the reason is said once, and what helps.
func TestFolderThatCannotBeMade(t *testing.T) {
	clean(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := instance.Acquire(resolve(t, "", filepath.Join(file, "deeper", "data")))
	he := hub.AsError(err)
	if he.Message != "the folder "+filepath.Join(file, "deeper", "data")+" cannot be made: not a directory" ||
		!strings.Contains(he.Remedy, filepath.Dir(file)+",") || !strings.Contains(he.Remedy, "--data") {
		t.Errorf("%q, %q", he.Message, he.Remedy)
	}
}

func TestAcquireMakesPrivateFiles(t *testing.T) {
	clean(t)
	p := resolve(t, "", "")
	in := acquire(t, p)
	if _, err := in.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := in.Announce(instance.Discovery{Version: "v", AppAPI: "http://127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	wantMode(t, p.Data, 0o700)
	wantMode(t, p.Run, 0o700)
	wantMode(t, filepath.Dir(p.Run), 0o700)
	wantMode(t, p.Lock(), 0o600)
	wantMode(t, p.Socket(), 0o600)
	wantMode(t, p.Discovery(), 0o600)

	d, err := instance.Discover(p)
	if err != nil {
		t.Fatal(err)
	}
	if d.PID != os.Getpid() || d.Socket != p.Socket() || d.Protocol == 0 || d.AppAPI != "http://127.0.0.1:1" {
		t.Errorf("discovered %+v", d)
	}

	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{p.Socket(), p.Discovery()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left after Close (%v)", path, err)
		}
	}
	if _, err := instance.Discover(p); !errors.Is(err, instance.ErrNotRunning) {
		t.Errorf("Discover after Close: %v", err)
	}
}

func TestAcquireTwice(t *testing.T) {
	home, _ := clean(t)
	p := resolve(t, "", "")
	in := acquire(t, p)
	_, err := instance.Acquire(p)
	if !errors.Is(err, instance.ErrRunning) {
		t.Fatalf("second Acquire: %v, want ErrRunning", err)
	}
	if e, ok := errors.AsType[*instance.RunningError](err); !ok || e.PID != os.Getpid() || e.Data != p.Data {
		t.Errorf("the error does not say who: %+v", err)
	}
	acquire(t, resolve(t, "", filepath.Join(home, "other"))) // another data folder is another matter
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	acquire(t, p)
}

func TestAcquireRefusesFolders(t *testing.T) {
	cases := map[string]struct {
		prepare func(t *testing.T, dir string)
		want    string // "" where it is taken
	}{
		"open to all": {func(t *testing.T, dir string) { mkdir(t, dir, 0o777) }, "0777"},
		"ours, empty, readable by others": {func(t *testing.T, dir string) {
			mkdir(t, dir, 0o755)
		}, ""},
		"ours, readable, with something in it": {func(t *testing.T, dir string) {
			mkdir(t, dir, 0o755)
			if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "0755"},
		"symbolic link": {func(t *testing.T, dir string) {
			mkdir(t, dir+"-real", 0o700)
			if err := os.Symlink(dir+"-real", dir); err != nil {
				t.Fatal(err)
			}
		}, "symbolic link"},
		"file": {func(t *testing.T, dir string) {
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a folder"},
		"of another user": {func(t *testing.T, dir string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root, to give a folder away")
			}
			mkdir(t, dir, 0o777)
			if err := os.Chown(dir, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}, "uid 65534"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			home, run := clean(t)
			p := resolve(t, "", filepath.Join(home, "data"))
			for _, dir := range []string{p.Data, filepath.Join(run, "standpipe"), p.Run} {
				for _, d := range []string{p.Data, filepath.Join(run, "standpipe")} {
					_ = os.RemoveAll(d)
					_ = os.RemoveAll(d + "-real")
				}
				if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
					t.Fatal(err)
				}
				c.prepare(t, dir)
				in, err := instance.Acquire(p)
				if err == nil {
					_ = in.Close()
				}
				switch {
				case c.want == "" && err != nil:
					t.Errorf("%s: %v", dir, err)
				case c.want == "":
					wantMode(t, dir, 0o700)
				case err == nil:
					t.Errorf("%s was taken", dir)
				case !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "mode"):
					t.Errorf("error %q does not name path, mode and %q", err, c.want)
				}
			}
		})
	}
}

func mkdir(t *testing.T, dir string, mode fs.FileMode) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}

func TestAfterKill(t *testing.T) {
	clean(t)
	p := resolve(t, "", "")

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "INSTANCE_TEST_CHILD=hold")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "result: <nil>\n" {
		t.Fatalf("the child says %q (%v)", line, err)
	}
	_, err = instance.Acquire(p)
	if e, ok := errors.AsType[*instance.RunningError](err); !ok || e.PID != cmd.Process.Pid {
		t.Fatalf("Acquire beside the child: %v", err)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if _, err := os.Lstat(p.Socket()); err != nil {
		t.Fatalf("the killed hub left no socket, so this tests nothing: %v", err)
	}
	if _, err := instance.Attach(t.Context(), p); !errors.Is(err, instance.ErrNotRunning) {
		t.Errorf("Attach after the kill: %v, want ErrNotRunning", err)
	}
	in := acquire(t, p)
	if _, err := in.Listen(); err != nil {
		t.Errorf("the stale socket is in the way: %v", err)
	}
}

func TestSocketPlaceTaken(t *testing.T) {
	clean(t)
	p := resolve(t, "", "")
	if err := os.MkdirAll(p.Run, 0o700); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(p.Run, "precious")
	if err := os.WriteFile(target, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, p.Socket()); err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Acquire(p); err == nil || !strings.Contains(err.Error(), p.Socket()) {
		t.Errorf("error = %v, want one that names %s", err, p.Socket())
	}
	if _, err := os.Stat(target); err != nil {
		t.Errorf("the file behind the link was touched: %v", err)
	}
}

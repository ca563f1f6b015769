// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The user as whom the product runs when the tests run as root, which would
// hide permission faults; and another one, who must get nothing.
const (
	userID  = 65534
	otherID = 65533
)

// Home is a person's account: a home folder, and the environment of a login
// without a keychain.
type Home struct {
	t       testing.TB
	Product *Product
	Dir     string
	Data    string
	Program string // which build runs; Product.Standpipe unless changed
	Env     []string
	window  *Process // see Window
}

// NewHome makes one, with keys in a file.
func NewHome(t testing.TB) *Home {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := Build(t)
	h := &Home{t: t, Product: p, Program: p.Standpipe, Dir: dir, Data: filepath.Join(dir, "data")}
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	h.own(dir, run)
	h.Env = []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TMPDIR=" + dir, "XDG_RUNTIME_DIR=" + run,
		"STANDPIPE_DATA=" + h.Data, "STANDPIPE_CONFIG=" + filepath.Join(dir, "standpipe.hcl"),
	}
	h.CLI("keys", "init", "--key", "file:"+filepath.Join(dir, "master.key"))
	return h
}

// In is the same home in a subtest: what is started there ends with it, and it
// fails by itself where something is wrong.
func (h *Home) In(t testing.TB) *Home {
	in := *h
	in.t, in.Env = t, slices.Clone(h.Env)
	return &in
}

// own gives files to the user as whom the product runs.
func (h *Home) own(paths ...string) {
	if os.Geteuid() != 0 {
		return
	}
	for _, p := range paths {
		if err := os.Chown(p, userID, userID); err != nil {
			h.t.Fatal(err)
		}
	}
}

// Write puts a file into the home folder, mode 0600.
func (h *Home) Write(name, content string) string {
	h.t.Helper()
	path := filepath.Join(h.Dir, name)
	if dir := filepath.Dir(path); dir != h.Dir {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			h.t.Fatal(err)
		}
		h.own(dir)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.own(path)
	return path
}

// Configure writes the configuration file.
func (h *Home) Configure(hcl string) { h.t.Helper(); h.Write("standpipe.hcl", hcl) }

// Setting reads a simple setting back from the configuration file.
func (h *Home) Setting(name string) string {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.Dir, "standpipe.hcl"))
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(key) == name {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	h.t.Fatalf("the configuration file has no %s", name)
	return ""
}

// Decode reads JSON that a command printed.
func Decode(h *Home, text string, out any) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(text), out); err != nil {
		h.t.Fatalf("no JSON: %v\n%s", err, text)
	}
}

// Command prepares a program of this person.
func (h *Home) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = h.Dir, h.Env
	cmd.SysProcAttr = asUser(userID)
	return cmd
}

// As prepares the same for another user of the machine; nil when the tests do
// not run as root and so cannot become one.
func (h *Home) As(other func(*exec.Cmd), name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = asUser(otherID)
	if other != nil {
		other(cmd)
	}
	return cmd
}

// UID is as which user the product runs.
func UID() int {
	if os.Geteuid() == 0 {
		return userID
	}
	return os.Getuid()
}

// asUser drops to a user when there is a choice, in a process group of its own.
func asUser(id uint32) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		a.Credential = &syscall.Credential{Uid: id, Gid: id}
	}
	return a
}

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Exit           int
}

// Try runs the command line and returns however it ended.
func (h *Home) Try(args ...string) Result {
	h.t.Helper()
	return h.TryWith("", args...)
}

// TryWith is Try with something on standard input.
func (h *Home) TryWith(input string, args ...string) Result {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := h.Command(h.Program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	if err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			h.t.Fatal(err)
		}
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// CLI runs the command line, which must succeed, and returns what it printed.
func (h *Home) CLI(args ...string) string {
	h.t.Helper()
	r := h.Try(args...)
	if r.Exit != 0 {
		h.t.Fatalf("standpipe %v ended with %d:\n%s%s", args, r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// JSON runs the command line with --json and decodes what it printed.
func (h *Home) JSON(out any, args ...string) {
	h.t.Helper()
	Decode(h, h.CLI(append(args, "--json")...), out)
}

// Fill puts connections into the store with the program of app/e2e/fill, while
// no hub runs.
func (h *Home) Fill(program string, args ...string) {
	h.t.Helper()
	if out, err := h.Command(program, append(args, h.Data)...).CombinedOutput(); err != nil {
		h.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

// AddApp registers an app and returns its key.
func (h *Home) AddApp(args ...string) string {
	h.t.Helper()
	var out struct {
		Key string `json:"key"`
	}
	h.JSON(&out, append([]string{"apps", "add"}, args...)...)
	return out.Key
}

// Files reads everything below the data folder, but for the programs there:
// the plugins, which know the words for many things. A hub that runs makes and
// removes files meanwhile: what is gone when its turn comes is left out.
func (h *Home) Files() map[string][]byte {
	h.t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(h.Data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Base(filepath.Dir(path)) != "bin" {
			var b []byte
			if b, err = os.ReadFile(path); err == nil {
				out[path] = b
			}
		}
		if path != h.Data && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/standpipe/standpipe/app/cli"
	"github.com/standpipe/standpipe/app/e2e/ports"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// The test binary is also the program: a script that calls standpipe starts
// the real thing in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"standpipe": func() { os.Exit(cli.Main(os.Args[1:])) },
		// What exec does once it has a token: become PROGRAM [ARG…].
		"become": func() {
			cli.Harden()
			path, err := exec.LookPath(os.Args[1])
			if err == nil {
				err = cli.Become(path, os.Args[1:], append(os.Environ(), "GIVEN=secret"))
			}
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		},
	})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			home := env.WorkDir + "/home"
			env.Setenv("HOME", home)
			env.Setenv("STANDPIPE_DATA", env.WorkDir+"/data")
			env.Setenv("STANDPIPE_CONFIG", env.WorkDir+"/standpipe.hcl")
			env.Setenv("XDG_RUNTIME_DIR", "")
			// No session, so no keychain.
			env.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
			return os.Mkdir(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    cmdExits,
			"freeport": cmdFreePort,
			"holdport": cmdHoldPort,
			"hubup":    cmdHubUp,
			"mode":     cmdMode,
			"plugin":   cmdPlugin,
			"hostile":  cmdHostile,
		},
	})
}

// cmdExits runs a program and wants an exit code: exits CODE PROGRAM [ARG…].
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdFreePort sets variables to ports that nobody listens on: freeport NAME….
func cmdFreePort(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		port, err := ports.Take(1)
		ts.Check(err)
		ts.Setenv(name, strconv.Itoa(port))
	}
}

// cmdMode wants a file's mode: mode 0600 FILE.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	if got := info.Mode().Perm(); got != os.FileMode(want) {
		ts.Fatalf("%s has mode %04o, want %s", args[1], got, args[0])
	}
}

// cmdHoldPort listens on a new port and sets a variable to it: holdport NAME.
func cmdHoldPort(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// cmdHubUp waits until a hub runs on a data folder: hubup FOLDER.
func cmdHubUp(ts *testscript.TestScript, neg bool, args []string) {
	paths, err := instance.Resolve("", ts.MkAbs(args[0]))
	ts.Check(err)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err = instance.Discover(paths); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the hub is not up: %v", err)
		}
	}
}

// cmdPlugin builds a bundled plugin into the folder plugins, with the list of
// hashes that lets it run, and sets STANDPIPE_DATA to a new data folder with a
// short path: plugin NAME.
func cmdPlugin(ts *testscript.TestScript, neg bool, args []string) {
	dir, name := ts.MkAbs("plugins"), "standpipe-provider-"+args[0]
	build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "github.com/standpipe/standpipe/plugins/"+args[0])
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("go build: %v\n%s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(dir, name))
	ts.Check(err)
	sum := fmt.Sprintf("%x  %s\n", sha256.Sum256(program), name)
	ts.Check(os.WriteFile(filepath.Join(dir, "plugins.sum"), []byte(sum), 0o600))
	// The script's folder has too long a path for a plugin's socket.
	data, err := os.MkdirTemp("", "sp")
	ts.Check(err)
	ts.Defer(func() { _ = os.RemoveAll(data) })
	ts.Setenv("STANDPIPE_DATA", data)
}

// cmdHostile builds the hostile plugin of package pluginhost in one of its modes
// and sets PLUGIN to its path: hostile MODE.
func cmdHostile(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs("standpipe-provider-" + args[0])
	build := exec.Command("go", "build", "-o", path, "github.com/standpipe/standpipe/app/internal/pluginhost/testdata/hostile")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("go build: %v\n%s", err, out)
	}
	ts.Setenv("PLUGIN", path)
}

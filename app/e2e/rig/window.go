// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// automation builds the library that lets a driver into the window.
var automation = sync.OnceValues(func() (string, error) {
	p, err := build()
	if err != nil {
		return "", err
	}
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "webkit2gtk-4.1").Output()
	if err != nil {
		return "", fmt.Errorf("pkg-config webkit2gtk-4.1: %w", err)
	}
	lib := filepath.Join(filepath.Dir(p.Standpipe), "automation.so")
	source := filepath.Join(Root(), "app", "e2e", "automation", "automation.c")
	args := append([]string{"-shared", "-fPIC", "-o", lib, source}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", source, err, out)
	}
	return lib, os.Chmod(lib, 0o755)
})

// Screen gives the person a display of their own, and returns its X server.
func (h *Home) Screen() *Process {
	h.t.Helper()
	name, server := h.display()
	h.Env = append(h.Env, "DISPLAY="+name, "GDK_BACKEND=x11", "NO_AT_BRIDGE=1")
	return server
}

// ServeWindow opens the window, in a build of it, with nobody at it: to be the
// hub itself, where the configuration file says. The person needs a Screen. It
// does not wait for the hub, which may be meant to die, see Announced.
func (h *Home) ServeWindow(program string, args ...string) *Hub {
	h.t.Helper()
	return &Hub{Home: h, Process: start(h.t, "the window", h.Command(program, append(args, "--verbose")...))}
}

// display starts an X server and returns the value of DISPLAY.
func (h *Home) display() (string, *Process) {
	h.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	defer read.Close()
	cmd := h.Command(Program(h.t, "Xvfb"), "-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{write}
	server := start(h.t, "Xvfb", cmd)
	write.Close()
	// To the end of the line: Xvfb dies of a pipe that is closed earlier.
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		h.t.Fatalf("Xvfb said no display: %v", err)
	}
	return ":" + strings.TrimSpace(number), server
}

// Window opens the native window and a driver to it. What the window would
// open in the system browser is written to the returned file, a URL a line. The
// person's environment has its display from then on.
//
// The window is started here and not by the driver, which would take a port for
// the two of them from those that the next connection of anybody may get, and
// tell of a window that ended only that its session is not valid.
func (h *Home) Window(args ...string) (page *Page, opened string) {
	h.t.Helper()
	lib, err := automation()
	if err != nil {
		h.t.Fatal(err)
	}
	opened = h.Write("opened-urls", "")
	bin := filepath.Join(h.Dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		h.t.Fatal(err)
	}
	h.own(bin)
	h.script("bin/xdg-open", "#!/bin/sh\nprintf '%s\\n' \"$1\" >> "+opened+"\n")
	h.Env = h.windowEnv(bin)
	_ = h.Screen()
	port, inspector := FreePort(h.t), fmt.Sprintf("127.0.0.1:%d", FreePort(h.t))
	cmd := h.Command(h.Product.Desktop, args...)
	cmd.Env = append(slices.Clone(h.Env), "AUTOMATION_CLOSE="+filepath.Join(h.Dir, "close"), "LD_PRELOAD="+lib, "WEBKIT_INSPECTOR_SERVER="+inspector)
	h.window = start(h.t, "the window", cmd)
	EventuallyFor(h.t, 2*patience, "the window can be driven", func() bool {
		select {
		case <-h.window.Done():
			h.t.Fatalf("the window ended (%v):\n%s", h.window.cmd.ProcessState, h.window.Log())
		default:
		}
		c, err := net.Dial("tcp", inspector)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	start(h.t, "WebKitWebDriver", h.Command(Program(h.t, "WebKitWebDriver"), fmt.Sprintf("--port=%d", port), "--target="+inspector))
	return h.session(h.window, port, map[string]any{}), opened
}

// CloseWindow closes the window as the button of its title bar does.
func (h *Home) CloseWindow() { h.t.Helper(); h.Write("close", "") }

// WindowRuns reports whether the program of the window runs.
func (h *Home) WindowRuns() bool {
	select {
	case <-h.window.Done():
		return false
	default:
		return true
	}
}

// WindowHub is the window that runs, as the hub that it is.
func (h *Home) WindowHub() *Hub {
	h.t.Helper()
	return (&Hub{Home: h, Process: h.window}).Announced()
}

// CrashWindow kills the window alone, as the kernel does where memory is short,
// and returns the processes that it had started. They are stopped just before: what
// ends nevertheless does not end by its own doing.
func (h *Home) CrashWindow() (helpers []Helper) {
	h.t.Helper()
	helpers = (&Hub{Home: h, Process: h.window}).Helpers()
	for _, p := range helpers {
		_ = syscall.Kill(p.PID, syscall.SIGSTOP)
	}
	h.window.end()
	_ = syscall.Kill(h.window.PID(), syscall.SIGKILL)
	Eventually(h.t, "the end of the window", func() bool { return !h.window.Lives() })
	return helpers
}

// Again starts the window's program once more, as a click on its icon or on a
// link does, and waits for the end of that start.
func (h *Home) Again(args ...string) {
	h.t.Helper()
	if out, err := h.Command(h.Product.Desktop, args...).CombinedOutput(); err != nil {
		h.t.Fatalf("another start of the window, %v: %v\n%s", args, err, out)
	}
}

func (h *Home) windowEnv(bin string) []string {
	var env []string
	for _, e := range h.Env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			e = "PATH=" + bin + ":" + path
		}
		env = append(env, e)
	}
	return env
}

func (h *Home) script(name, text string) string {
	path := h.Write(name, text)
	if err := os.Chmod(path, 0o700); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// OpenedURL waits until the window opened a URL in the system browser, and
// returns the last one.
func OpenedURL(t testing.TB, opened string, after int) (url string, count int) {
	t.Helper()
	Eventually(t, "the system browser is opened", func() bool {
		b, err := os.ReadFile(opened)
		lines := strings.Fields(string(b))
		count = len(lines)
		if err != nil || count <= after {
			return false
		}
		url = lines[count-1]
		return true
	})
	return url, count
}

// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/lock"
)

// logind is a simulated systemd-logind on a bus of its own.
type logind struct {
	t    *testing.T
	conn *dbus.Conn

	mu         sync.Mutex
	inhibitors []*os.File // the other ends: readable (at their end) once given up
}

const sessionPath = "/org/freedesktop/login1/session/"

func startLogind(t *testing.T) *logind {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip("dbus-daemon is not installed")
	}
	cmd := exec.CommandContext(t.Context(), "dbus-daemon", "--session", "--nofork", "--print-address", "--nopidfile")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	l := &logind{t: t}
	if l.conn, err = dbus.Connect(address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.conn.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.conn.Export(l, "/org/freedesktop/login1", "org.freedesktop.login1.Manager"))
	must(l.conn.Export(user(os.Getuid()), sessionPath+"ours", "org.freedesktop.DBus.Properties"))
	must(l.conn.Export(user(os.Getuid()+1), sessionPath+"theirs", "org.freedesktop.DBus.Properties"))
	if r, err := l.conn.RequestName("org.freedesktop.login1", dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("the name of logind: %v, %v", r, err)
	}
	return l
}

// Inhibit is org.freedesktop.login1.Manager.Inhibit.
func (l *logind) Inhibit(what, _, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || mode != "delay" {
		return 0, dbus.MakeFailedError(errors.New("not what is wanted"))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inhibitors = append(l.inhibitors, r)
	fd := dbus.UnixFD(w.Fd())
	// The library sends a copy; ours must be closed, or nobody gives it up.
	time.AfterFunc(time.Second, func() { _ = w.Close() })
	return fd, nil
}

// waitForSleep is how systemd-logind waits: until the inhibitor was given up.
func (l *logind) waitForSleep() {
	l.t.Helper()
	l.mu.Lock()
	r := l.inhibitors[len(l.inhibitors)-1]
	l.mu.Unlock()
	_ = r.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := r.Read(make([]byte, 1)); n != 0 || os.IsTimeout(err) {
		l.t.Fatalf("the machine was kept from sleeping: %v", err)
	}
}

// user answers Properties.Get of a session.
type user uint32

func (u user) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	if iface != "org.freedesktop.login1.Session" || name != "User" {
		return dbus.Variant{}, dbus.MakeFailedError(errors.New("no such property"))
	}
	return dbus.MakeVariant(struct {
		UID  uint32
		Path dbus.ObjectPath
	}{uint32(u), "/org/freedesktop/login1/user/_x"}), nil
}

func (l *logind) emit(path, name string, values ...any) {
	l.t.Helper()
	if err := l.conn.Emit(dbus.ObjectPath(path), name, values...); err != nil {
		l.t.Fatal(err)
	}
}

func TestLogind(t *testing.T) {
	l := startLogind(t)
	ready, causes := make(chan struct{}), make(chan hub.LockCause, 8)
	ended := make(chan error, 1)
	go func() {
		ended <- lock.SystemSession().Watch(t.Context(), func() { close(ready) }, func(c hub.LockCause) { causes <- c })
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(10 * time.Second):
		t.Fatal("it does not find logind")
	}
	next := func(want hub.LockCause) {
		t.Helper()
		select {
		case got := <-causes:
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s was not noticed", want)
		}
	}
	properties := "org.freedesktop.DBus.Properties.PropertiesChanged"
	hint := func(locked bool) []any {
		return []any{"org.freedesktop.login1.Session", map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(locked)}, []string{}}
	}
	// What is not ours, and what is no lock, comes first: had it been taken
	// for one, the next would not be what is waited for.
	l.emit(sessionPath+"theirs", "org.freedesktop.login1.Session.Lock")
	l.emit(sessionPath+"theirs", properties, hint(true)...)
	l.emit(sessionPath+"ours", properties, hint(false)...)
	l.emit(sessionPath+"ours", "org.freedesktop.login1.Session.Unlock")
	l.emit("/org/freedesktop/login1", "org.freedesktop.login1.Manager.PrepareForSleep", true)
	next(hub.LockedBySuspend)
	l.waitForSleep()
	l.emit("/org/freedesktop/login1", "org.freedesktop.login1.Manager.PrepareForSleep", false)
	l.emit(sessionPath+"ours", "org.freedesktop.login1.Session.Lock")
	next(hub.LockedByScreen)
	l.emit(sessionPath+"ours", properties, hint(true)...)
	next(hub.LockedByScreen)
	l.mu.Lock()
	if n := len(l.inhibitors); n != 2 {
		t.Errorf("the sleep is waited with %d times, want 2: before the first and before the next", n)
	}
	l.mu.Unlock()
	select {
	case c := <-causes:
		t.Errorf("also %s", c)
	default:
	}
	_ = l.conn.Close()
}

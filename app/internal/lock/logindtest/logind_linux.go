// SPDX-License-Identifier: Apache-2.0

package logindtest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// The names of org.freedesktop.login1(5).
const (
	login1     = "org.freedesktop.login1"
	path       = "/org/freedesktop/login1"
	properties = "org.freedesktop.DBus.Properties"
)

// Session is a login session at the simulated machine.
type Session string

// The sessions: of the user whom Start was given, and of somebody else.
const (
	Ours   Session = path + "/session/ours"
	Theirs Session = path + "/session/theirs"
)

// Logind is a simulated systemd-logind.
type Logind struct {
	// Address is of its bus: DBUS_SYSTEM_BUS_ADDRESS for who is to find it.
	Address string

	t    testing.TB
	conn *dbus.Conn

	mu         sync.Mutex
	inhibitors []*os.File // the other ends: readable (at their end) once given up
	given      []*os.File // ours of what was given out, of which whoever delays the sleep has a copy
}

// policy lets every user of the machine connect and own names.
const policy = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>
`

// Start starts it, and dbus-daemon, until the test ends.
func Start(t testing.TB, uid int) *Logind {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip("dbus-daemon is not installed")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "bus") // a short path: sockets want one
	must(err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(os.Chmod(dir, 0o755))
	config := filepath.Join(dir, "bus.conf")
	must(os.WriteFile(config, fmt.Appendf(nil, policy, filepath.Join(dir, "socket")), 0o644))
	cmd := exec.CommandContext(t.Context(), "dbus-daemon", "--config-file="+config, "--nofork", "--print-address", "--nopidfile")
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	must(err)
	l := &Logind{t: t, Address: strings.TrimSpace(address)}
	l.conn, err = dbus.Connect(l.Address)
	must(err)
	t.Cleanup(l.Close)
	must(l.conn.Export(manager{l}, path, login1+".Manager"))
	must(l.conn.Export(user(uid), dbus.ObjectPath(Ours), properties))
	must(l.conn.Export(user(uid+1), dbus.ObjectPath(Theirs), properties))
	if r, err := l.conn.RequestName(login1, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("the name of logind: %v, %v", r, err)
	}
	return l
}

// Close makes it go away.
func (l *Logind) Close() {
	_ = l.conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.given {
		_ = w.Close()
	}
}

// Sleep says that the machine is about to sleep, or that it is awake again.
func (l *Logind) Sleep(begins bool) { l.emit(path, login1+".Manager.PrepareForSleep", begins) }

// Lock asks a session to lock its screen; Unlock the opposite.
func (l *Logind) Lock(s Session) { l.emit(string(s), login1+".Session.Lock") }

// Unlock is the opposite of Lock.
func (l *Logind) Unlock(s Session) { l.emit(string(s), login1+".Session.Unlock") }

// Hint says that a session's screen was locked, or is open.
func (l *Logind) Hint(s Session, locked bool) {
	l.emit(string(s), properties+".PropertiesChanged", login1+".Session", map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(locked)}, []string{})
}

// WaitForSleep waits as systemd-logind does: until whoever delays the sleep gives
// that up.
func (l *Logind) WaitForSleep() {
	l.t.Helper()
	l.mu.Lock()
	r, w := l.inhibitors[len(l.inhibitors)-1], l.given[len(l.given)-1]
	l.mu.Unlock()
	_ = w.Close() // whoever heard of the sleep has had its copy
	_ = r.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := r.Read(make([]byte, 1)); n != 0 || os.IsTimeout(err) {
		l.t.Fatalf("the machine was kept from sleeping: %v", err)
	}
}

// Inhibitors is how often the sleep was asked to be delayed.
func (l *Logind) Inhibitors() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.inhibitors)
}

func (l *Logind) emit(path, name string, values ...any) {
	l.t.Helper()
	if err := l.conn.Emit(dbus.ObjectPath(path), name, values...); err != nil {
		l.t.Fatal(err)
	}
}

// manager is org.freedesktop.login1.Manager.
type manager struct{ l *Logind }

// Inhibit is the method of that name.
func (m manager) Inhibit(what, _, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || mode != "delay" {
		return 0, dbus.MakeFailedError(errors.New("not what is wanted"))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	// The library sends a copy once this has returned; ours is closed later.
	m.l.inhibitors, m.l.given = append(m.l.inhibitors, r), append(m.l.given, w)
	return dbus.UnixFD(w.Fd()), nil
}

// user answers Properties.Get of a session.
type user uint32

// Get is the method of that name.
func (u user) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	if iface != login1+".Session" || name != "User" {
		return dbus.Variant{}, dbus.MakeFailedError(errors.New("no such property"))
	}
	return dbus.MakeVariant(struct {
		UID  uint32
		Path dbus.ObjectPath
	}{uint32(u), path + "/user/_x"}), nil
}

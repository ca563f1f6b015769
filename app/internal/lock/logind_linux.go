// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The names of logind on the system bus (org.freedesktop.login1(5)).
const (
	login1    = "org.freedesktop.login1"
	manager   = login1 + ".Manager"
	session   = login1 + ".Session"
	login1Dir = "/org/freedesktop/login1"
)

// logind is the Session of a system with systemd-logind, or another that speaks
// its protocol.
type logind struct{}

// SystemSession is the Session of this system.
func SystemSession() Session { return logind{} }

// Watch implements Session. It asks the machine to wait with its sleep until f
// has returned.
func (logind) Watch(ctx context.Context, ready func(), f func(hub.LockCause)) error {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("the system bus: %w", err)
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 64)
	conn.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface(manager), dbus.WithMatchMember("PrepareForSleep")},
		{dbus.WithMatchInterface(session), dbus.WithMatchMember("Lock")},
		{dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchArg(0, session)},
	} {
		if err := conn.AddMatchSignalContext(ctx, append(match, dbus.WithMatchSender(login1), dbus.WithMatchPathNamespace(login1Dir))...); err != nil {
			return fmt.Errorf("listen to logind: %w", err)
		}
	}
	var owner string
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, login1).Store(&owner); err != nil {
		return fmt.Errorf("find logind: %w", err)
	}
	w := &watch{conn: conn, inhibitor: -1}
	defer w.release()
	w.inhibit(ctx)
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s, ok := <-signals:
			if !ok {
				return errors.New("the system bus is gone")
			}
			w.handle(ctx, s, f)
		}
	}
}

// watch is a connection to logind.
type watch struct {
	conn      *dbus.Conn
	inhibitor int // descriptor by which the machine waits with its sleep; -1: none
}

func (w *watch) handle(ctx context.Context, s *dbus.Signal, f func(hub.LockCause)) {
	switch s.Name {
	case manager + ".PrepareForSleep":
		if asleep, ok := first[bool](s.Body); ok && asleep {
			f(hub.LockedBySuspend)
			w.release()
		} else {
			w.inhibit(ctx) // awake again
		}
	case session + ".Lock":
		if w.ours(ctx, s.Path) {
			f(hub.LockedByScreen)
		}
	case "org.freedesktop.DBus.Properties.PropertiesChanged":
		// Desktops tell logind so when they lock the screen by themselves.
		if len(s.Body) < 2 {
			return
		}
		changed, _ := s.Body[1].(map[string]dbus.Variant)
		if locked, _ := changed["LockedHint"].Value().(bool); locked && w.ours(ctx, s.Path) {
			f(hub.LockedByScreen)
		}
	}
}

// ours reports whether a session is this user's.
func (w *watch) ours(ctx context.Context, path dbus.ObjectPath) bool {
	if !strings.HasPrefix(string(path), login1Dir+"/session/") {
		return false
	}
	var user struct {
		UID  uint32
		Path dbus.ObjectPath
	}
	v := dbus.Variant{}
	call := w.conn.Object(login1, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, session, "User")
	return call.Store(&v) == nil && v.Store(&user) == nil && int(user.UID) == os.Getuid()
}

// inhibit asks the machine to wait with its sleep until release, for some
// seconds at most. Where that is not allowed, locking has to be quick.
func (w *watch) inhibit(ctx context.Context) {
	if w.inhibitor >= 0 {
		return
	}
	var fd dbus.UnixFD
	call := w.conn.Object(login1, login1Dir).CallWithContext(ctx, manager+".Inhibit", 0, "sleep", "Standpipe", "It locks before the machine sleeps", "delay")
	if call.Store(&fd) == nil {
		w.inhibitor = int(fd)
	}
}

func (w *watch) release() {
	if w.inhibitor >= 0 {
		_ = syscall.Close(w.inhibitor)
		w.inhibitor = -1
	}
}

func first[T any](body []any) (v T, ok bool) {
	if len(body) == 0 {
		return v, false
	}
	v, ok = body[0].(T)
	return v, ok
}

// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"fmt"
	"path/filepath"
	"sync"

	"github.com/godbus/dbus/v5"
)

const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = "/org/freedesktop/Notifications"
)

// busConfig is of a session bus which the tests, that may run as another user,
// can use as well.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`

// Notification is what a program had shown.
type Notification struct {
	ID          uint32
	Title, Body string
	Actions     []string // pairs of id and label
}

// Notifications is the notification server of a desktop session, on a bus of
// its own. It is safe for concurrent use.
type Notifications struct {
	conn *dbus.Conn
	h    *Home

	mu   sync.Mutex
	list []Notification
}

// Notifications starts the session's bus and a notification server on it. What
// the person starts after that finds them.
func (h *Home) Notifications() *Notifications {
	h.t.Helper()
	socket := filepath.Join(h.Dir, "run", "bus")
	config := h.Write("bus.conf", fmt.Sprintf(busConfig, socket))
	start(h.t, "dbus-daemon", h.Command(Program(h.t, "dbus-daemon"), "--config-file="+config, "--nofork"))
	address := "unix:path=" + socket
	n := &Notifications{h: h}
	Eventually(h.t, "the session bus", func() bool {
		conn, err := dbus.Connect(address)
		n.conn = conn
		return err == nil
	})
	h.t.Cleanup(func() { _ = n.conn.Close() })
	if err := n.conn.Export(server{n}, notifyPath, notifyName); err != nil {
		h.t.Fatal(err)
	}
	if r, err := n.conn.RequestName(notifyName, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		h.t.Fatalf("the name of the notification server: %v %v", r, err)
	}
	h.Env = append(h.Env, "DBUS_SESSION_BUS_ADDRESS="+address)
	return n
}

// server is what is exported on the bus.
type server struct{ n *Notifications }

// Notify is of the Desktop Notifications Specification, section 9.
func (s server) Notify(_ string, _ uint32, _, title, body string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	id := uint32(len(s.n.list) + 1)
	s.n.list = append(s.n.list, Notification{ID: id, Title: title, Body: body, Actions: actions})
	return id, nil
}

// All are those that were shown so far.
func (n *Notifications) All() []Notification {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Notification(nil), n.list...)
}

// Next waits for the notification after the first so many.
func (n *Notifications) Next(after int) Notification {
	n.h.t.Helper()
	Eventually(n.h.t, "a notification", func() bool { return len(n.All()) > after })
	return n.All()[after]
}

// Click clicks a notification.
func (n *Notifications) Click(id uint32) {
	n.h.t.Helper()
	if err := n.conn.Emit(notifyPath, notifyName+".ActionInvoked", id, "default"); err != nil {
		n.h.t.Fatal(err)
	}
}

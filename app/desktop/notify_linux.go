// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")

	// notifyTime bounds the wait for the notification server.
	notifyTime = 5 * time.Second
)

// busNotifier speaks the Desktop Notifications Specification over the session
// bus.
type busNotifier struct {
	conn    *dbus.Conn
	clicked func(route string)

	mu     sync.Mutex
	routes map[uint32]string // of notices that are shown
}

// newNotifier connects to the notification server. Where the session has no
// bus there is none, and no bus is started for it.
func newNotifier(clicked func(route string)) (notifier, error) {
	if !hasBus() {
		return nil, errors.New("the session has no D-Bus")
	}
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		return nil, err
	}
	err = conn.AddMatchSignal(dbus.WithMatchInterface(notifyName), dbus.WithMatchObjectPath(notifyPath))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	n := &busNotifier{conn: conn, clicked: clicked, routes: map[uint32]string{}}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	go n.follow(signals)
	return n, nil
}

// hasBus reports whether there is a session bus already; the library would
// start one of its own, and leave it behind.
func hasBus() bool {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus"))
	return os.Getenv("XDG_RUNTIME_DIR") != "" && err == nil
}

// show implements notifier.
func (n *busNotifier) show(what notice) error {
	ctx, cancel := context.WithTimeout(context.Background(), notifyTime)
	defer cancel()
	// Held until the route is known: a click may come as soon as the answer.
	n.mu.Lock()
	defer n.mu.Unlock()
	var id uint32
	err := n.conn.Object(notifyName, notifyPath).CallWithContext(ctx, notifyName+".Notify", 0,
		"Standpipe", uint32(0), "standpipe", what.title, markup(what.body),
		[]string{"default", "Open"}, map[string]dbus.Variant{"desktop-entry": dbus.MakeVariant("standpipe")}, int32(-1),
	).Store(&id)
	if err != nil {
		return err
	}
	n.routes[id] = what.route
	return nil
}

func (n *busNotifier) follow(signals <-chan *dbus.Signal) {
	for s := range signals {
		if len(s.Body) < 2 {
			continue
		}
		id, ok := s.Body[0].(uint32)
		if !ok {
			continue
		}
		n.mu.Lock()
		route, ours := n.routes[id]
		if s.Name == notifyName+".NotificationClosed" {
			delete(n.routes, id)
		}
		n.mu.Unlock()
		if ours && s.Name == notifyName+".ActionInvoked" && s.Body[1] == "default" {
			n.clicked(route)
		}
	}
}

// Close implements notifier.
func (n *busNotifier) Close() error { return n.conn.Close() }

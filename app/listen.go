// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"strconv"
	"syscall"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// listeners are the hub's doors.
type listeners struct {
	app, ui []net.Listener // IPv4 and, where there is one, IPv6 loopback
	metrics []net.Listener // none, unless the file says so
	socket  net.Listener
	// planned is the address of the app API while nothing listens: redirect
	// URIs are made of it.
	planned string
}

func (l *listeners) appAddress() string { return first(address(l.app), l.planned) }
func (l *listeners) uiAddress() string  { return address(l.ui) }

func address(l []net.Listener) string {
	if len(l) == 0 {
		return ""
	}
	return l[0].Addr().String()
}

// canReceive refuses to begin a flow whose callback could not arrive, or would
// arrive at a stranger.
func (l *listeners) canReceive() error {
	if len(l.app) == 0 {
		return hub.Errorf(hub.CodeConflict, "this hub does not listen for callbacks").
			WithRemedy("Start `standpipe serve`, then connect.")
	}
	return nil
}

func (a *App) openListeners(context.Context) (err error) {
	if a.opts.Offline {
		a.listen.planned = first(a.opts.Listen, a.config.Listen)
		return nil
	}
	if a.listen.socket, err = a.instance.Listen(); err != nil {
		return err
	}
	if a.listen.app, err = listenLoopback(first(a.opts.Listen, a.config.Listen), "--listen"); err != nil {
		return err
	}
	a.closeLater(a.listen.app)
	if a.config.Metrics != "" {
		if a.listen.metrics, err = listenLoopback(a.config.Metrics, "metrics { listen }"); err != nil {
			return err
		}
		a.closeLater(a.listen.metrics)
	}
	if a.opts.NoUI {
		return nil
	}
	a.listen.ui, err = listenLoopback(first(a.opts.UIListen, a.config.UIListen), "--ui-listen")
	a.closeLater(a.listen.ui)
	return err
}

func (a *App) closeLater(list []net.Listener) {
	for _, l := range list {
		a.onClose(func() error {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, fs.ErrClosed) {
				return err
			}
			return nil
		})
	}
}

// loopback is the IP address of addr, which must be a loopback one with a port.
func loopback(addr, flag string) (net.IP, error) {
	host, port, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	_, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case err == nil && errors.Is(bad, strconv.ErrRange):
		return nil, hub.Errorf(hub.CodeInvalid, "%s %q: there is no port %s", flag, addr, port).
			WithRemedy("Ports are from 1 to 65535; 0 takes one that is free.")
	case err != nil || bad != nil || ip == nil || !ip.IsLoopback():
		return nil, hub.Errorf(hub.CodeInvalid, "%s %q is not a loopback address with a port", flag, addr).
			WithRemedy("Use 127.0.0.1:PORT. The hub does not listen on other addresses.")
	}
	return ip, nil
}

// listenLoopback binds a loopback address: for 127.0.0.1 also the same port of
// ::1, so that no stranger answers to "localhost" there.
func listenLoopback(addr, flag string) ([]net.Listener, error) {
	ip, err := loopback(addr, flag)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err // a *net.OpError; the command line looks up who has the port
	}
	if !ip.Equal(net.IPv4(127, 0, 0, 1)) {
		return []net.Listener{l}, nil
	}
	six, err := net.ListenTCP("tcp6", &net.TCPAddr{IP: net.IPv6loopback, Port: l.Addr().(*net.TCPAddr).Port})
	switch {
	case err == nil:
		return []net.Listener{l, six}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errors.Join(err, l.Close())
	default: // no IPv6 here
		return []net.Listener{l}, nil
	}
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

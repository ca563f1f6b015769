// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// ErrNotRunning is returned when no hub runs on the data folder.
var ErrNotRunning = errors.New("no hub is running on this data folder")

// helloTimeout is how long a hub may take to answer the handshake. One that is
// just starting keeps callers waiting until it is ready.
const helloTimeout = 15 * time.Second

// Attach connects to the hub that runs on the data folder: it checks that
// socket and hub are this user's, and that both speak the same protocol. The
// error is ErrNotRunning where there is none. Close the client after use.
func Attach(ctx context.Context, p Paths) (*Client, error) {
	p, err := p.held()
	if err != nil {
		return nil, err
	}
	if err := checkSocket(p); err != nil {
		return nil, err
	}
	c := NewClient(socketTransport(p.Socket(), os.Geteuid()))
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	hello, err := c.Hello(ctx)
	if err != nil {
		c.Close()
		switch {
		case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
			return nil, ErrNotRunning // killed: the socket was left behind
		case errors.Is(err, context.DeadlineExceeded):
			return nil, hub.Errorf(hub.CodeInternal, "the running hub does not answer on %s: %w", p.Socket(), err).
				WithRemedy("Look at its log; end it and start it again if it hangs.")
		}
		return nil, err
	}
	if err := checkHello(hello); err != nil {
		c.Close()
		return nil, err
	}
	c.hello = hello
	return c, nil
}

// held returns the paths with the run folder of the hub that holds, or held,
// the data folder: it may have had another XDG_RUNTIME_DIR than this process.
func (p Paths) held() (Paths, error) {
	h, err := readHolder(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, ErrNotRunning
	case errors.Is(err, fs.ErrPermission):
		return p, hub.Errorf(hub.CodeForbidden, "the data folder %s cannot be read: %w", p.Data, err).
			WithRemedy("It belongs to another user. Use your own, with --data or STANDPIPE_DATA.")
	case err != nil:
		return p, ErrNotRunning // a hub is just writing the file
	}
	p.Run = h.Run
	return p, nil
}

// checkSocket makes sure that nobody else could have put the socket there.
func checkSocket(p Paths) error {
	if _, err := os.Lstat(p.Socket()); errors.Is(err, fs.ErrNotExist) {
		return ErrNotRunning
	}
	if err := checkFolder(p.Run); err != nil {
		return err
	}
	info, err := os.Lstat(p.Socket())
	if err != nil {
		return hub.Errorf(hub.CodeStorage, "look at the hub's socket: %w", err)
	}
	mode := info.Mode().Perm()
	switch {
	case info.Mode().Type() != fs.ModeSocket:
		return hub.Errorf(hub.CodeStorage, "%s (mode %04o) is in the place of the hub's socket and is none", p.Socket(), mode).
			WithRemedy("Find out who put it there, and remove it.")
	case !ownedByUs(info):
		return hub.Errorf(hub.CodeForbidden, "the socket %s (mode %04o) belongs to %s", p.Socket(), mode, ownerName(info)).
			WithRemedy("Use a data folder of your own, with --data or STANDPIPE_DATA.")
	case readableByOthers(info) || writableByOthers(info):
		return hub.Errorf(hub.CodeStorage, "the socket %s has mode %04o: other users can open it; it must be 0600", p.Socket(), mode).
			WithRemedy("Restart the hub, or: chmod 600 %s", p.Socket())
	}
	return nil
}

// checkHello refuses a hub whose bodies this program does not understand.
func checkHello(h contract.Hello) error {
	if h.Name != "standpipe" {
		return hub.Errorf(hub.CodeConflict, "the program behind the socket is %q, not standpipe", h.Name)
	}
	if h.Protocol != contract.Protocol {
		return hub.Errorf(hub.CodeConflict, "the running hub (standpipe %s, pid %d) speaks protocol %d; this program speaks protocol %d",
			h.Version, h.PID, h.Protocol, contract.Protocol).
			WithRemedy("Stop the running hub (kill %d) and start the version you want, so that both are of one version.", h.PID)
	}
	return nil
}

// socketTransport sends every request to the socket, whatever its URL says, and
// only to a hub of the user uid.
func socketTransport(path string, uid int) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "unix", path)
			if err != nil {
				return nil, err
			}
			peer, err := peerOf(conn.(*net.UnixConn))
			if err == nil && peer.UID != uid {
				err = hub.Errorf(hub.CodeForbidden, "the socket %s is served by uid %d, not by uid %d; nothing was sent to it", path, peer.UID, uid)
			}
			if err != nil {
				_ = conn.Close()
				return nil, fmt.Errorf("check who serves the socket: %w", err)
			}
			return conn, nil
		},
		MaxIdleConns:       8,
		IdleConnTimeout:    30 * time.Second,
		DisableCompression: true,
	}
}

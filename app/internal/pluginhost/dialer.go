// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// dialer is one plugin process's way to the network: a Unix socket on which
// the plugin asks for a tunnel to a host, the way one asks an HTTP proxy
// (RFC 9110 section 9.3.6):
//
//	CONNECT api.github.com:443 HTTP/1.1
//	Host: api.github.com:443
//	Proxy-Authorization: Bearer <ticket>
//
// A ticket belongs to one call: it names the hosts that this call may reach,
// dies with it, and takes its tunnels along. The answer is 200 and then the
// bytes of the connection, or 403, 502 or 504 with the reason in the header
// Standpipe-Dial-Error. TLS is the plugin's own, end to end; a tunnel that does
// not begin with it goes to a private network, or ends.
type dialer struct {
	listener net.Listener
	out      Outbound
	log      *slog.Logger
	peer     func(net.Conn) error // nil: whoever can open the socket
	done     sync.WaitGroup
	slots    chan struct{} // bounds concurrent connections

	mu      sync.Mutex
	closed  bool
	tickets map[string]*ticket
	conns   map[net.Conn]struct{}
}

// Bounds of the dialer.
const (
	maxTunnels      = 64       // per plugin
	maxTunnelBytes  = 64 << 20 // per tunnel and direction
	connectHeader   = 8 << 10  // bytes of a CONNECT request
	connectDeadline = 10 * time.Second
)

// newDialer listens on socket, which must be in a folder of mode 0700.
func newDialer(socket string, out Outbound, log *slog.Logger, peer func(net.Conn) error) (*dialer, error) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("socket for the plugin's calls: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("socket for the plugin's calls: %w", err)
	}
	d := &dialer{
		listener: l, out: out, log: log, peer: peer,
		slots:   make(chan struct{}, maxTunnels),
		tickets: map[string]*ticket{}, conns: map[net.Conn]struct{}{},
	}
	d.done.Go(d.accept)
	return d, nil
}

// close ends the socket and every tunnel.
func (d *dialer) close() {
	d.mu.Lock()
	d.closed = true
	for c := range d.conns {
		c.Close()
	}
	d.mu.Unlock()
	d.listener.Close()
	d.done.Wait()
}

func (d *dialer) accept() {
	for {
		c, err := d.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, most likely
			d.log.Warn("a plugin's call was not accepted", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		select {
		case d.slots <- struct{}{}:
		default:
			c.Close()
			continue
		}
		if !d.track(c) {
			<-d.slots
			return
		}
		d.done.Go(func() {
			defer func() { <-d.slots }()
			defer d.untrack(c)
			d.serve(c)
		})
	}
}

// track remembers an open connection, unless the dialer is closed.
func (d *dialer) track(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.Close()
		return false
	}
	d.conns[c] = struct{}{}
	return true
}

func (d *dialer) untrack(c net.Conn) {
	c.Close()
	d.mu.Lock()
	delete(d.conns, c)
	d.mu.Unlock()
}

// ticket admits the calls of one RPC.
type ticket struct {
	d       *dialer
	value   string
	hosts   map[string]bool // canonical host:port
	private bool
	ctx     context.Context // done when the RPC is
	cancel  context.CancelFunc

	// Of a call during which the user can be asked; set before the plugin
	// learns of the ticket.
	prompter hub.Prompter
	clock    *callClock
	redact   *redactor

	mu              sync.Mutex
	attempts, opens int
	clear           string // the host to which something was to go in clear; empty: none
}

// issue makes a ticket for hosts that is valid until ctx is done or drop is
// called. A host that is not well-formed admits nothing.
func (d *dialer) issue(ctx context.Context, hosts []string, private bool) *ticket {
	t := &ticket{d: d, value: rand.Text() + rand.Text(), hosts: map[string]bool{}, private: private}
	for _, h := range hosts {
		if c, err := canonicalHostPort(h); err == nil {
			t.hosts[c] = true
		}
	}
	t.ctx, t.cancel = context.WithCancel(ctx)
	d.mu.Lock()
	d.tickets[t.value] = t
	d.mu.Unlock()
	return t
}

// secret is what the plugin presents.
func (t *ticket) secret() secret.Value { return secret.New(t.value) }

// drop ends the ticket and its tunnels.
func (t *ticket) drop() {
	t.cancel()
	t.d.mu.Lock()
	delete(t.d.tickets, t.value)
	t.d.mu.Unlock()
}

// neverConnected reports whether the plugin asked for tunnels and got none:
// then nothing of the call can have reached the provider. A plugin that did not
// ask at all proves nothing.
func (t *ticket) neverConnected() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.attempts > 0 && t.opens == 0
}

func (t *ticket) count(opened bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if opened {
		t.opens++
	} else {
		t.attempts++
	}
}

// inClear notes that a tunnel to host was ended before anything went through.
func (t *ticket) inClear(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opens--
	t.clear = host
}

// wantedClear is the host of inClear; empty: none.
func (t *ticket) wantedClear() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clear
}

// lookup finds a live ticket.
func (d *dialer) lookup(value string) *ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tickets[value]
	if t == nil || t.ctx.Err() != nil {
		return nil
	}
	return t
}

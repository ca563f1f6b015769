// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// dialErrorHeader tells the SDK why a tunnel was refused.
const dialErrorHeader = "Standpipe-Dial-Error"

// Why a tunnel was refused.
const (
	dialNotAllowed = "not_allowed"     // not a host of this call, or no valid ticket
	dialPrivate    = "private_address" // the name leads into a private network
	dialResolve    = "resolve"         // the name could not be looked up
	dialConnect    = "connect"         // nobody answered there
	dialTimeout    = "timeout"
)

// dialError is a refused tunnel.
type dialError struct {
	reason string
	err    error
}

func (e *dialError) Error() string { return e.reason + ": " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

func refusef(reason, format string, args ...any) *dialError {
	return &dialError{reason: reason, err: fmt.Errorf(format, args...)}
}

func (e *dialError) status() int {
	switch e.reason {
	case dialNotAllowed, dialPrivate:
		return http.StatusForbidden
	case dialTimeout:
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// serve handles one connection of the plugin's.
func (d *dialer) serve(c net.Conn) {
	if d.peer != nil {
		if err := d.peer(c); err != nil {
			d.log.Warn("a stranger used the plugin's socket", "error", err)
			return
		}
	}
	_ = c.SetDeadline(time.Now().Add(connectDeadline))
	limited := &io.LimitedReader{R: c, N: connectHeader}
	in := bufio.NewReader(limited)
	req, err := http.ReadRequest(in)
	if err == nil && req.Method == http.MethodPost && req.URL.Path == "/prompt" {
		d.prompt(c, req)
		return
	}
	if err != nil || req.Method != http.MethodConnect {
		d.refuse(c, refusef(dialNotAllowed, "not a CONNECT request"))
		return
	}
	limited.N = maxTunnelBytes
	_ = c.SetDeadline(time.Time{})

	auth, _ := strings.CutPrefix(req.Header.Get("Proxy-Authorization"), "Bearer ")
	t := d.lookup(auth)
	if t == nil {
		d.refuse(c, refusef(dialNotAllowed, "no call is being made with this ticket"))
		return
	}
	t.count(false)
	upstream, derr := d.connect(t, req.RequestURI)
	if derr != nil {
		d.log.Warn("a call of the plugin was refused", "host", clean(req.RequestURI, 260), "reason", derr.reason, "error", clean(derr.err.Error(), 300))
		d.refuse(c, derr)
		return
	}
	defer upstream.Close()
	// From here on the plugin may send, so the call counts as begun.
	t.count(true)
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	defer context.AfterFunc(t.ctx, func() { c.Close(); upstream.Close() })()
	var from io.Reader = in
	if !t.private {
		from = &sealedOnly{r: in, refused: func() {
			t.inClear(clean(req.RequestURI, 260))
			d.log.Warn("a call of the plugin was refused: it is in clear", "host", clean(req.RequestURI, 260))
		}}
	}
	splice(c, from, upstream, d.out.IdleTimeout, func() { hub.Sent(t.ctx) })
}

func (d *dialer) refuse(c net.Conn, e *dialError) {
	_ = c.SetDeadline(time.Now().Add(time.Second))
	status := e.status()
	fmt.Fprintf(c, "HTTP/1.1 %d %s\r\n%s: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		status, http.StatusText(status), dialErrorHeader, e.reason)
}

// connect checks a ticket's right to authority and dials it.
func (d *dialer) connect(t *ticket, authority string) (net.Conn, *dialError) {
	hostPort, err := canonicalHostPort(authority)
	if err != nil {
		return nil, refusef(dialNotAllowed, "%w", err)
	}
	if !t.hosts[hostPort] {
		return nil, refusef(dialNotAllowed, "%s is not a host of this provider", hostPort)
	}
	ctx, cancel := context.WithTimeout(t.ctx, d.out.ConnectTimeout)
	defer cancel()
	return d.out.dial(ctx, hostPort, t.private)
}

// splice copies both ways until one side is done with sending and the other
// too, nothing has moved for idle, or one is closed. from reads what a sent,
// including what is buffered already. sent is called when b is sent something.
func splice(a net.Conn, from io.Reader, b net.Conn, idle time.Duration, sent func()) {
	touch := func() {
		at := time.Now().Add(idle)
		_ = a.SetDeadline(at)
		_ = b.SetDeadline(at)
	}
	touch()
	oneWay := func(dst net.Conn, src io.Reader, wrote func()) {
		buf := make([]byte, 16<<10)
		for {
			n, err := src.Read(buf)
			if n > 0 {
				touch()
				if _, werr := dst.Write(buf[:n]); werr != nil {
					err = werr
				}
				wrote()
			}
			if err != nil {
				if w, ok := dst.(interface{ CloseWrite() error }); ok && err == io.EOF {
					_ = w.CloseWrite()
				} else {
					dst.Close()
				}
				return
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { oneWay(b, from, sync.OnceFunc(sent)) })
	both.Go(func() { oneWay(a, io.LimitReader(b, maxTunnelBytes), func() {}) })
	both.Wait()
}

// sealedOnly reads what r has if that begins as TLS does, with a record of its
// handshake (RFC 8446 section 5.1): tokens and secrets do not cross the internet
// for everybody to read.
type sealedOnly struct {
	r       *bufio.Reader
	refused func() // called before a reader hears of it
	begun   bool
}

var errInClear = errors.New("it does not begin as TLS does")

func (s *sealedOnly) Read(b []byte) (int, error) {
	if !s.begun {
		head, err := s.r.Peek(2)
		if len(head) == 0 {
			return 0, err
		}
		if err != nil || head[0] != 0x16 || head[1] != 3 {
			s.refused()
			return 0, errInClear
		}
		s.begun = true
	}
	return s.r.Read(b)
}

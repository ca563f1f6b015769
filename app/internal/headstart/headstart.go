// SPDX-License-Identifier: Apache-2.0

// Package headstart lets out what a crowd waits for before the crowd is let in.
//
// A thousand callers come at once for a token that has to be renewed, and the
// first of them begins its refresh. What the refresh has to hear on its way out
// (that the plugin calls, that the provider takes the connection) stands in line
// behind the requests of the others, who are all read before, only to wait for it
// then. With a head start the provider thinks while they are read.
package headstart

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// crowd is how many requests are let in at any time: fewer delay nobody.
	crowd = 32
	// patience bounds how long a request waits, whatever is on its way out.
	patience = 20 * time.Millisecond
)

// Gate is closed for a crowd as long as something is on its way out: a server
// counts requests with Handler, and those that come over a Listener wait, not yet
// parsed. The zero value is an open one. Safe for concurrent use.
type Gate struct {
	// Crowd is called, on a goroutine of its own, when a crowd of n is let in
	// behind a departure, to wait for what departed. It may be nil; it is set
	// before the gate is used.
	Crowd func(n int)

	inside, held atomic.Int32

	mu  sync.Mutex
	out *departure // nil: the gate is open
}

// departure is what is on its way out together.
type departure struct {
	left int
	away chan struct{} // closed when nothing is left, or patience is at its end
}

// Depart closes the gate until away is called, which may be done more than once.
func (g *Gate) Depart() (away func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.out == nil {
		d := &departure{away: make(chan struct{})}
		g.out = d
		time.AfterFunc(patience, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.over(d)
		})
	}
	d := g.out
	d.left++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if d.left--; d.left == 0 {
			g.over(d)
		}
	})
}

// over opens the gate after a departure, once. It needs g.mu held.
func (g *Gate) over(d *departure) {
	if g.out != d {
		return
	}
	g.out = nil
	close(d.away)
	if n := int(g.inside.Load() + g.held.Load()); g.Crowd != nil && n > crowd {
		go g.Crowd(n)
	}
}

// Handler counts the requests that next serves.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.inside.Add(1)
		defer g.inside.Add(-1)
		next.ServeHTTP(w, r)
	})
}

// Listener returns l with a gate in front of what its connections send.
func (g *Gate) Listener(l net.Listener) net.Listener { return &listener{l, g} }

type listener struct {
	net.Listener
	gate *Gate
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{c, l.gate}, nil
}

type conn struct {
	net.Conn
	gate *Gate
}

// Read lets what was sent through: of a few at any time, of a crowd when the
// gate is open.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.gate.inside.Load() >= crowd {
		c.gate.wait()
	}
	return n, err
}

// CloseWrite is what net/http ends a connection with whose client still sends, so
// that the answer is read.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

func (g *Gate) wait() {
	g.held.Add(1)
	defer g.held.Add(-1)
	g.mu.Lock()
	d := g.out
	g.mu.Unlock()
	if d != nil {
		<-d.away
	}
}

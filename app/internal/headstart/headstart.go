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

// Gate is closed for a crowd as long as something is on its way out. The zero
// value is an open one. Safe for concurrent use.
type Gate struct {
	inside atomic.Int32

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
	if g.out == d {
		g.out = nil
		close(d.away)
	}
}

// Handler lets requests through to next: a few at any time, a crowd when the
// gate is open.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer g.inside.Add(-1)
		if g.inside.Add(1) > crowd {
			g.wait()
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Gate) wait() {
	g.mu.Lock()
	d := g.out
	g.mu.Unlock()
	if d != nil {
		<-d.away
	}
}

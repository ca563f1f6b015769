// SPDX-License-Identifier: Apache-2.0

package headstart

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a Gate with requests that stay inside until they are let go.
type gate struct {
	Gate
	served int
	leave  chan struct{}
}

func newGate() *gate { return &gate{leave: make(chan struct{})} }

func (g *gate) ask(n int) {
	h := g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		g.mu.Lock()
		g.served++
		g.mu.Unlock()
		<-g.leave
	}))
	for range n {
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	synctest.Wait()
}

func (g *gate) want(t *testing.T, what string, served int) {
	t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.served != served {
		t.Errorf("%s: %d requests are served, want %d", what, g.served, served)
	}
}

// TestCrowdWaits until what was on its way out is away, and no longer.
func TestCrowdWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		defer close(g.leave)
		g.ask(100)
		g.want(t, "nothing is on its way out", 100)
		first, second := g.Depart(), g.Depart()
		g.ask(100)
		g.want(t, "two are on their way", 100)
		first()
		first() // once more does not count for the other
		g.want(t, "one is", 100)
		second()
		g.want(t, "none is", 200)
		g.ask(1)
		g.want(t, "afterwards", 201)
	})
}

// TestFewDoNotWait, as no crowd stands in anybody's way.
func TestFewDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		defer g.Depart()()
		g.ask(crowd)
		g.want(t, "few", crowd)
		close(g.leave) // they have left, so others are few again
		synctest.Wait()
		g.ask(crowd)
		g.want(t, "few again", 2*crowd)
	})
}

// TestPatienceEnds: what stays on its way holds nobody for long, also when
// something new sets out on end.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		defer close(g.leave)
		begin := time.Now()
		g.Depart()
		g.ask(100)
		for time.Since(begin) < patience-time.Millisecond {
			time.Sleep(time.Millisecond)
			g.Depart()
		}
		g.want(t, "it is on its way", crowd)
		time.Sleep(time.Millisecond)
		g.want(t, "patience is at its end", 100)
		g.ask(1)
		g.want(t, "and for whoever comes then", 101)
	})
}

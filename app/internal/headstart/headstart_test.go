// SPDX-License-Identifier: Apache-2.0

package headstart

import (
	"errors"
	"io"
	"net"
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

// sent is a connection over which one request came.
type sent struct{ net.Conn }

func (sent) Read(b []byte) (int, error) { return len(b), nil }

func (sent) Accept() (net.Conn, error) { return sent{}, nil }
func (sent) Addr() net.Addr            { return nil }

// ask lets n requests come, one after the other.
func (g *gate) ask(n int) {
	l := g.Listener(sent{})
	h := g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		g.mu.Lock()
		g.served++
		g.mu.Unlock()
		<-g.leave
	}))
	for range n {
		go func() {
			c, _ := l.Accept()
			_, _ = c.Read(make([]byte, 1))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		}()
		synctest.Wait()
	}
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

// TestCrowdIsTold: how many are let in behind a departure, where they are many.
func TestCrowdIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		defer close(g.leave)
		told := make(chan int, 10)
		g.Crowd = func(n int) { told <- n }
		away := g.Depart()
		g.ask(crowd)
		away()
		synctest.Wait()
		if len(told) != 0 {
			t.Errorf("%d were called a crowd", <-told)
		}
		away = g.Depart()
		g.ask(68)
		away()
		synctest.Wait()
		if len(told) != 1 {
			t.Fatalf("told %d times, want once", len(told))
		}
		if n := <-told; n != 100 {
			t.Errorf("a crowd of %d, want 100", n)
		}
	})
}

// TestConnectionsEndAsTheyDid: net/http lets a client read an answer that it
// did not wait for by closing its own side first.
func TestConnectionsEndAsTheyDid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	server, err := new(Gate).Listener(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	if err := server.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_ = client.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client reads %v, want the end", err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := server.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("the server reads %d bytes, %v", n, err)
	}
}

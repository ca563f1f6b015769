// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestLateRequestIsTheTunnels: a request that a tunnel carried is not one that
// went around the dialer, however late its server comes to read it.
func TestLateRequestIsTheTunnels(t *testing.T) {
	suite := &T{ctx: t.Context()}
	defer suite.end()
	g := newGate(suite)
	dial, drop := g.admit()
	defer drop()
	c, err := net.Dial("unix", dial.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Bearer %s\r\n\r\n", g.host(), dial.Ticket.Reveal())
	answer, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil || answer.StatusCode != http.StatusOK || g.open() != 1 {
		t.Fatalf("no tunnel: %v, %d open", err, g.open())
	}
	g.mu.Lock()
	var from string
	for from = range g.tunnels {
	}
	g.mu.Unlock()
	_ = c.Close()
	if !eventually(func() bool { return g.open() == 0 }) {
		t.Fatal("the tunnel stays open")
	}

	late := httptest.NewRequest(http.MethodGet, "/me", http.NoBody)
	late.RemoteAddr = from
	g.ServeHTTP(httptest.NewRecorder(), late)
	if through, around, _ := g.counts(); through != 1 || around != 0 {
		t.Errorf("%d requests through the dialer and %d around it, want 1 and 0", through, around)
	}
	late.RemoteAddr = "127.0.0.1:1"
	g.ServeHTTP(httptest.NewRecorder(), late)
	if _, around, _ := g.counts(); around != 1 {
		t.Errorf("%d requests around the dialer, want 1", around)
	}
}

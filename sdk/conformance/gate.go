// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/standpipe/standpipe/sdk/internal/dial"
	"github.com/standpipe/standpipe/sdk/secret"
	"github.com/standpipe/standpipe/sdk/wire"
)

// patience bounds what a plugin takes for things that take no time.
const patience = 3 * time.Second

// gate stands before the provider's stand-in. It plays the host's dialer, knows
// which requests came through it, and can answer in the provider's place.
type gate struct {
	web    *httptest.Server // in clear, at the address that Settings name
	socket string

	mu      sync.Mutex
	server  http.Handler
	fault   http.HandlerFunc  // answers the plugin's requests; nil: the server does
	tickets map[string]bool   // of the calls that are being made
	tunnels map[string]bool   // addresses from which tunnels come, and whether they are open: what one sent can be read when it is not any more
	refused []string          // what the plugin asked for and may not have
	around  int               // requests that came around the dialer
	through int               // requests that came through it
	last    string            // the requests since watch, header and body
	hosts   map[string]string // host:port that the plugin may call, and the address where it is answered
	answers map[string]string
}

func newGate(t *T) *gate {
	t.Helper()
	g := &gate{socket: filepath.Join(socketDir(t), "dial"), tunnels: map[string]bool{}, tickets: map[string]bool{}}
	g.web = httptest.NewServer(g)
	g.hosts = map[string]string{g.host(): g.host()}
	l, err := net.Listen("unix", g.socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.tunnel(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		g.web.CloseClientConnections()
		g.web.Close()
		serving.Wait()
	})
	return g
}

func (g *gate) host() string { return g.web.Listener.Addr().String() }

// inClear reports whether a host:port is answered without TLS.
func (g *gate) inClear(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hosts[host] == g.host()
}

// admit is the way to the network of one call, with a ticket of its own. The
// returned function ends the ticket.
func (g *gate) admit() (wire.Dial, func()) {
	ticket := rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tickets[ticket] = true
	return wire.Dial{Socket: g.socket, Ticket: secret.New(ticket)}, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.tickets, ticket)
	}
}

// set changes what answers the plugin.
func (g *gate) set(fault http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = fault
}

// open counts the tunnels that the plugin holds.
func (g *gate) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, open := range g.tunnels {
		if open {
			n++
		}
	}
	return n
}

func (g *gate) counts() (through, around int, refused []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.through, g.around, g.refused
}

// forgive forgets what was refused: hostile settings lead to hostile hosts.
func (g *gate) forgive() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = nil
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	server, fault := g.server, g.fault
	_, ours := g.tunnels[r.RemoteAddr]
	if ours {
		g.through++
	} else {
		g.around++
		fault = nil
	}
	g.mu.Unlock()
	if body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20)); err == nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		g.mu.Lock()
		g.last += fmt.Sprintf("%s %s\n%v\n%s\n", r.Method, r.URL, r.Header, body)
		g.mu.Unlock()
	}
	switch {
	case fault != nil:
		fault(w, r)
	case server != nil:
		server.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// tunnel does what the host's dialer does.
func (g *gate) tunnel(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	if req.Method == http.MethodPost && req.URL.Path == "/prompt" {
		g.prompt(c, req)
		return
	}
	g.mu.Lock()
	ticket, _ := strings.CutPrefix(req.Header.Get("Proxy-Authorization"), "Bearer ")
	up := g.hosts[req.RequestURI]
	allowed := req.Method == http.MethodConnect && up != "" && g.tickets[ticket]
	if !allowed {
		g.refused = append(g.refused, req.Method+" "+req.RequestURI)
	}
	g.mu.Unlock()
	if !allowed {
		_, _ = fmt.Fprintf(c, "HTTP/1.1 403 Forbidden\r\n%s: not_allowed\r\nContent-Length: 0\r\n\r\n", dial.ErrorHeader)
		return
	}
	server, err := net.Dial("tcp", up)
	if err != nil {
		return
	}
	from := server.LocalAddr().String()
	g.mu.Lock()
	g.tunnels[from] = true
	g.mu.Unlock()
	defer func() {
		_ = server.Close()
		g.mu.Lock()
		g.tunnels[from] = false
		g.mu.Unlock()
	}()
	_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(server, in); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(c, server); ended <- struct{}{} }()
	<-ended
	_ = c.Close()
	_ = server.Close()
	<-ended
}

// eventually polls until ok holds.
func eventually(ok func() bool) bool {
	for until := time.Now().Add(patience); !ok(); {
		if time.Now().After(until) {
			return false
		}
		time.Sleep(5 * time.Millisecond) // a poll, not a wait: there is nothing to be told by
	}
	return true
}

// fillIn puts the server's address into settings.
func fillIn(settings map[string]string, url string) map[string]string {
	out := make(map[string]string, len(settings))
	for k, v := range settings {
		out[k] = strings.ReplaceAll(v, URL, url)
	}
	return out
}

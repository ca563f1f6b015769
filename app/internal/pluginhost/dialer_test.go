// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// testDialer is a dialer on a socket of its own.
func testDialer(t *testing.T, out Outbound) *dialer {
	t.Helper()
	dir, err := os.MkdirTemp("", "dial") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d, err := newDialer(filepath.Join(dir, "s"), out.withDefaults(), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// ask sends a CONNECT request and returns the answer and the connection.
func ask(t *testing.T, d *dialer, hostPort, ticket string) (*http.Response, net.Conn) {
	t.Helper()
	c, err := net.Dial("unix", d.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Bearer %s\r\n\r\n", hostPort, hostPort, ticket)
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil {
		t.Fatal(err)
	}
	return resp, c
}

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

// roundTrip checks that bytes go through a tunnel: those with which a handshake of
// TLS begins, which every tunnel lets through.
func roundTrip(t *testing.T, c net.Conn) {
	t.Helper()
	const ping = "\x16\x03\x01ping"
	if _, err := io.WriteString(c, ping); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len(ping))
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != ping {
		t.Fatalf("got %q, %v", buf, err)
	}
}

// ended checks that a connection is closed from the other side.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the tunnel is still open: %v", err)
	}
}

func TestDialerTunnels(t *testing.T) {
	t.Parallel()
	addr := echo(t)
	d := testDialer(t, Outbound{})
	var told atomic.Int32
	ticket := d.issue(hub.WithSent(t.Context(), func() { told.Add(1) }), []string{strings.ToUpper(addr)}, true)
	if ticket.neverConnected() {
		t.Error("a ticket that nobody used proves nothing")
	}
	resp, c := ask(t, d, addr, ticket.value)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %s", resp.StatusCode, resp.Header.Get(dialErrorHeader))
	}
	if told.Load() != 0 {
		t.Error("it was told that something was sent before anything was")
	}
	roundTrip(t, c)
	roundTrip(t, c)
	if n := told.Load(); n != 1 {
		t.Errorf("it was told %d times that something was sent", n)
	}
	if ticket.neverConnected() {
		t.Error("the tunnel was not counted")
	}
	ticket.drop()
	ended(t, c)
	if resp, _ := ask(t, d, addr, ticket.value); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a dropped ticket gives %d", resp.StatusCode)
	}
	// A ticket ends with its call's time, too.
	ctx, cancel := context.WithCancel(t.Context())
	ticket = d.issue(ctx, []string{addr}, true)
	_, c = ask(t, d, addr, ticket.value)
	roundTrip(t, c)
	cancel()
	ended(t, c)
	// And all with the dialer.
	ticket = d.issue(t.Context(), []string{addr}, true)
	_, c = ask(t, d, addr, ticket.value)
	roundTrip(t, c)
	d.close()
	ended(t, c)
}

func TestDialerRefuses(t *testing.T) {
	t.Parallel()
	addr := echo(t)
	names := map[string][]netip.Addr{
		"inside.example": {netip.MustParseAddr("10.0.0.1")},
		"mapped.example": {netip.MustParseAddr("::ffff:127.0.0.1")},
		"nat64.example":  {netip.MustParseAddr("64:ff9b::7f00:1")},
		"closed.example": {netip.MustParseAddr("203.0.114.1")},
		"empty.example":  {},
	}
	out := Outbound{
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if a, ok := names[host]; ok {
				return a, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			if address == "203.0.114.1:443" {
				return nil, errors.New("connection refused")
			}
			t.Errorf("%s was dialed", address)
			return nil, errors.New("unexpected")
		},
	}
	d := testDialer(t, out)
	hosts := []string{addr, "169.254.169.254:80", "unknown.example:443"}
	for n := range names {
		hosts = append(hosts, n+":443")
	}
	public, private := d.issue(t.Context(), hosts, false), d.issue(t.Context(), hosts, true)
	_, port, _ := net.SplitHostPort(addr)
	for _, c := range []struct {
		target, ticket string
		status         int
		reason         string
	}{
		{addr, "", 403, dialNotAllowed},
		{addr, "wrong", 403, dialNotAllowed},
		{addr, public.value, 403, dialPrivate},
		{"evil.example:443", public.value, 403, dialNotAllowed},
		{"evil.example:443", private.value, 403, dialNotAllowed},
		{"127.0.0.1:1", private.value, 403, dialNotAllowed},
		{"localhost:" + port, private.value, 403, dialNotAllowed},
		{"[::ffff:127.0.0.1]:" + port, public.value, 403, dialPrivate},
		{"inside.example:443", public.value, 403, dialPrivate},
		{"INSIDE.example:443", public.value, 403, dialPrivate},
		{"inside.example.:443", public.value, 403, dialNotAllowed},
		{"inside.example:80", public.value, 403, dialNotAllowed},
		{"mapped.example:443", public.value, 403, dialPrivate},
		{"nat64.example:443", private.value, 403, dialPrivate},
		{"169.254.169.254:80", private.value, 403, dialPrivate},
		{"unknown.example:443", public.value, 502, dialResolve},
		{"empty.example:443", public.value, 502, dialResolve},
		{"closed.example:443", public.value, 502, dialConnect},
	} {
		resp, conn := ask(t, d, c.target, c.ticket)
		if got := resp.Header.Get(dialErrorHeader); resp.StatusCode != c.status || got != c.reason {
			t.Errorf("%s: %d %s, want %d %s", c.target, resp.StatusCode, got, c.status, c.reason)
		}
		ended(t, conn)
	}
	if !public.neverConnected() {
		t.Error("nothing was connected, and it is not known")
	}
}

// TestNothingInClear: what leaves for the internet is TLS from its first byte on.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	const host = "public.example:80"
	var mu sync.Mutex
	var heard bytes.Buffer
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	gone := make(chan struct{})
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			b, _ := io.ReadAll(c)
			mu.Lock()
			heard.Write(b)
			mu.Unlock()
			c.Close()
			gone <- struct{}{}
		}
	}()
	d := testDialer(t, Outbound{
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("203.0.114.3")}, nil
		},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("tcp", server.Addr().String())
		},
	})
	for _, sent := range []string{"POST /token HTTP/1.1\r\n", "\x16", "\x16POST", "\x15\x03\x03"} {
		var told atomic.Bool
		ticket := d.issue(hub.WithSent(t.Context(), func() { told.Store(true) }), []string{host}, false)
		_, c := ask(t, d, host, ticket.value)
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		ended(t, c)
		<-gone
		if told.Load() || !ticket.neverConnected() || ticket.wantedClear() != host {
			t.Errorf("%q: sent %v, never connected %v, in clear to %q", sent, told.Load(), ticket.neverConnected(), ticket.wantedClear())
		}
	}
	mu.Lock()
	if heard.Len() > 0 {
		t.Errorf("the internet heard %q", heard.Bytes())
	}
	mu.Unlock()
	// One that is closed unused is no offence, and one in bits no other than one at once.
	ticket := d.issue(t.Context(), []string{host}, false)
	_, c := ask(t, d, host, ticket.value)
	c.Close()
	<-gone
	_, c = ask(t, d, host, ticket.value)
	for _, bit := range []string{"\x16", "\x03", "\x01 hello"} {
		if _, err := io.WriteString(c, bit); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	<-gone
	mu.Lock()
	defer mu.Unlock()
	if heard.String() != "\x16\x03\x01 hello" || ticket.wantedClear() != "" {
		t.Errorf("heard %q, in clear to %q", heard.String(), ticket.wantedClear())
	}
}

// TestDialerGivesUp: a host that does not answer is waited for only so long.
func TestDialerGivesUp(t *testing.T) {
	t.Parallel()
	const address = "203.0.114.2:443"
	d := testDialer(t, Outbound{
		ConnectTimeout: 50 * time.Millisecond,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	ticket := d.issue(t.Context(), []string{address}, false)
	resp, conn := ask(t, d, address, ticket.value)
	if got := resp.Header.Get(dialErrorHeader); resp.StatusCode != 504 || got != dialTimeout {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	ended(t, conn)
}

func TestDialerIsNoProxyForRequests(t *testing.T) {
	t.Parallel()
	addr := echo(t)
	d := testDialer(t, Outbound{})
	ticket := d.issue(t.Context(), []string{addr}, true)
	for name, request := range map[string]string{
		"GET":       "GET http://" + addr + "/ HTTP/1.1\r\nHost: " + addr + "\r\nProxy-Authorization: Bearer " + ticket.value + "\r\n\r\n",
		"garbage":   "\x16\x03\x01 hello\r\n\r\n",
		"too large": "CONNECT " + addr + " HTTP/1.1\r\nX: " + strings.Repeat("x", connectHeader) + "\r\n\r\n",
	} {
		c, err := net.Dial("unix", d.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, request)
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		answer, err := io.ReadAll(c)
		if err == nil && !strings.HasPrefix(string(answer), "HTTP/1.1 403") {
			t.Errorf("%s: answer %q, %v", name, answer, err)
		}
		c.Close()
	}
}

func TestDialerFollowsProxySettings(t *testing.T) {
	t.Parallel()
	addr := echo(t)
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
		if r.Host == "refused.example:443" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		up, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		c, _, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, c); up.Close() }()
		_, _ = io.Copy(c, up)
		c.Close()
	}))
	defer proxy.Close()
	through, _ := url.Parse(proxy.URL)
	through.User = url.UserPassword("u", "p")
	d := testDialer(t, Outbound{
		Proxy: func(u *url.URL) (*url.URL, error) {
			if u.Host == addr {
				return nil, nil
			}
			return through, nil
		},
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return nil, errors.New("names are the proxy's business")
		},
	})
	ticket := d.issue(t.Context(), []string{"api.example:443", "refused.example:443", "10.0.0.1:443", addr}, false)
	resp, c := ask(t, d, "api.example:443", ticket.value)
	if resp.StatusCode != 200 || asked != "CONNECT api.example:443 Basic dTpw" {
		t.Fatalf("status %d, the proxy was asked %q", resp.StatusCode, asked)
	}
	roundTrip(t, c)
	if resp, _ := ask(t, d, "refused.example:443", ticket.value); resp.StatusCode != 502 {
		t.Errorf("a refusal of the proxy's gives %d", resp.StatusCode)
	}
	if resp, _ := ask(t, d, "10.0.0.1:443", ticket.value); resp.StatusCode != 403 {
		t.Errorf("a private address through the proxy gives %d", resp.StatusCode)
	}
}

func TestTunnelEndsWhenIdle(t *testing.T) {
	t.Parallel()
	addr := echo(t)
	d := testDialer(t, Outbound{IdleTimeout: 100 * time.Millisecond})
	ticket := d.issue(t.Context(), []string{addr}, true)
	resp, c := ask(t, d, addr, ticket.value)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	ended(t, c)
}

// SPDX-License-Identifier: Apache-2.0

package dial_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/internal/dial"
	"github.com/standpipe/standpipe/sdk/secret"
)

// host listens like the host does and handles each request with serve.
func host(t *testing.T, serve func(net.Conn, *bufio.Reader, *http.Request)) dial.Dial {
	t.Helper()
	d := dial.Dial{Socket: filepath.Join(t.TempDir(), "dial"), Ticket: secret.New("ticket-1")}
	l, err := net.Listen("unix", d.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				if req, err := http.ReadRequest(in); err == nil {
					serve(c, in, req)
				}
			}()
		}
	}()
	return d
}

// through makes one request the way a plugin does.
func through(ctx context.Context, url string, change func(*http.Transport)) (string, error) {
	transport := dial.Transport(ctx)
	if change != nil {
		change(transport)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestTunnelCarriesTLSEndToEnd(t *testing.T) {
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello over "+r.Proto)
	}))
	defer site.Close()
	asked := make(chan *http.Request, 1)
	d := host(t, func(c net.Conn, in *bufio.Reader, req *http.Request) {
		asked <- req
		up, err := net.Dial("tcp", site.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = up.Close() }()
		_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(up, in) }()
		_, _ = io.Copy(c, up)
	})
	got, err := through(dial.NewContext(t.Context(), d), "https://example.com/x", func(tr *http.Transport) {
		tr.TLSClientConfig = site.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	})
	if err != nil || !strings.HasPrefix(got, "hello over HTTP/") {
		t.Errorf("got %q, %v", got, err)
	}
	req := <-asked
	if req.Method != http.MethodConnect || req.RequestURI != "example.com:443" || req.Host != "example.com:443" {
		t.Errorf("asked %s %s of %s", req.Method, req.RequestURI, req.Host)
	}
	if h := req.Header; h.Get("Proxy-Authorization") != "Bearer ticket-1" || len(h) != 1 {
		t.Errorf("asked with %v", h)
	}
}

func TestServerThatSpeaksFirst(t *testing.T) {
	d := host(t, func(c net.Conn, in *bufio.Reader, _ *http.Request) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nearly, ")
		_, _ = in.ReadByte()
		_, _ = io.WriteString(c, "late")
	})
	c, err := dial.Transport(dial.NewContext(t.Context(), d)).DialContext(t.Context(), "tcp", "example.com:25")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	early := make([]byte, 7)
	if _, err := io.ReadFull(c, early); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	late, err := io.ReadAll(c)
	if got := string(early) + string(late); got != "early, late" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRefusalsHaveTheirMeaning(t *testing.T) {
	for reason, want := range map[string]struct {
		status int
		code   sdk.Code
		text   string
	}{
		"not_allowed":     {403, sdk.CodeMisconfigured, "not among the hosts"},
		"private_address": {403, sdk.CodeMisconfigured, "private network"},
		"resolve":         {502, sdk.CodeTemporary, "looked up"},
		"connect":         {502, sdk.CodeTemporary, "cannot be reached"},
		"timeout":         {504, sdk.CodeTemporary, "in time"},
		"from the future": {500, sdk.CodeTemporary, "cannot be reached"},
	} {
		d := host(t, func(c net.Conn, _ *bufio.Reader, _ *http.Request) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 %d No\r\n%s: %s\r\nContent-Length: 0\r\n\r\n", want.status, dial.ErrorHeader, reason)
		})
		_, err := through(dial.NewContext(t.Context(), d), "https://example.com/", nil)
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Code != want.code || !strings.Contains(e.Message, want.text) || !strings.Contains(e.Message, "example.com:443") {
			t.Errorf("%s: %v", reason, err)
		}
		if strings.Contains(err.Error(), "ticket-1") {
			t.Errorf("%s: the ticket is in %q", reason, err)
		}
	}
}

func TestHostThatDoesNotAnswer(t *testing.T) {
	for name, serve := range map[string]func(net.Conn, *bufio.Reader, *http.Request){
		"hangs up": func(net.Conn, *bufio.Reader, *http.Request) {},
		"no HTTP":  func(c net.Conn, _ *bufio.Reader, _ *http.Request) { _, _ = io.WriteString(c, "220 mail\r\n\r\n") },
		"endless head": func(c net.Conn, _ *bufio.Reader, _ *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))
		},
	} {
		_, err := through(dial.NewContext(t.Context(), host(t, serve)), "https://example.com/", nil)
		if sdk.CodeOf(err) != sdk.CodeTemporary {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := dial.Dial{Socket: filepath.Join(t.TempDir(), "none"), Ticket: secret.New("ticket-1")}
	if _, err := through(dial.NewContext(t.Context(), gone), "https://example.com/", nil); sdk.CodeOf(err) != sdk.CodeTemporary {
		t.Errorf("no socket: %v", err)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	asked, released := make(chan struct{}, 2), make(chan struct{})
	d := host(t, func(net.Conn, *bufio.Reader, *http.Request) { asked <- struct{}{}; <-released })
	defer close(released)
	dialContext := dial.Transport(dial.NewContext(t.Context(), d)).DialContext

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := dialContext(ctx, "tcp", "example.com:443"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := dialContext(ctx, "tcp", "example.com:443")
	if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != sdk.CodeTemporary || !strings.Contains(e.Message, "in time") {
		t.Errorf("late: %v", err)
	}
}

func TestWithoutHostItDialsItself(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "direct") }))
	defer site.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	if got, err := through(t.Context(), site.URL, nil); got != "direct" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if dial.Transport(t.Context()).Proxy != nil {
		t.Error("the transport takes a proxy from somewhere")
	}
}

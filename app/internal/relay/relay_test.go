// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/ports"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

const token = "the-access-token-of-the-account"

// hubOf is a hub that relays everything to the API at to.
func hubOf(t *testing.T, to string, renew func(secret.Value) secret.Value) *httptest.Server {
	t.Helper()
	r := New(func(ctx context.Context, hostPort string, _ bool) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", hostPort)
	}, slog.New(slog.DiscardHandler))
	t.Cleanup(r.Close)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		u, err := url.Parse(to + in.URL.RequestURI())
		if err != nil {
			t.Error(err)
			return
		}
		r.Serve(w, in, hub.RelayCall{URL: u, Token: secret.New(token), Private: true, Renew: func(_ context.Context, refused secret.Value) secret.Value {
			if renew == nil {
				return secret.Value{}
			}
			return renew(refused)
		}}, func(err error) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, hub.AsError(err).Code, " ", hub.AsError(err).Message)
		})
	}))
	t.Cleanup(s.Close)
	return s
}

func TestCall(t *testing.T) {
	var got *http.Request
	var body []byte
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Add("Set-Cookie", "a=b")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Strict-Transport-Security", "max-age=1")
		w.Header().Set("X-Relay-Upstream-Status", "999")
		w.Header().Set("X-Ratelimit-Remaining", "7")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, "made")
	}))
	defer api.Close()
	h := hubOf(t, api.URL, nil)
	req, _ := http.NewRequest(http.MethodPost, h.URL+"/things%20all/1?q=a%2Fb", strings.NewReader("the body"))
	for name, value := range map[string]string{
		"Authorization": "Bearer sp_app_key", "Cookie": "c=d", "X-Relay-User": "me", "X-Workos-X": "y", "X-Forwarded-For": "1.2.3.4", "Via": "x",
		"Forwarded": "for=1", "Connection": "X-Hop, Upgrade", "X-Hop": "1", "Upgrade": "websocket", "Proxy-Authorization": "Basic x", "Accept-Encoding": "gzip",
		"Content-Type": "text/x-own", "X-Github-Api-Version": "2022-11-28", "Prefer": "wait=3",
	} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if got.Method != http.MethodPost || got.RequestURI != "/things%20all/1?q=a%2Fb" || string(body) != "the body" || got.Host != strings.TrimPrefix(api.URL, "http://") {
		t.Errorf("the API got %s %s %q for %s", got.Method, got.RequestURI, body, got.Host)
	}
	want := http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"text/x-own"}, "X-Github-Api-Version": {"2022-11-28"}, "Accept-Encoding": {"identity"},
		"Content-Length": {"8"}, "User-Agent": {"Go-http-client/1.1"},
	}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("the API got the headers\n%v, want\n%v", got.Header, want)
	}
	if resp.StatusCode != http.StatusCreated || string(answer) != "made" || resp.Header.Get(StatusHeader) != "201" || resp.Header.Get("X-Ratelimit-Remaining") != "7" {
		t.Errorf("the app got %d %q %v", resp.StatusCode, answer, resp.Header)
	}
	for _, name := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Strict-Transport-Security"} {
		if resp.Header.Get(name) != "" {
			t.Errorf("the app got %s", name)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	api := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer api.Close()
	app := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := app.Get(hubOf(t, api.URL, nil).URL)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect || resp.Header.Get("Location") != other.URL || elsewhere.Load() != 0 {
		t.Errorf("%v, %+v; the other host was called %d times", err, resp, elsewhere.Load())
	}
}

// TestTokenThatComesBack: an API that repeats what it was sent shows the app no
// token, nor most of one.
func TestTokenThatComesBack(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"in a header": func(w http.ResponseWriter) { w.Header().Set("X-Echo", "Bearer "+token) },
		"in the body": func(w http.ResponseWriter) { fmt.Fprint(w, `{"headers":{"Authorization":"Bearer `+token+`"}}`) },
		"in pieces": func(w http.ResponseWriter) {
			for _, part := range []string{"x" + token[:5], token[5:20], token[20:] + "x"} {
				fmt.Fprint(w, part)
				w.(http.Flusher).Flush()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
			defer api.Close()
			resp, err := http.Get(hubOf(t, api.URL, nil).URL)
			if err != nil {
				return // broken off
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err == nil && resp.StatusCode != http.StatusBadGateway {
				t.Errorf("the answer is whole: %d", resp.StatusCode)
			}
			if all := fmt.Sprint(resp.Header) + string(body); strings.Contains(all, token[:4]) {
				t.Errorf("the app got %q", all)
			}
		})
	}
}

func TestPlainPassesEverythingElse(t *testing.T) {
	text := strings.Repeat("the-access-toke the-access-token-of-the-accounT the-the-access-", 2000) + "the-access-token-of-the-accoun"
	for _, size := range []int{1, 7, 31, 1000, 40000} {
		p := &plain{ReadCloser: io.NopCloser(&chopped{[]byte(text), size}), token: []byte(token)}
		got, err := io.ReadAll(p)
		if err != nil || string(got) != text {
			t.Errorf("in pieces of %d: %d of %d bytes, %v", size, len(got), len(text), err)
		}
		p = &plain{ReadCloser: io.NopCloser(&chopped{[]byte(text + "t" + text), size}), token: []byte(token)}
		if got, err := io.ReadAll(p); !errors.Is(err, errEcho) || bytes.Contains(got, []byte(token[:len(token)-1]+"\x00")) || len(got) > len(text) {
			t.Errorf("in pieces of %d: the token passed: %v, %d bytes", size, err, len(got))
		}
	}
}

// chopped reads in pieces.
type chopped struct {
	rest []byte
	size int
}

func (c *chopped) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), c.size)], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func TestRefusedTokenIsRenewed(t *testing.T) {
	var calls atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("Authorization") != "Bearer fresh" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	h := hubOf(t, api.URL, func(refused secret.Value) secret.Value {
		if refused.Reveal() != token {
			t.Errorf("another token is said to be refused")
		}
		return secret.New("fresh")
	})
	if resp, err := http.Get(h.URL); err != nil || resp.StatusCode != http.StatusOK || calls.Load() != 2 {
		t.Errorf("%v %+v after %d calls", err, resp, calls.Load())
	}
	calls.Store(0)
	if resp, err := http.Post(h.URL, "text/plain", strings.NewReader("once")); err != nil || resp.StatusCode != http.StatusUnauthorized || calls.Load() != 1 {
		t.Errorf("a call with a body: %v %+v after %d calls", err, resp, calls.Load())
	}
}

func TestStreams(t *testing.T) {
	next := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	}))
	defer api.Close()
	resp, err := http.Get(hubOf(t, api.URL, nil).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range 3 {
		want := fmt.Sprintf("data: %d\n\n", i)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
			t.Fatalf("%q, %v", got, err)
		}
		next <- struct{}{} // only now the API goes on
	}
}

func TestUnreachable(t *testing.T) {
	port, err := ports.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(hubOf(t, fmt.Sprintf("http://127.0.0.1:%d", port), nil).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadGateway || strings.Contains(string(body), token) || resp.Header.Get(StatusHeader) != "" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestTarget(t *testing.T) {
	d := &hub.Descriptor{Name: "Acme", APIs: []string{"{api_url}", "https://api.acme.test/v2", "https://*.files.acme.test", "http://plain.acme.test"}}
	known := map[string]string{"api_url": "https://eu.acme.test/api/"}
	for _, c := range []struct {
		address, rest string
		private       bool
		want          string // empty: refused
	}{
		{rest: "/user?a=b", want: "https://eu.acme.test/api/user?a=b"},
		{address: "https://api.acme.test/v2/x", want: "https://api.acme.test/v2/x"},
		{address: "https://API.acme.test:443/v2", want: "https://API.acme.test:443/v2"},
		{address: "https://a.files.acme.test/x", want: "https://a.files.acme.test/x"},
		{address: "http://plain.acme.test/", private: true, want: "http://plain.acme.test/"},
		{address: "http://plain.acme.test/"},
		{address: "https://files.acme.test/x"},
		{address: "https://evilfiles.acme.test/x"},
		{address: "https://api.acme.test/v3"},
		{address: "https://api.acme.test/v20"},
		{address: "https://api.acme.test/v2/../v3"},
		{address: "https://api.acme.test/v2/%2e%2e/v3"},
		{address: `https://api.acme.test/v2/..\v3`},
		{address: "https://api.acme.test:8443/v2"},
		{address: "https://api.acme.test@evil.test/v2"},
		{address: "https://user:pw@api.acme.test/v2"},
		{address: "https://evil.test/?https://api.acme.test/v2"},
		{address: "https://api.acme.test.evil.test/v2"},
		{address: "ftp://api.acme.test/v2"},
		{address: "file:///etc/shadow"},
		{address: "//api.acme.test/v2"},
		{address: "https://api.acme.test/v2#x"},
		{address: "https://a.files.acme.test.evil.test/x"},
		{rest: "/../../x"},
		{rest: "@evil.test/"},
	} {
		u, err := (*Relay)(nil).Target(d, func(k string) string { return known[k] }, c.private, c.address, c.rest)
		got := ""
		if err == nil {
			got = u.String()
		}
		if got != c.want {
			t.Errorf("%q %q: %q, %v; want %q", c.address, c.rest, got, err, c.want)
		}
	}
	delete(known, "api_url")
	if u, err := (*Relay)(nil).Target(d, func(k string) string { return known[k] }, false, "", "/x"); err != nil || u.Host != "api.acme.test" {
		t.Errorf("what is not known is left out: %v, %v", u, err)
	}
	if _, err := (*Relay)(nil).Target(&hub.Descriptor{}, nil, false, "https://x.test", ""); err == nil {
		t.Error("a provider that names no API")
	}
}

// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestProbe: it goes where a plugin's calls may go only, follows nothing and
// brings nothing along.
func TestProbe(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("sent %v", r.Header)
		}
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/long":
			_, _ = w.Write([]byte(long(maxProbe + 1)))
		case "/":
			_, _ = w.Write([]byte("hello"))
		default:
			t.Errorf("asked for %s", r.URL)
		}
	}))
	defer server.Close()
	h := newTestHost(t, Config{})
	here := hub.Target{Provider: "p", AllowedHosts: []string{strings.TrimPrefix(server.URL, "http://")}, PrivateNetwork: true}

	if p, err := h.Probe(t.Context(), here, server.URL+"/"); err != nil || p.Status != 200 || string(p.Body) != "hello" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := h.Probe(t.Context(), here, server.URL+"/away"); err != nil || p.Status != 302 || p.Location != "/elsewhere" {
		t.Errorf("a redirect: %+v, %v", p, err)
	}
	if p, err := h.Probe(t.Context(), here, server.URL+"/long"); err != nil || len(p.Body) != maxProbe {
		t.Errorf("a long answer: %d bytes, %v", len(p.Body), err)
	}

	public, elsewhere := here, here
	public.PrivateNetwork = false
	elsewhere.AllowedHosts = []string{"id.example:443"}
	for name, try := range map[string]struct {
		target  hub.Target
		address string
	}{
		"a private address":          {public, "https://" + here.AllowedHosts[0] + "/"},
		"without TLS":                {public, server.URL + "/"},
		"a host that is not pinned":  {elsewhere, server.URL + "/"},
		"a user in the address":      {here, strings.Replace(server.URL, "http://", "http://u:p@", 1)},
		"no address":                 {here, "file:///etc/passwd"},
		"something without a scheme": {here, "::"},
	} {
		_, err := h.Probe(t.Context(), try.target, try.address)
		e, ok := err.(*hub.ProviderError) //nolint:errorlint // the contract says: one
		if !ok || e.Class != hub.ProviderTemporary || !e.Unsent || strings.Contains(e.Message, "p@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDial: what the hub itself calls, pictures and the relay's targets, is kept
// out of private networks as plugins are.
func TestDial(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	h := newTestHost(t, Config{})
	address := strings.TrimPrefix(server.URL, "https://")
	if c, err := h.Dial(t.Context(), address, false); err == nil {
		_ = c.Close()
		t.Error("a public provider's picture may be on this machine")
	}
	c, err := h.Dial(t.Context(), address, true)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

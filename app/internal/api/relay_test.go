// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/relay"
)

// relay is the real one; whatever it calls is h.upstream.
func (h *house) relay() api.Relay {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.upstream != nil {
			h.upstream.ServeHTTP(w, r)
		}
	}))
	h.t.Cleanup(upstream.Close)
	r := relay.New(func(ctx context.Context, _ string, _ bool) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", upstream.Listener.Addr().String())
	}, slog.New(slog.DiscardHandler))
	h.t.Cleanup(r.Close)
	return r
}

// TestRelay: both kinds of key, both ways to name what is called, and the codes
// of the contract.
func TestRelay(t *testing.T) {
	h := newHouse(t)
	h.upstream = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s%s %q %t", r.Method, r.Host, r.RequestURI, b, strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "))
	})
	h.connected(hub.Me)
	h.connected(hub.Owner{User: "ada"})
	only := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer", Mode: hub.GrantRelay}}})
	drawer := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	nobody, server := h.app(hub.NewApp{}), h.app(hub.NewApp{Kind: hub.AppServer})
	const url = "http://api.p.test/eu/user?a=b"
	made := `PATCH api.p.test/eu/user?a=b "body" true`
	for _, c := range []struct {
		name, key, target string
		header            []string
		status            int
		want              string // in the answer
	}{
		{"by path", only, "/relay/peer/user?a=b", nil, 202, made},
		{"by address", only, "/relay", []string{"X-Relay-URL", url}, 202, made},
		{"address and name", only, "/relay", []string{"X-Relay-URL", url, "X-Relay-Provider", "peer"}, 202, made},
		{"who may draw may call", drawer, "/relay/peer/user?a=b", nil, 202, made},
		{"a server for its user", server, "/relay/peer/user?a=b", []string{"X-Relay-User", "ada"}, 202, made},
		{"a server for nobody", server, "/relay/peer/user", nil, 400, "relay_user_required"},
		{"a server for who has no account", server, "/relay/peer/user", []string{"X-Relay-User", "bob"}, 402, `"connection":"peer"`},
		{"the same by address", server, "/relay", []string{"X-Relay-User", "bob", "X-Relay-URL", url}, 402, `"connection":"peer"`},
		{"as the contract calls it", server, "/relay/peer/user", []string{"X-Relay-User", "bob"}, 402, "relay_authorization_required"},
		{"an app for somebody else", only, "/relay/peer/user", []string{"X-Relay-User", "ada"}, 403, "forbidden"},
		{"without a grant", nobody, "/relay/peer/user", nil, 403, "consent_required"},
		{"no such provider", only, "/relay/nobody/user", nil, 404, "relay_provider_not_found"},
		{"unknown host", only, "/relay", []string{"X-Relay-URL", "https://evil.test/"}, 404, "relay_provider_not_found"},
		{"another host", only, "/relay", []string{"X-Relay-URL", "https://evil.test/", "X-Relay-Provider", "peer"}, 403, "forbidden"},
		{"beside the API", only, "/relay", []string{"X-Relay-URL", "http://api.p.test/admin", "X-Relay-Provider", "peer"}, 403, "forbidden"},
		{"no address", only, "/relay", nil, 400, "relay_missing_url"},
		{"no URL", only, "/relay", []string{"X-Relay-URL", "user"}, 400, "relay_invalid_url"},
		{"two names", only, "/relay/peer/user", []string{"X-Relay-Provider", "other"}, 400, "relay_provider_conflict"},
		{"two addresses", only, "/relay/peer/user", []string{"X-Relay-URL", url}, 400, "relay_provider_conflict"},
		{"a key in the query", only, "/relay/peer/user?x=" + only, nil, 400, "invalid_request"},
		{"a browser", only, "/relay/peer/user", []string{"Origin", "https://evil.test"}, 403, "forbidden"},
		{"no key", "sp_app_wrong", "/relay/peer/user", nil, 401, "unauthorized"},
	} {
		resp := send(h.App(), http.MethodPatch, c.target, "body", append(c.header, "Authorization", "Bearer "+c.key)...)
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || !strings.Contains(string(b), c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.name, resp.StatusCode, b, c.status, c.want)
		}
		if own := resp.Header.Get(relay.StatusHeader) == ""; own != (c.status != 202) {
			t.Errorf("%s: the answer seems to be of somebody else", c.name)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || len(resp.Header.Values("Content-Security-Policy")) != 1 {
			t.Errorf("%s: %v", c.name, resp.Header)
		}
	}
	if r := send(h.App(), "PROPFIND", "/relay/peer/user", "", "Authorization", "Bearer "+only); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("an odd method: %d", r.StatusCode)
	}
	if r := send(h.App(), "POST", "/relay/peer/user", strings.Repeat("x", 5<<20+1), "Authorization", "Bearer "+only); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of more than 5 MiB: %d", r.StatusCode)
	}
	if r := send(h.App(), "POST", "/data-integrations/peer/token", "{}", "Content-Type", "application/json", "Authorization", "Bearer "+only); r.StatusCode != http.StatusForbidden {
		t.Errorf("a token for who may only call: %d", r.StatusCode)
	}
	if e := h.denials[len(h.denials)-1]; len(h.denials) == 0 || e.Decision != hub.AuditDenied {
		t.Errorf("the refusals are not audited: %+v", h.denials)
	}
}

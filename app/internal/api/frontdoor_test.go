// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
)

const vendPath = "/data-integrations/peer/token"

func TestFrontDoor(t *testing.T) {
	h := newHouse(t)
	h.connected(hub.Me)
	key := "Bearer " + h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	json := []string{"Content-Type", "application/json", "Authorization", key}
	with := func(more ...string) []string { return append(append([]string{}, json...), more...) }
	tests := []struct {
		name, method, target, body string
		header                     []string
		want                       int
	}{
		{"good", "POST", vendPath, "{}", json, 200},
		{"good, as localhost", "POST", vendPath, "{}", with("Host", "localhost:4780"), 200},
		{"good, as [::1]", "POST", vendPath, "{}", with("Host", "[::1]:4780"), 200},
		{"host of another", "POST", vendPath, "{}", with("Host", "evil.com"), 421},
		{"host of another with our port", "POST", vendPath, "{}", with("Host", "evil.com:4780"), 421},
		{"no host", "POST", vendPath, "{}", with("Host", ""), 421},
		{"port only", "POST", vendPath, "{}", with("Host", ":4780"), 421},
		{"trailing dot", "POST", vendPath, "{}", with("Host", "localhost.:4780"), 421},
		{"a name for loopback", "POST", vendPath, "{}", with("Host", "127.0.0.1.nip.io:4780"), 421},
		{"loopback as a number", "POST", vendPath, "{}", with("Host", "2130706433:4780"), 421},
		{"mapped address", "POST", vendPath, "{}", with("Host", "[::ffff:127.0.0.1]:4780"), 421},
		{"wrong port", "POST", vendPath, "{}", with("Host", "127.0.0.1:4781"), 421},
		{"foreign origin", "POST", vendPath, "{}", with("Origin", "http://evil.com"), 403},
		{"null origin", "POST", vendPath, "{}", with("Origin", "null"), 403},
		{"own origin", "POST", vendPath, "{}", with("Origin", "http://"+listen), 403},
		{"empty origin", "POST", vendPath, "{}", with("Origin", ""), 403},
		{"referer", "POST", vendPath, "{}", with("Referer", "http://"+listen+"/"), 403},
		{"cross site", "POST", vendPath, "{}", with("Sec-Fetch-Site", "cross-site"), 403},
		{"same origin page", "GET", "/user_management/users/me/data_providers", "", with("Sec-Fetch-Site", "same-origin"), 403},
		{"preflight", "OPTIONS", vendPath, "", []string{"Origin", "http://evil.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true"}, 405},
		{"get", "GET", vendPath, "", json, 405},
		{"put", "PUT", vendPath, "{}", json, 405},
		{"text", "POST", vendPath, "{}", []string{"Content-Type", "text/plain", "Authorization", key}, 415},
		{"form", "POST", vendPath, "a=b", []string{"Content-Type", "application/x-www-form-urlencoded", "Authorization", key}, 415},
		{"no type", "POST", vendPath, "{}", []string{"Authorization", key}, 415},
		{"no key", "POST", vendPath, "{}", []string{"Content-Type", "application/json"}, 401},
		{"wrong key", "POST", vendPath, "{}", []string{"Content-Type", "application/json", "Authorization", key + "x"}, 401},
		{"basic", "POST", vendPath, "{}", []string{"Content-Type", "application/json", "Authorization", "Basic eDp5"}, 401},
		{"key in the query", "POST", vendPath + "?access_token=x", "{}", json, 400},
		{"65 KiB", "POST", vendPath, strings.Repeat(" ", 65<<10), json, 413},
		{"no JSON", "POST", vendPath, "{", json, 400},
		{"a list", "POST", vendPath, "[]", json, 400},
		{"wrong type", "POST", vendPath, `{"user_id":7}`, json, 400},
		{"nulls are absent", "POST", vendPath, `{"user_id":null,"organization_id":null,"connection_owner":null}`, json, 200},
		{"unknown fields", "POST", vendPath, `{"novelty":true}`, json, 200},
		{"another user", "POST", vendPath, `{"user_id":"somebody"}`, json, 403},
		{"unknown slug", "POST", "/data-integrations/nobody/token", "{}", json, 404},
		{"unknown path, no key", "GET", "/admin", "", nil, 401},
		{"unknown path", "GET", "/admin", "", json, 404},
		{"the page's API is not here", "GET", "/ui/api/accounts", "", json, 404},
		{"the socket's API is not here", "POST", "/local/token", "{}", json, 404},
		{"not built yet", "GET", "/data-integrations", "", json, 404},
		{"double slash", "POST", "//data-integrations/peer/token", "{}", json, 400},
		{"dots", "POST", "/x/../data-integrations/peer/token", "{}", json, 400},
		{"escaped slash", "POST", "/data-integrations%2fpeer/token", "{}", json, 400},
		{"escaped letter", "POST", "/data-integrations/peer/%74oken", "{}", json, 400},
		{"escaped dots", "POST", "/data-integrations/%2e%2e/peer/token", "{}", json, 400},
		{"what has to be escaped", "GET", "/user_management/users/a%40b/data_providers", "", json, 403},
		{"callback while nobody connects", "GET", "/callback/peer?code=x&state=y", "", nil, 404},
		{"health", "GET", "/health", "", nil, 200},
		{"pprof", "GET", "/debug/pprof/", "", json, 404},
	}
	app := h.App()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := send(app, test.method, test.target, test.body, test.header...)
			if r.StatusCode != test.want {
				b, _ := io.ReadAll(r.Body)
				t.Errorf("status %d, want %d: %s", r.StatusCode, test.want, b)
			}
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("policy: %q", r.Header.Get("Content-Security-Policy"))
			}
			for name := range r.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s in the answer", name)
				}
			}
			if r.Header.Get("X-Request-Id") == "" {
				t.Error("no X-Request-ID")
			}
			if test.want == 401 && r.Header.Get("WWW-Authenticate") == "" {
				t.Error("401 without WWW-Authenticate")
			}
			if test.want >= 400 && !strings.HasPrefix(test.target, "/callback") {
				if body := decode(t, r); body["message"] == "" || body["code"] == nil {
					t.Errorf("the error has another shape: %v", body)
				}
			}
		})
	}
}

// TestEveryRouteIsGuarded walks the published routes without a key.
func TestEveryRouteIsGuarded(t *testing.T) {
	h := newHouse(t)
	fill := strings.NewReplacer("{slug}", "peer", "{user_id}", "me", "{id}", "x", "{organization_id}", "o", "{provider}", "peer", "{key}", "k", "{result}", "r", "{token}", "t", "{file}", "f", "{code}", "c", "{grant}", "g", "{path...}", "v1/x")
	open := map[string]bool{"callback": true, "health": true, "page": true, "login": true, "static": true, "pairing": true}
	n := 0
	for _, r := range api.Routes() {
		handler := map[string]http.Handler{"app": h.App(), "relay": h.App(), "ui": h.UI()}[r.Class]
		switch {
		case r.Class == "":
			t.Errorf("%s %s has no class", r.Method, r.Path)
		case handler == nil && !open[r.Class] && r.Class != "local":
			t.Errorf("%s %s has the unknown class %q", r.Method, r.Path, r.Class)
		case handler != nil:
			n++
			host := map[string]string{"app": listen, "relay": listen, "ui": "127.0.0.1:4781"}[r.Class]
			resp := send(handler, cmp.Or(r.Method, "PUT"), fill.Replace(r.Path), "{}", "Content-Type", "application/json", "Host", host)
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s answers %d without a key", r.Method, r.Path, resp.StatusCode)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d routes were walked", n)
	}
}

func TestLocalRefusesBrowsers(t *testing.T) {
	h := newHouse(t)
	if r := send(h.Local(), "GET", "/local/hello", ""); r.StatusCode != 200 {
		t.Fatalf("hello answers %d", r.StatusCode)
	}
	for _, header := range []string{"Origin", "Referer"} {
		if r := send(h.Local(), "GET", "/local/hello", "", header, "http://evil.com"); r.StatusCode != 403 {
			t.Errorf("with %s: %d", header, r.StatusCode)
		}
	}
}

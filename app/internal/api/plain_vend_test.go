// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// vendForms are bodies of a draw, some of which are answered before huma.
var vendForms = []string{
	`{}`, ` {"user_id":"me"}`, `{"user_id":"user_7"}`, `{"user_id":"nobody"}`, `{"user_id":"me","organization_id":"org_1"}`, `{"user_id":"","unknown":[1,{"a":null}]}`,
	`{"User_ID":"me"}`, `{"user_id":"me","user_id":"nobody"}`, `{"user_id":"m\u0065"}`, `{"user_id":"<&>"}`, "{\"user_id\":\"\xff\"}",
	`{"connected_account_id":"data_installation_none"}`, `{"supports_multiple_connections":true}`, `{"supports_multiple_connections":1}`,
	`{"connection_owner":"organization"}`, `{"connection_owner":"else"}`, `{"min_ttl":60}`, `{"min_ttl":86400}`, `{"min_ttl":86401}`, `{"min_ttl":-1}`, `{"min_ttl":1.5}`, `{"min_ttl":1e9}`, `{"min_ttl":"1"}`,
	`{"scopes":["a"]}`, `{"audience":"https://api.test"}`, `{"token":"bot"}`, `{"refused_token":"live-token"}`,
	`{"user_id":null}`, `{"user_id":7}`, `{"user_id":{"a":1}}`, `{"user_id":"` + strings.Repeat("u", 256) + `"}`, `{"user_id":"` + strings.Repeat("u", 257) + `"}`,
	``, `null`, `[]`, `"me"`, `7`, `{`, `{}{}`, `{"user_id":"me",}`, `{"user_id" "me"}`, strings.Repeat("[", 2000),
}

// twice sends a request as most do, and so that huma answers it.
func twice(h *house, path, body, key string) (plain, full *http.Response) {
	head := []string{"Content-Type", "application/json", "Authorization", "Bearer " + key}
	return send(h.App(), "POST", path, body, head...), send(h.App(), "POST", path, body, append(head, "Accept", "application/json, */*;q=0.1")...)
}

// sameAnswer: whoever answers, status, headers and body are the same.
func sameAnswer(t *testing.T, what string, plain, full *http.Response) {
	t.Helper()
	got, want := text(t, plain), text(t, full)
	if plain.StatusCode != full.StatusCode || got != want {
		t.Errorf("%s: %d %s\nhuma: %d %s", what, plain.StatusCode, got, full.StatusCode, want)
	}
	for _, r := range []*http.Response{plain, full} {
		r.Header.Del("X-Request-Id")
	}
	if g, w := headers(plain), headers(full); g != w {
		t.Errorf("%s: the headers %s\nhuma: %s", what, g, w)
	}
}

func headers(r *http.Response) string {
	var b strings.Builder
	_ = r.Header.Write(&b) // sorted
	return b.String()
}

// TestPlainVend: what is answered before huma is answered as huma does.
func TestPlainVend(t *testing.T) {
	h := newHouse(t)
	h.connected(hub.Me)
	h.connected(hub.Owner{User: "user_7"})
	keys := map[string]string{
		"app": h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}}), "server": h.app(hub.NewApp{Kind: hub.AppServer}), "without a grant": h.app(hub.NewApp{}),
	}
	for who, key := range keys {
		for _, body := range vendForms {
			plain, full := twice(h, vendPath, body, key)
			sameAnswer(t, who+" "+body, plain, full)
		}
		for _, slug := range []string{"unknown", "pe%65r", strings.Repeat("p", 65)} {
			plain, full := twice(h, strings.Replace(vendPath, "peer", slug, 1), `{"user_id":"me"}`, key)
			sameAnswer(t, who+" "+slug, plain, full)
		}
	}
}

func FuzzPlainVend(f *testing.F) {
	for _, body := range vendForms {
		f.Add(body)
	}
	h := newHouse(f)
	h.connected(hub.Owner{User: "user_7"})
	key := h.app(hub.NewApp{Kind: hub.AppServer})
	f.Fuzz(func(t *testing.T, body string) {
		plain, full := twice(h, vendPath, body, key)
		sameAnswer(t, body, plain, full)
	})
}

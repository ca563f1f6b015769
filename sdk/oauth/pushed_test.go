// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestPushedRequests: RFC 9126. What goes to the browser is a reference; the
// request itself, and the secret, go by the back channel.
func TestPushedRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		advertised, table bool
		answer            string
		status            int
		pushed            bool
		code              sdk.Code
	}{
		"taken":          {advertised: true, table: true, status: 201, answer: `{"request_uri":"urn:example:1","expires_in":60}`, pushed: true},
		"refused":        {advertised: true, table: true, status: 400, answer: `{"error":"invalid_scope"}`, code: sdk.CodeMisconfigured},
		"no name":        {advertised: true, table: true, status: 201, answer: `{}`, code: sdk.CodeTemporary},
		"not advertised": {table: true},
		"not wanted":     {advertised: true},
	} {
		t.Run(name, func(t *testing.T) {
			var got url.Values
			var user, password string
			mux := http.NewServeMux()
			srv := httptest.NewServer(mux)
			defer srv.Close()
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
				doc := map[string]any{"issuer": srv.URL, "authorization_endpoint": srv.URL + "/a", "token_endpoint": srv.URL + "/t"}
				if tt.advertised {
					doc["pushed_authorization_request_endpoint"] = srv.URL + "/par"
				}
				_ = json.NewEncoder(w).Encode(doc)
			})
			mux.HandleFunc("POST /par", func(w http.ResponseWriter, r *http.Request) {
				user, password, _ = r.BasicAuth()
				_ = r.ParseForm()
				got = r.PostForm
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.answer))
			})
			s := &oauth.Standard{Descriptor: sdk.Descriptor{Slug: "x", Name: "X", PushedRequests: tt.table}, Issuer: srv.URL, ClientAuth: oauth.AuthBasic}
			out, err := s.Authorize(t.Context(), &sdk.AuthorizeRequest{
				Target: sdk.Target{ClientID: "a b"}, ClientSecret: secret.New("s&cret"), State: "state", RedirectURI: redirectURI,
				CodeChallenge: "challenge", Nonce: "nonce", Scopes: []string{"openid"},
			})
			if tt.code != "" {
				if sdk.CodeOf(err) != tt.code {
					t.Errorf("%v, want %s", err, tt.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(out.URL)
			if err != nil || out.Pushed != tt.pushed {
				t.Fatalf("%+v, %v", out, err)
			}
			q := u.Query()
			if !tt.pushed {
				if q.Get("state") != "state" || got != nil {
					t.Errorf("an ordinary request is %v, pushed %v", q, got)
				}
				return
			}
			if len(q) != 2 || q.Get("request_uri") != "urn:example:1" || q.Get("client_id") != "a b" {
				t.Errorf("the browser gets %v", q)
			}
			if user != "a+b" || password != "s%26cret" || got.Get("client_id") != "a b" || got.Has("client_secret") || got.Get("state") != "state" || got.Get("code_challenge") != "challenge" || got.Get("redirect_uri") != redirectURI || got.Get("response_type") != "code" {
				t.Errorf("%q:%q pushed %v", user, password, got)
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/secret"
)

const redirectURI = "http://127.0.0.1:4780/callback/example"

var (
	clientSecret = secret.New("s3cret & more")
	octocat      = oauthtest.User{Subject: "9007199254740993", Login: "octocat", Name: "The Octocat", Email: "o@example.test"}
)

// definition is a declared provider in JSON, with changes.
func definition(t *testing.T, server string, change map[string]any) []byte {
	t.Helper()
	d := map[string]any{
		"slug": "example", "name": "Example", "revoke": "token", "rotation": "single_use",
		"scopes":        []any{map[string]any{"name": "read", "title": "Read", "default": true}},
		"authorize_url": server + "/authorize", "token_url": server + "/token",
		"identity":   map[string]any{"url": server + "/userinfo", "subject": "sub", "login": "preferred_username", "name": "name", "email": "email"},
		"revocation": map[string]any{"url": server + "/revoke"},
	}
	for k, v := range change {
		d[k] = v
		if v == nil {
			delete(d, k)
		}
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func serve(t *testing.T, quirks oauthtest.Quirks) *oauthtest.Server {
	t.Helper()
	srv, err := oauthtest.Start(oauthtest.Options{
		Clients: []oauthtest.Client{{ID: "client", Secret: clientSecret.Reveal(), RedirectURIs: []string{redirectURI}}},
		Users:   []oauthtest.User{octocat}, Quirks: quirks,
		Rules: oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true, ReuseRevokes: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv
}

// TestDescribeLeavesOutTheBadOnes: each kind of bad definition is left out and
// logged, and harms no other.
func TestDescribeLeavesOutTheBadOnes(t *testing.T) {
	bad := map[string][]byte{
		"no JSON":        []byte(`{`),
		"empty":          nil,
		"unknown field":  []byte(`{"slug":"a","name":"A","autorize_url":"https://a.example"}`),
		"no endpoints":   []byte(`{"slug":"b","name":"B"}`),
		"bad slug":       definition(t, "https://x.example", map[string]any{"slug": "No Slug"}),
		"no name":        definition(t, "https://x.example", map[string]any{"slug": "c", "name": nil}),
		"unknown config": definition(t, "https://x.example", map[string]any{"slug": "d", "token_url": "https://{host}/t"}),
		"taken slug":     definition(t, "https://y.example", nil),
	}
	request := &sdk.DescribeRequest{Definitions: [][]byte{definition(t, "https://x.example", nil)}}
	for _, b := range bad {
		request.Definitions = append(request.Definitions, b)
	}
	request.Definitions = append(request.Definitions, definition(t, "https://x.example", map[string]any{"slug": "last"}))
	var log bytes.Buffer
	old := slog.Default() // where sdk.Logger logs without a host
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)
	out, err := provider{}.Describe(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Providers) != 2 || out.Providers[0].Slug != "example" || out.Providers[1].Slug != "last" {
		t.Errorf("providers %+v", out.Providers)
	}
	if out.Providers[0].AllowedHosts[0] != "x.example:443" || out.Providers[0].Scopes[0].Title != "Read" {
		t.Errorf("description %+v", out.Providers[0])
	}
	if n := strings.Count(log.String(), "left out"); n != len(bad) {
		t.Errorf("%d of %d bad definitions are logged:\n%s", n, len(bad), log.String())
	}
}

func TestDescribeNothing(t *testing.T) {
	out, err := provider{}.Describe(t.Context(), &sdk.DescribeRequest{})
	if err != nil || len(out.Providers) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestEveryCallChecksItsDefinition: a definition that is missing, broken or of
// another provider is an error in words, whatever is asked.
func TestEveryCallChecksItsDefinition(t *testing.T) {
	p := provider{}
	good := definition(t, "https://x.example", nil)
	for name, tt := range map[string]struct {
		target sdk.Target
		code   sdk.Code
	}{
		"Missing": {sdk.Target{Provider: "example"}, sdk.CodePluginBug},
		"Broken":  {sdk.Target{Provider: "example", Definition: []byte(`{"slug":"example"}`)}, sdk.CodeMisconfigured},
		"Other":   {sdk.Target{Provider: "other", Definition: good}, sdk.CodePluginBug},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			_, authorize := p.Authorize(ctx, &sdk.AuthorizeRequest{Target: tt.target})
			_, exchange := p.Exchange(ctx, &sdk.ExchangeRequest{Target: tt.target})
			_, refresh := p.Refresh(ctx, &sdk.RefreshRequest{Target: tt.target})
			_, revoke := p.Revoke(ctx, &sdk.RevokeRequest{Target: tt.target})
			_, identify := p.Identify(ctx, &sdk.IdentifyRequest{Target: tt.target})
			for call, err := range map[string]error{"authorize": authorize, "exchange": exchange, "refresh": refresh, "revoke": revoke, "identify": identify} {
				if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != tt.code || e.Message == "" {
					t.Errorf("%s: %v", call, err)
				}
			}
		})
	}
}

// TestLife takes a declared provider through a connection, on servers that are
// peculiar in the ways that a definition can say.
func TestLife(t *testing.T) {
	for name, tt := range map[string]struct {
		quirks oauthtest.Quirks
		change func(server string) map[string]any
		scopes []string
	}{
		"Plain": {scopes: []string{"read", "write"}},
		"Basic": {
			quirks: oauthtest.Quirks{OnlyAuth: "basic"},
			change: func(string) map[string]any { return map[string]any{"client_auth": "basic"} },
		},
		"JSON": {
			quirks: oauthtest.Quirks{OnlyJSON: true},
			change: func(string) map[string]any { return map[string]any{"token_format": "json"} },
		},
		"FormAnswersAndErrorsIn200": {quirks: oauthtest.Quirks{FormAnswers: true, ErrorsIn200: true}},
		"CommaScopes": {
			quirks: oauthtest.Quirks{ScopeSeparator: ","},
			change: func(string) map[string]any { return map[string]any{"scope_separator": ","} },
			scopes: []string{"read", "write"},
		},
		"StringExpiry": {quirks: oauthtest.Quirks{StringExpiresIn: true}},
		"CustomRevoke": {
			quirks: oauthtest.Quirks{CustomRevoke: true},
			change: func(server string) map[string]any {
				return map[string]any{"revocation": map[string]any{
					"url": server + "/tokens", "method": "DELETE", "auth": "basic", "format": "json",
					"params": map[string]string{"access_token": "{token}"}, "kinds": []string{"access_token"}, "gone": []int{404},
				}}
			},
		},
		"Discovery": {
			change: func(server string) map[string]any {
				return map[string]any{
					"issuer": server, "authorize_url": nil, "token_url": nil, "identity": nil, "revocation": map[string]any{},
				}
			},
			scopes: []string{"openid", "email"},
		},
		"NoPKCE": {change: func(string) map[string]any { return map[string]any{"pkce": "never"} }},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, tt.quirks)
			var change map[string]any
			if tt.change != nil {
				change = tt.change(srv.URL)
			}
			l := &life{t: t, srv: srv, p: provider{}, target: sdk.Target{
				Provider: "example", ClientID: "client", Definition: definition(t, srv.URL, change),
			}}
			l.run(tt.scopes)
		})
	}
}

type life struct {
	t      *testing.T
	srv    *oauthtest.Server
	p      provider
	target sdk.Target
}

func (l *life) run(scopes []string) {
	t := l.t
	first := l.connect(scopes)
	if first.Tokens.ExpiresIn != time.Hour || strings.Join(first.Tokens.Scopes, "|") != strings.Join(scopes, "|") {
		t.Errorf("token set %+v", first.Tokens)
	}
	account := first.Account
	if account == nil {
		who, err := l.p.Identify(t.Context(), &sdk.IdentifyRequest{Target: l.target, AccessToken: first.Tokens.AccessToken, IDToken: first.Tokens.IDToken})
		if err != nil {
			t.Fatal(err)
		}
		account = &who.Account
	}
	if want := (sdk.Account{Issuer: l.srv.URL, Subject: octocat.Subject, Login: octocat.Login, Name: octocat.Name, Email: octocat.Email}); *account != want {
		t.Errorf("account %+v, want %+v", *account, want)
	}
	refresh := func(token secret.Value) (*sdk.RefreshResponse, error) {
		return l.p.Refresh(t.Context(), &sdk.RefreshRequest{Target: l.target, ClientSecret: clientSecret, RefreshToken: token, RedirectURI: redirectURI})
	}
	second, err := refresh(first.Tokens.RefreshToken)
	if err != nil || second.RefreshToken != sdk.RefreshRotated {
		t.Fatalf("refresh: %+v, %v", second, err)
	}
	gone, err := l.p.Revoke(t.Context(), &sdk.RevokeRequest{
		Target: l.target, ClientSecret: clientSecret, Token: second.Tokens.AccessToken, Kind: sdk.AccessToken, Reach: sdk.ReachToken,
	})
	if err != nil || gone.Revoked != sdk.ReachToken {
		t.Errorf("revoke: %+v, %v", gone, err)
	}
	if _, live := l.srv.Lookup(second.Tokens.AccessToken.Reveal()); live {
		t.Error("a revoked token lives on")
	}
	if _, err := refresh(first.Tokens.RefreshToken); sdk.CodeOf(err) != sdk.CodeReauthorizationRequired {
		t.Errorf("a spent refresh token: %v", err)
	}
}

func (l *life) connect(scopes []string) *sdk.ExchangeResponse {
	t := l.t
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	auth, err := l.p.Authorize(t.Context(), &sdk.AuthorizeRequest{
		Target: l.target, RedirectURI: redirectURI, State: "state", Nonce: "nonce", Scopes: scopes,
		CodeChallenge: oauth2.S256ChallengeFromVerifier(verifier),
	})
	if err != nil {
		t.Fatal(err)
	}
	callback, err := l.srv.Approve(auth.URL, octocat.Login)
	if err != nil {
		t.Fatalf("%s: %v", auth.URL, err)
	}
	back, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.p.Exchange(t.Context(), &sdk.ExchangeRequest{
		Target: l.target, ClientSecret: clientSecret, Code: secret.New(back.Query().Get("code")),
		CodeVerifier: secret.New(verifier), RedirectURI: redirectURI, Nonce: "nonce", Scopes: scopes,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

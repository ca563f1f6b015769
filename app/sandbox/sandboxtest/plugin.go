// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"context"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// World is a sandbox, somebody in front of it, and a plugin that is called the
// way a host calls it, but directly.
type World struct {
	*Person
	Plugin      sdk.Provider
	Target      sdk.Target
	Secret      secret.Value
	RedirectURI string
	t           testing.TB
}

// NewWorld starts a sandbox for a test and aims the plugin of a provider at it.
func NewWorld(t testing.TB, p sdk.Provider, provider, login, redirectURI string, o sandbox.Options) *World {
	t.Helper()
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Describe(t.Context(), &sdk.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	w := &World{
		Person: New(srv.URL, provider, login), Plugin: p, Secret: secret.New(sandbox.ClientSecret), RedirectURI: redirectURI, t: t,
		Target: sdk.Target{Provider: provider, ClientID: sandbox.ClientID, Config: map[string]string{}},
	}
	for k, v := range d.Providers[0].Sandbox {
		w.Target.Config[k] = strings.ReplaceAll(v, "{sandbox}", srv.URL)
	}
	return w
}

// MustConnect is Connect where nothing should go wrong.
func (w *World) MustConnect(change func(*sdk.AuthorizeRequest), scopes ...string) *sdk.ExchangeResponse {
	w.t.Helper()
	out, err := w.Connect(change, scopes...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// Connect goes from the authorization URL to the tokens. change may alter the
// request for the URL; nil: a first connect.
func (w *World) Connect(change func(*sdk.AuthorizeRequest), scopes ...string) (*sdk.ExchangeResponse, error) {
	verifier := oauth2.GenerateVerifier()
	r := &sdk.AuthorizeRequest{
		Target: w.Target, RedirectURI: w.RedirectURI, State: "state", Nonce: "nonce", Scopes: scopes,
		CodeChallenge: oauth2.S256ChallengeFromVerifier(verifier), NeedRefreshToken: true,
	}
	if change != nil {
		change(r)
	}
	a, err := w.Plugin.Authorize(context.Background(), r)
	if err != nil {
		return nil, err
	}
	back, err := w.Consent(a.URL)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(back)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	if q.Get("code") == "" {
		return nil, fmt.Errorf("refused: %s: %s", q.Get("error"), q.Get("error_description"))
	}
	return w.Plugin.Exchange(context.Background(), &sdk.ExchangeRequest{
		Target: w.Target, ClientSecret: w.Secret, Code: secret.New(q.Get("code")), CodeVerifier: secret.New(verifier),
		RedirectURI: w.RedirectURI, Nonce: "nonce", Scopes: scopes,
	})
}

// Refresh renews a token; name is that of a named one.
func (w *World) Refresh(token secret.Value, name string) (*sdk.RefreshResponse, error) {
	p, ok := w.Plugin.(sdk.Refresher)
	if !ok {
		return nil, sdk.Unsupported("no refresh")
	}
	return p.Refresh(context.Background(), &sdk.RefreshRequest{Target: w.Target, ClientSecret: w.Secret, RefreshToken: token, RedirectURI: w.RedirectURI, Name: name})
}

// Identify says whose a token is.
func (w *World) Identify(access secret.Value, metadata map[string]string) (*sdk.IdentifyResponse, error) {
	p, ok := w.Plugin.(sdk.Identifier)
	if !ok {
		return nil, sdk.Unsupported("no identity")
	}
	return p.Identify(context.Background(), &sdk.IdentifyRequest{Target: w.Target, AccessToken: access, Metadata: metadata})
}

// Revoke withdraws a token.
func (w *World) Revoke(token secret.Value, kind sdk.TokenKind, reach sdk.Reach) (*sdk.RevokeResponse, error) {
	p, ok := w.Plugin.(sdk.Revoker)
	if !ok {
		return nil, sdk.Unsupported("no revocation")
	}
	return p.Revoke(context.Background(), &sdk.RevokeRequest{Target: w.Target, ClientSecret: w.Secret, Token: token, Kind: kind, Reach: reach})
}

// WantPicture wants a picture of the account that a token answer is of, where
// the sandbox has it.
func (w *World) WantPicture(first *sdk.ExchangeResponse) {
	w.t.Helper()
	account := first.Account
	if account == nil {
		id, err := w.Identify(first.Tokens.AccessToken, first.Tokens.Metadata)
		if err != nil {
			w.t.Fatal(err)
		}
		account = &id.Account
	}
	if want := w.URL + "/" + w.Provider + "/pictures/" + account.Subject + ".png"; account.Picture != want {
		w.t.Fatalf("the picture is at %q, want %q", account.Picture, want)
	}
	resp, err := http.Get(account.Picture)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := png.Decode(resp.Body); err != nil {
		w.t.Errorf("the picture: %v", err)
	}
}

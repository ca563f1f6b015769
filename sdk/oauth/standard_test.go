// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/secret"
)

const (
	clientID     = "hub:basic odd"
	clientSecret = "s3cret & +%"
	redirectURI  = "http://127.0.0.1:4780/callback/test"
)

// options are a strict server with one client whose credentials only survive
// a header when they are form-encoded first.
func options(change func(*oauthtest.Options)) oauthtest.Options {
	o := oauthtest.Options{
		Clients: []oauthtest.Client{
			{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURI}},
			{ID: "public", RedirectURIs: []string{redirectURI}},
		},
		Users: []oauthtest.User{
			{Subject: "9007199254740993", Login: "octocat", Name: "The Octocat", Email: "o@example.test"},
			{Subject: "2", Login: "hubot"},
		},
		Rules: oauthtest.Rules{
			Lives: oauthtest.Lives{Access: time.Hour, Refresh: 24 * time.Hour}, Rotate: true, ReuseRevokes: true, RequirePKCE: true,
		},
	}
	if change != nil {
		change(&o)
	}
	return o
}

func start(t *testing.T, change func(*oauthtest.Options)) *oauthtest.Server {
	t.Helper()
	srv, err := oauthtest.Start(options(change))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv
}

func provider(change func(*oauth.Standard)) *oauth.Standard {
	s := &oauth.Standard{
		Descriptor: sdk.Descriptor{
			Slug: "test", Name: "Testhub", Rotation: sdk.RotationSingle, Revoke: sdk.ReachToken,
			Config: []sdk.ConfigField{{Key: "base_url", Kind: sdk.FieldURL, Required: true}},
		},
		AuthorizeURL: "{base_url}/authorize", TokenURL: "{base_url}/token",
		ClientAuth: oauth.AuthBasic,
		Identity:   &oauth.Identity{URL: "{base_url}/userinfo", Subject: "sub", Login: "preferred_username", Name: "name", Email: "email"},
		Revocation: &oauth.Revocation{URL: "{base_url}/revoke"},
	}
	if change != nil {
		change(s)
	}
	return s
}

func target(srv *oauthtest.Server) sdk.Target {
	return sdk.Target{Provider: "test", Config: map[string]string{"base_url": srv.URL}, ClientID: clientID}
}

// connect goes from Authorize to the token set.
func connect(t *testing.T, srv *oauthtest.Server, p sdk.Provider, scopes ...string) (*sdk.ExchangeResponse, error) {
	t.Helper()
	return connectAs(t, srv, p, target(srv), clientSecret, scopes...)
}

func connectAs(t *testing.T, srv *oauthtest.Server, p sdk.Provider, tg sdk.Target, pass string, scopes ...string) (*sdk.ExchangeResponse, error) {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	auth, err := p.Authorize(t.Context(), &sdk.AuthorizeRequest{
		Target: tg, RedirectURI: redirectURI, State: "st&te", Nonce: "n0nce",
		CodeChallenge: oauth2.S256ChallengeFromVerifier(verifier), Scopes: scopes,
	})
	if err != nil {
		return nil, err
	}
	callback, err := srv.Approve(auth.URL, "octocat")
	if err != nil {
		t.Fatalf("the server refuses %s: %v", auth.URL, err)
	}
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	if u.Query().Get("state") != "st&te" {
		t.Fatalf("state is lost in %s", callback)
	}
	return p.Exchange(t.Context(), &sdk.ExchangeRequest{
		Target: tg, ClientSecret: secret.New(pass), Code: secret.New(u.Query().Get("code")),
		CodeVerifier: secret.New(verifier), RedirectURI: redirectURI, Nonce: "n0nce", Scopes: scopes,
		Params: map[string]string{"realmId": "r1"},
	})
}

func refresh(t *testing.T, srv *oauthtest.Server, p sdk.Refresher, token secret.Value) (*sdk.RefreshResponse, error) {
	t.Helper()
	return p.Refresh(t.Context(), &sdk.RefreshRequest{
		Target: target(srv), ClientSecret: secret.New(clientSecret), RefreshToken: token, RedirectURI: redirectURI,
	})
}

func mustConnect(t *testing.T, srv *oauthtest.Server, p sdk.Provider, scopes ...string) sdk.TokenSet {
	t.Helper()
	out, err := connect(t, srv, p, scopes...)
	if err != nil {
		t.Fatal(err)
	}
	return out.Tokens
}

func TestConnectIdentifyRefreshRevoke(t *testing.T) {
	srv, p := start(t, nil), provider(nil)
	first := mustConnect(t, srv, p, "read", "write")
	if first.TokenType != "Bearer" || first.ExpiresIn != time.Hour || first.ExpirySource != sdk.ExpiryDeclared || first.RefreshExpiresIn != 24*time.Hour {
		t.Errorf("token set %+v", first)
	}
	if strings.Join(first.Scopes, "|") != "read|write" {
		t.Errorf("scopes %q", first.Scopes)
	}

	who, err := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target(srv), AccessToken: first.AccessToken})
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Account{Issuer: srv.URL, Subject: "9007199254740993", Login: "octocat", Name: "The Octocat", Email: "o@example.test"}
	if who.Account != want {
		t.Errorf("account %+v, want %+v", who.Account, want)
	}

	second, err := refresh(t, srv, p, first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken != sdk.RefreshRotated || second.Tokens.RefreshToken.IsZero() || second.Tokens.RefreshToken.Equal(first.RefreshToken) {
		t.Errorf("refresh outcome %q", second.RefreshToken)
	}

	gone, err := p.Revoke(t.Context(), &sdk.RevokeRequest{
		Target: target(srv), ClientSecret: secret.New(clientSecret), Token: second.Tokens.RefreshToken,
		Kind: sdk.RefreshToken, Reach: sdk.ReachToken,
	})
	if err != nil || gone.Revoked != sdk.ReachToken {
		t.Fatalf("revoke: %+v, %v", gone, err)
	}
	if _, live := srv.Lookup(second.Tokens.AccessToken.Reveal()); live {
		t.Error("the access token lives on after its refresh token was revoked")
	}
	if _, err := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target(srv), AccessToken: second.Tokens.AccessToken}); sdk.CodeOf(err) != sdk.CodeReauthorizationRequired {
		t.Errorf("identify with a revoked token: %v", err)
	}
	if srv.Count("authorization_code") != 1 || srv.Count("refresh_token") != 1 {
		t.Error("the token endpoint was asked more than once per operation")
	}
}

func TestClientAuthentication(t *testing.T) {
	for _, tt := range []struct {
		name string
		way  oauth.ClientAuth
		only string
	}{{"Basic", oauth.AuthBasic, "basic"}, {"Body", oauth.AuthBody, "body"}, {"DefaultIsBody", "", "body"}} {
		t.Run(tt.name, func(t *testing.T) {
			srv := start(t, func(o *oauthtest.Options) { o.Quirks.OnlyAuth = tt.only })
			p := provider(func(s *oauth.Standard) { s.ClientAuth = tt.way })
			first := mustConnect(t, srv, p)
			if _, err := refresh(t, srv, p, first.RefreshToken); err != nil {
				t.Fatal(err)
			}
			for _, r := range srv.Requests(oauthtest.EndpointToken) {
				if r.Auth != tt.only {
					t.Errorf("a token request authenticates by %s", r.Auth)
				}
			}
		})
	}
	t.Run("PerLeg", func(t *testing.T) {
		srv := start(t, nil)
		p := provider(func(s *oauth.Standard) {
			s.ClientAuth, s.RefreshAuth = oauth.AuthBody, oauth.AuthBasic
		})
		if _, err := refresh(t, srv, p, mustConnect(t, srv, p).RefreshToken); err != nil {
			t.Fatal(err)
		}
		if r := srv.Requests(oauthtest.EndpointToken); r[0].Auth != "body" || r[1].Auth != "basic" {
			t.Errorf("ways %s, %s", r[0].Auth, r[1].Auth)
		}
	})
	t.Run("PublicClientSendsNoSecret", func(t *testing.T) {
		srv := start(t, nil)
		tg := target(srv)
		tg.ClientID = "public"
		if _, err := connectAs(t, srv, provider(nil), tg, ""); err != nil {
			t.Fatal(err)
		}
		if r := srv.Requests(oauthtest.EndpointToken)[0]; r.Params.Has("client_secret") || r.Header.Get("Authorization") != "" {
			t.Error("something was sent for a secret that does not exist")
		}
	})
	t.Run("WrongSecret", func(t *testing.T) {
		srv := start(t, nil)
		_, err := connectAs(t, srv, provider(nil), target(srv), "wrong")
		wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret", ProviderCode: "invalid_client"})
	})
}

func TestRefreshTokenOutcomes(t *testing.T) {
	t.Run("OmittedIsKept", func(t *testing.T) {
		srv := start(t, func(o *oauthtest.Options) { o.Rules.Rotate = false })
		p := provider(nil)
		out, err := refresh(t, srv, p, mustConnect(t, srv, p).RefreshToken)
		if err != nil || out.RefreshToken != sdk.RefreshKept || !out.Tokens.RefreshToken.IsZero() {
			t.Errorf("%+v, %v", out, err)
		}
	})
	t.Run("NoneToUse", func(t *testing.T) {
		srv, p := start(t, nil), provider(nil)
		_, err := refresh(t, srv, p, secret.Value{})
		wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshMissing})
	})
	t.Run("ReuseKillsTheGrant", func(t *testing.T) {
		srv, p := start(t, nil), provider(nil)
		first := mustConnect(t, srv, p)
		second, err := refresh(t, srv, p, first.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range []secret.Value{first.RefreshToken, second.Tokens.RefreshToken} {
			_, err := refresh(t, srv, p, token)
			wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, ProviderCode: "invalid_grant"})
		}
		if srv.Reuses() != 1 {
			t.Errorf("%d reuses, want 1", srv.Reuses())
		}
	})
}

func TestAnswerQuirks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server func(*oauthtest.Options)
		table  func(*oauth.Standard)
		life   time.Duration
		source sdk.ExpirySource
		scopes string
	}{
		{name: "StringExpiresIn", server: func(o *oauthtest.Options) { o.Quirks.StringExpiresIn = true },
			life: time.Hour, source: sdk.ExpiryDeclared, scopes: "a b"},
		{name: "NoExpiresIn", server: func(o *oauthtest.Options) { o.Quirks.NoExpiresIn = true },
			source: sdk.ExpiryUnknown, scopes: "a b"},
		{name: "AssumedLife", server: func(o *oauthtest.Options) { o.Quirks.NoExpiresIn = true },
			table: func(s *oauth.Standard) { s.Answer.DefaultLifetime = oauth.Duration(20 * time.Minute) },
			life:  20 * time.Minute, source: sdk.ExpiryAssumed, scopes: "a b"},
		{name: "NeverExpires", server: func(o *oauthtest.Options) { o.Quirks.NoExpiresIn = true },
			table: func(s *oauth.Standard) { s.Answer.NeverExpires = true }, source: sdk.ExpiryNever, scopes: "a b"},
		{name: "Milliseconds", table: func(s *oauth.Standard) { s.Answer.ExpiresUnit = oauth.Duration(time.Millisecond) },
			life: 3600 * time.Millisecond, source: sdk.ExpiryDeclared, scopes: "a b"},
		{name: "FormAnswerWithCommas", server: func(o *oauthtest.Options) { o.Quirks.FormAnswers, o.Quirks.ScopeSeparator = true, "," },
			table: func(s *oauth.Standard) { s.Answer.ScopeSeparator = "," },
			life:  time.Hour, source: sdk.ExpiryDeclared, scopes: "a b"},
		{name: "CommasBothWays", server: func(o *oauthtest.Options) { o.Quirks.ScopeSeparator = "," },
			table: func(s *oauth.Standard) { s.ScopeSeparator = "," },
			life:  time.Hour, source: sdk.ExpiryDeclared, scopes: "a b"},
		{name: "JSONRequest", server: func(o *oauthtest.Options) { o.Quirks.OnlyJSON = true },
			table: func(s *oauth.Standard) { s.TokenFormat = oauth.FormatJSON },
			life:  time.Hour, source: sdk.ExpiryDeclared, scopes: "a b"},
		{name: "ScopeNotSaid", server: func(o *oauthtest.Options) { o.Quirks.OmitScope = true },
			life: time.Hour, source: sdk.ExpiryDeclared, scopes: "nil"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, p := start(t, tt.server), provider(tt.table)
			got := mustConnect(t, srv, p, "a", "b")
			scopes := strings.Join(got.Scopes, " ")
			if got.Scopes == nil {
				scopes = "nil"
			}
			if got.ExpiresIn != tt.life || got.ExpirySource != tt.source || scopes != tt.scopes {
				t.Errorf("life %v (%q), scopes %s; want %v (%q), %s", got.ExpiresIn, got.ExpirySource, scopes, tt.life, tt.source, tt.scopes)
			}
			if _, err := refresh(t, srv, p, got.RefreshToken); err != nil {
				t.Errorf("refresh: %v", err)
			}
		})
	}
}

func TestMetadataAndCallbackMetadata(t *testing.T) {
	srv := start(t, nil)
	p := provider(func(s *oauth.Standard) {
		s.Answer.Metadata = map[string]string{"kind": "token_type", "absent": "no.such.0.path"}
		s.CallbackMetadata = map[string]string{"realm_id": "realmId"}
	})
	got := mustConnect(t, srv, p).Metadata
	if len(got) != 2 || got["kind"] != "bearer" || got["realm_id"] != "r1" {
		t.Errorf("metadata %v", got)
	}
}

func TestUnresolvedTemplateIsAnError(t *testing.T) {
	p := provider(nil)
	_, err := p.Authorize(context.Background(), &sdk.AuthorizeRequest{Target: sdk.Target{ClientID: "x"}})
	wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "base_url"})
	for _, bad := range []string{"javascript:alert(1)", "https://a@b.test", "https://a.test/?x=", "https://a.test#f", "no url"} {
		_, err := p.Authorize(context.Background(), &sdk.AuthorizeRequest{Target: sdk.Target{Config: map[string]string{"base_url": bad}}})
		wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "base_url"})
	}
}

func TestValueCannotLeaveItsPlaceInAURL(t *testing.T) {
	p := provider(func(s *oauth.Standard) {
		s.Descriptor.Config = []sdk.ConfigField{{Key: "sub"}, {Key: "tenant"}}
		s.AuthorizeURL = "https://{sub}.example.test/{tenant}/authorize"
	})
	got, err := p.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: sdk.Target{Config: map[string]string{"sub": "acme", "tenant": "../x?y#z", "base_url": "https://t.test"}}})
	if err != nil || !strings.HasPrefix(got.URL, "https://acme.example.test/..%2Fx%3Fy%23z/authorize?") {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"evil.test/", "evil.test#", "evil.test?", "a@b", "evil.test:80"} {
		got, err := p.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: sdk.Target{Config: map[string]string{"sub": bad, "tenant": "t", "base_url": "https://t.test"}}})
		if err == nil {
			u, _ := url.Parse(got.URL)
			t.Errorf("%q leads to host %q", bad, u.Host)
		}
	}
}

func TestAllowedHostsComeFromTheEndpoints(t *testing.T) {
	p := provider(func(s *oauth.Standard) {
		s.AuthorizeURL, s.TokenURL = "https://a.test/{base_url}/x", "http://b.test:8080/t"
	})
	got := strings.Join(p.Description().AllowedHosts, " ")
	if got != "a.test:443 b.test:8080" {
		t.Errorf("hosts %q", got)
	}
}

func wantError(t *testing.T, err error, want sdk.Error) {
	t.Helper()
	got, ok := err.(*sdk.Error)
	if !ok {
		t.Errorf("error %v (%T), want an *sdk.Error", err, err)
		return
	}
	if got.Code != want.Code || want.Reason != "" && got.Reason != want.Reason || got.Field != want.Field ||
		want.ProviderCode != "" && got.ProviderCode != want.ProviderCode || got.RetryAfter != want.RetryAfter {
		t.Errorf("error %+v, want %+v", *got, want)
	}
	if got.Message == "" || len([]rune(got.Message)) > 200 {
		t.Errorf("message %q", got.Message)
	}
}

func hide(s string) secret.Value { return secret.New(s) }

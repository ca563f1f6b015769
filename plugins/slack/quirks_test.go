// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

func newWorld(t *testing.T, o sandbox.Options) *sandboxtest.World {
	return sandboxtest.NewWorld(t, &provider{standard}, "slack", "ada.demo", redirectURI, o)
}

func TestTheTableTellsEverything(t *testing.T) {
	for _, what := range sandboxtest.Lacking(standard) {
		t.Errorf("the table lacks %s", what)
	}
	if d := standard.Description(); slices.Contains(d.Capabilities, sdk.CanDevice) {
		t.Error("Slack has no device flow")
	}
}

func TestAddressesThatAreTaken(t *testing.T) {
	for _, refused := range sandboxtest.Refused(standard, "https://slack.com", "https://slack-gov.com", "http://127.0.0.1:4790/slack") {
		t.Errorf("%s is refused", refused)
	}
}

// Bot scopes go out as scope, user scopes as user_scope, each joined by commas.
//
// Source: https://docs.slack.dev/authentication/installing-with-oauth.
// Counterpart: none is asked; third-party in TestEmulatedProviders of app/e2e
// (vercel-labs/emulate).
func TestTwoListsOfScopes(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	for _, tt := range []struct {
		ask       []string
		bot, user string
	}{
		{[]string{"chat:write", "user:users:read", "channels:read"}, "chat:write,channels:read", "users:read"},
		{[]string{"user:users:read", "user:chat:write"}, "", "users:read,chat:write"},
		{[]string{"chat:write"}, "chat:write", ""},
	} {
		out, err := w.Plugin.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: w.Target, Scopes: tt.ask})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(out.URL)
		if err != nil {
			t.Fatal(err)
		}
		if q := u.Query(); q.Get("scope") != tt.bot || q.Get("user_scope") != tt.user || q.Has("user_scope") != (tt.user != "") {
			t.Errorf("%q: %v", tt.ask, q)
		}
	}
	if standard.AuthorizeParams != nil {
		t.Error("a call changed the table")
	}
}

// The bot's token is at the top of the answer, the user's in authed_user, each
// with its own scopes, life and refresh token.
//
// Source: https://docs.slack.dev/reference/methods/oauth.v2.access.
// Counterpart: ours; third-party in TestEmulatedProviders of app/e2e, without
// rotation.
func TestBotAndUserToken(t *testing.T) {
	got := newWorld(t, sandbox.Options{}).MustConnect(nil, "chat:write", "user:users:read").Tokens
	user := got.Named["user"]
	if got.Name != "bot" || !slices.Equal(got.Scopes, []string{"chat:write"}) || !slices.Equal(user.Scopes, []string{"user:users:read"}) {
		t.Errorf("bot %q %q, user %q", got.Name, got.Scopes, user.Scopes)
	}
	if got.TokenType != "Bearer" || got.ExpiresIn != 12*time.Hour || user.ExpiresIn != 12*time.Hour || user.ExpirySource != sdk.ExpiryDeclared {
		t.Errorf("type %q, lives %v and %v", got.TokenType, got.ExpiresIn, user.ExpiresIn)
	}
	if got.AccessToken.Equal(user.AccessToken) || got.RefreshToken.Equal(user.RefreshToken) || user.RefreshToken.IsZero() {
		t.Error("the two share a token")
	}
	if got.Metadata["team_id"] != "T0DEMO0001" || got.Metadata["authed_user_id"] != "U0DEMO0001" || got.Metadata["bot_user_id"] == "" {
		t.Errorf("metadata %v", got.Metadata)
	}
}

// Where only user scopes were asked for, there is no token at the top.
//
// Source: NangoHQ/nango#6293,
// https://docs.slack.dev/authentication/installing-with-oauth.
// Counterpart: ours.
func TestUserTokenAlone(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.RedirectURI = "http://localhost:4780/callback/slack"
	got := w.MustConnect(nil, "user:users:read", "user:chat:write").Tokens
	if got.Name != "user" || got.Named != nil || !slices.Equal(got.Scopes, []string{"user:users:read", "user:chat:write"}) || got.RefreshToken.IsZero() || got.ExpiresIn != 12*time.Hour {
		t.Errorf("%q, %q, named %v, %v", got.Name, got.Scopes, got.Named, got.ExpiresIn)
	}
	who, err := w.Identify(got.AccessToken, got.Metadata)
	if err != nil || who.Account.Login != "ada.demo" {
		t.Errorf("%+v, %v", who, err)
	}
}

// Refresh tokens work once; bot and user token are renewed apart.
//
// Source: https://docs.slack.dev/authentication/using-token-rotation,
// NangoHQ/nango#6293.
// Counterpart: ours.
func TestRotationOfEachToken(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first := w.MustConnect(nil, "chat:write", "user:users:read").Tokens
	bot, err := w.Refresh(first.RefreshToken, "")
	if err != nil || bot.RefreshToken != sdk.RefreshRotated || bot.Tokens.Named != nil || !slices.Equal(bot.Tokens.Scopes, []string{"chat:write"}) {
		t.Fatalf("%+v, %v", bot, err)
	}
	user, err := w.Refresh(first.Named["user"].RefreshToken, "user")
	if err != nil || user.RefreshToken != sdk.RefreshRotated || !slices.Equal(user.Tokens.Scopes, []string{"user:users:read"}) {
		t.Fatalf("%+v, %v", user, err)
	}
	who, err := w.Identify(user.Tokens.AccessToken, nil)
	if err != nil || who.Account.Subject != "U0DEMO0001" {
		t.Errorf("the renewed user token is of %+v, %v", who, err)
	}
	for name, spent := range map[string]secret.Value{"": first.RefreshToken, "user": first.Named["user"].RefreshToken} {
		_, err := w.Refresh(spent, name)
		if e := sandboxtest.WantError(t, err, sdk.CodeReauthorizationRequired, sdk.ReasonRefreshExpired); e.ProviderCode != "invalid_refresh_token" {
			t.Errorf("%+v", e)
		}
	}
}

// A redirect to this machine cannot ask for bot scopes, and the client of an app
// with PKCE needs no secret.
//
// Source: https://docs.slack.dev/authentication/using-pkce.
// Counterpart: ours.
func TestPublicClientRules(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.RedirectURI = "http://localhost:4780/callback/slack"
	if _, err := w.Connect(nil, "chat:write"); err == nil || !strings.Contains(err.Error(), "bot scopes") {
		t.Errorf("bot scopes on a loopback redirect: %v", err)
	}
	w.Secret = secret.Value{}
	got := w.MustConnect(nil, "user:users:read").Tokens
	if renewed, err := w.Refresh(got.RefreshToken, ""); err != nil || renewed.RefreshToken != sdk.RefreshRotated {
		t.Errorf("a refresh without a secret: %+v, %v", renewed, err)
	}
	if d := descriptor; d.Redirect.Host != sdk.RedirectHTTPS || !d.Redirect.Paste || d.Redirect.LoopbackScopes != "user:" || d.SecretRequired {
		t.Errorf("the redirect rule is %+v", d.Redirect)
	}
}

// auth.test names the bot for a bot token; the account is who installed the app,
// in which workspace.
//
// Source: https://docs.slack.dev/reference/methods/auth.test.
// Counterpart: ours; third-party in TestEmulatedProviders of app/e2e.
func TestIdentityIsTheInstaller(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	got := w.MustConnect(nil, "chat:write").Tokens
	who, err := w.Identify(got.AccessToken, got.Metadata)
	want := sdk.Account{Issuer: w.URL + "/slack", Subject: "U0DEMO0001", Tenant: "T0DEMO0001", Name: "Demo Team"}
	if err != nil || who.Account != want {
		t.Errorf("%+v, %v, want %+v", who, err, want)
	}
}

// auth.revoke ends one token; one that is gone is no failure.
//
// Source: https://docs.slack.dev/reference/methods/auth.revoke.
// Counterpart: ours.
func TestRevokeTheOneToken(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	got := w.MustConnect(nil, "chat:write", "user:users:read").Tokens
	for range 2 {
		if out, err := w.Revoke(got.AccessToken, sdk.AccessToken, sdk.ReachToken); err != nil || out.Revoked != sdk.ReachToken {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	_, err := w.Identify(got.AccessToken, nil)
	sandboxtest.WantError(t, err, sdk.CodeReauthorizationRequired, sdk.ReasonRevoked)
	if _, err := w.Identify(got.Named["user"].AccessToken, nil); err != nil {
		t.Errorf("the user's token: %v", err)
	}
	_, err = w.Revoke(got.RefreshToken, sdk.RefreshToken, sdk.ReachToken)
	sandboxtest.WantError(t, err, sdk.CodeUnsupported, "")
}

// Errors come with status 200 and "ok": false. What lasts and what passes is told
// apart by name.
//
// Source: https://docs.slack.dev/reference/methods/oauth.v2.access#errors.
// Counterpart: ours, the names of Slack's reference.
func TestErrorNames(t *testing.T) {
	for name, want := range map[string]sdk.Error{
		"internal_error":        {Code: sdk.CodeTemporary},
		"service_unavailable":   {Code: sdk.CodeTemporary},
		"fatal_error":           {Code: sdk.CodeTemporary},
		"ratelimited":           {Code: sdk.CodeRateLimited},
		"invalid_refresh_token": {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired},
		"token_expired":         {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired},
		"token_revoked":         {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked},
		"account_inactive":      {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked},
		"bad_client_secret":     {Code: sdk.CodeMisconfigured},
		"never_heard_of":        {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"ok":false,"error":"` + name + `"}`))
		}))
		_, err := (&provider{standard}).Refresh(t.Context(), &sdk.RefreshRequest{
			Target: sdk.Target{ClientID: "c", Config: map[string]string{"base_url": srv.URL}}, RefreshToken: secret.New("xoxe-1-x"),
		})
		srv.Close()
		if e := sandboxtest.WantError(t, err, want.Code, want.Reason); e.ProviderCode != name {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// A rate limit is a 429 with Retry-After.
//
// Source: https://docs.slack.dev/apis/web-api/rate-limits.
// Counterpart: ours.
func TestRateLimit(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	if err := w.Flip("break", url.Values{"how": {"rate-limit"}}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Refresh(secret.New("xoxe-1-x"), "")
	if e := sandboxtest.WantError(t, err, sdk.CodeRateLimited, ""); e.RetryAfter != time.Minute {
		t.Errorf("%+v", e)
	}
}

// An app that does not rotate has tokens without an end, and no refresh token.
//
// Source: paradigmxyz/centaur#1088.
// Counterpart: ours, an answer of that shape; third-party in
// TestEmulatedProviders of app/e2e.
func TestAppThatDoesNotRotate(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true,"access_token":"xoxb-1","token_type":"bot","scope":"chat:write","team":{"id":"T1","name":"T"},
			"authed_user":{"id":"U1","scope":"users:read","access_token":"xoxp-1","token_type":"user"}}`))
	}))
	defer srv.Close()
	out, err := (&provider{standard}).Exchange(t.Context(), &sdk.ExchangeRequest{
		Target: sdk.Target{ClientID: "c", Config: map[string]string{"base_url": srv.URL}}, Code: secret.New("code"), CodeVerifier: secret.New("v"),
	})
	if err != nil || out.Tokens.ExpirySource != sdk.ExpiryNever || !out.Tokens.RefreshToken.IsZero() || out.Tokens.Named["user"].ExpirySource != sdk.ExpiryNever {
		t.Errorf("%+v, %v", out, err)
	}
}

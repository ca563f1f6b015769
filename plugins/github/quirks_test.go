// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

const redirectURI = "http://127.0.0.1:4780/callback/github"

func newWorld(t *testing.T, o sandbox.Options) *sandboxtest.World {
	return sandboxtest.NewWorld(t, &provider{standard}, "github", "octocat-demo", redirectURI, o)
}

func wantError(t *testing.T, err error, want sdk.Error) {
	t.Helper()
	got, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		t.Errorf("error %v (%T), want an *sdk.Error", err, err)
		return
	}
	if got.Code != want.Code || got.Reason != want.Reason || got.Field != want.Field || got.RetryAfter != want.RetryAfter ||
		want.ProviderCode != "" && got.ProviderCode != want.ProviderCode || got.Message == "" {
		t.Errorf("error %+v, want %+v", *got, want)
	}
}

// answering is a server that answers everything with one thing.
func answering(t *testing.T, status int, header map[string]string, body string) sdk.Target {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return sdk.Target{ClientID: "c", Config: map[string]string{"base_url": srv.URL}}
}

func TestTheTableTellsEverything(t *testing.T) {
	for _, what := range sandboxtest.Lacking(standard) {
		t.Errorf("the table lacks %s", what)
	}
}

func TestAddressesThatAreTaken(t *testing.T) {
	for _, refused := range sandboxtest.Refused(standard, "https://github.com", "https://ghe.example.test", "https://ghe.example.test:8443/", "https://example.test/github", "http://127.0.0.1:4790/github", "https://[::1]:8443") {
		t.Errorf("%s is refused", refused)
	}
}

// OAuth Apps whose setting says so, or that ask for offline_access, have tokens
// of 8 hours; a refresh ends both old ones.
//
// Source: https://github.com/orgs/community/discussions/204963, cli/oauth#142.
// Counterpart: ours.
func TestExpiringTokens(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first := w.MustConnect(nil, "repo", "user:email").Tokens
	if first.ExpiresIn != 8*time.Hour || first.ExpirySource != sdk.ExpiryDeclared || first.RefreshExpiresIn != 15897600*time.Second || first.TokenType != "Bearer" {
		t.Errorf("tokens %+v", first)
	}
	second, err := w.Refresh(first.RefreshToken, "")
	if err != nil || second.RefreshToken != sdk.RefreshRotated || second.Tokens.RefreshToken.Equal(first.RefreshToken) {
		t.Fatalf("refresh %+v, %v", second, err)
	}
	_, err = w.Identify(first.AccessToken, nil)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked})
	_, err = w.Refresh(first.RefreshToken, "")
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired, ProviderCode: "bad_refresh_token"})
}

// A classic token of an OAuth App has no expires_in and no refresh token, and
// lives until it is revoked.
//
// Source: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/token-expiration-and-revocation.
// Counterpart: ours; third-party in TestGitHub of app/e2e (vercel-labs/emulate).
func TestClassicTokensNeverExpire(t *testing.T) {
	got := newWorld(t, sandbox.Options{AccessLife: -1}).MustConnect(nil, "repo").Tokens
	if got.ExpirySource != sdk.ExpiryNever || got.ExpiresIn != 0 || !got.RefreshToken.IsZero() {
		t.Errorf("tokens %+v", got)
	}
}

// An app with classic tokens gets expiring ones by asking for offline_access.
//
// Source: https://github.com/orgs/community/discussions/204963, cli/oauth#142.
// Counterpart: ours.
func TestOfflineAccessIsAskedFor(t *testing.T) {
	w := newWorld(t, sandbox.Options{AccessLife: -1})
	got := w.MustConnect(nil, "repo", "offline_access").Tokens
	if got.ExpiresIn != 8*time.Hour || got.RefreshToken.IsZero() || !slices.Contains(got.Scopes, "offline_access") {
		t.Fatalf("tokens %+v", got)
	}
	if renewed, err := w.Refresh(got.RefreshToken, ""); err != nil || renewed.RefreshToken != sdk.RefreshRotated {
		t.Errorf("%+v, %v", renewed, err)
	}
}

// Scopes are asked for with spaces and listed with commas.
//
// Source: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#2-users-are-redirected-back-to-your-site-by-github.
// Counterpart: ours.
func TestScopesWithSpacesAndCommas(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	a, err := w.Plugin.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: w.Target, RedirectURI: redirectURI, Scopes: []string{"repo", "user:email"}})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(a.URL); err != nil || u.Query().Get("scope") != "repo user:email" {
		t.Errorf("asked for at %s, %v", a.URL, err)
	}
	if got := w.MustConnect(nil, "repo", "user:email").Tokens.Scopes; !slices.Equal(got, []string{"repo", "user:email"}) {
		t.Errorf("granted %q", got)
	}
}

// The user tokens of a GitHub App have permissions instead of scopes: the empty
// scope of their answers does not mean that nothing was granted. They begin with
// ghu_, and say how long their refresh token lives.
//
// Source: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app,
// OpenFn/lightning#4779.
// Counterpart: ours.
func TestGitHubAppTokensHaveNoScopes(t *testing.T) {
	w := newWorld(t, sandbox.Options{GitHubApp: true})
	first := w.MustConnect(nil, "repo").Tokens // which a GitHub App does not look at
	if first.Scopes != nil || first.ExpiresIn != 8*time.Hour || first.RefreshExpiresIn != 15897600*time.Second || !isAppToken(first.AccessToken.Reveal()) {
		t.Fatalf("tokens %+v", first)
	}
	second, err := w.Refresh(first.RefreshToken, "")
	if err != nil || second.Tokens.Scopes != nil || second.RefreshToken != sdk.RefreshRotated || !isAppToken(second.Tokens.AccessToken.Reveal()) {
		t.Errorf("refresh %+v, %v", second, err)
	}
	who, err := w.Identify(second.Tokens.AccessToken, nil)
	if err != nil || who.Scopes != nil || who.Account.Login != "octocat-demo" {
		t.Errorf("identify %+v, %v", who, err)
	}
}

// Who it is: the numeric id, since a login can be changed and given to somebody
// else; what it may do is in a header.
//
// Source: https://docs.github.com/en/rest/users/users#get-the-authenticated-user,
// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps.
// Counterpart: ours; third-party in TestGitHub of app/e2e (vercel-labs/emulate).
func TestIdentity(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.Login = "hubot-demo"
	got, err := w.Identify(w.MustConnect(nil, "read:user").Tokens.AccessToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Account{
		Issuer: w.URL + "/github", Subject: "90000002", Login: "hubot-demo", Name: "Hubot (demo)", Email: "hubot-demo@example.test",
		Picture: w.URL + "/github/pictures/90000002.png",
	}
	if got.Account != want || !slices.Equal(got.Scopes, []string{"read:user"}) {
		t.Errorf("%+v", got)
	}
}

// Errors of the token endpoint come with status 200.
//
// Source: https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors.
// Counterpart: ours.
func TestErrorsInside200(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	exchange := func() error {
		_, err := w.Plugin.Exchange(t.Context(), &sdk.ExchangeRequest{
			Target: w.Target, ClientSecret: w.Secret, Code: secret.New("nonsense"), CodeVerifier: secret.New("v"), RedirectURI: redirectURI,
		})
		return err
	}
	wantError(t, exchange(), sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown, ProviderCode: "bad_verification_code"})
	w.Secret = secret.New("wrong")
	wantError(t, exchange(), sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret", ProviderCode: "incorrect_client_credentials"})
	_, err := w.Revoke(secret.New("gho_x"), sdk.AccessToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret"})
}

// One token is revoked by DELETE …/token, with Basic credentials and a JSON body;
// refresh tokens are not taken.
//
// Source: https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-token.
// Counterpart: ours; third-party in TestGitHub of app/e2e (vercel-labs/emulate).
func TestRevokeTheOneToken(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	one, two := w.MustConnect(nil, "repo").Tokens, w.MustConnect(nil, "repo").Tokens
	for range 2 { // gone already counts as revoked
		got, err := w.Revoke(one.AccessToken, sdk.AccessToken, sdk.ReachToken)
		if err != nil || got.Revoked != sdk.ReachToken {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	_, err := w.Identify(one.AccessToken, nil)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked})
	if _, err := w.Identify(two.AccessToken, nil); err != nil {
		t.Errorf("the other connection's token: %v", err)
	}
	_, err = w.Revoke(two.RefreshToken, sdk.RefreshToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeUnsupported})
}

// The whole grant is revoked by DELETE …/grant, where that is asked for.
//
// Source: https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization.
// Counterpart: ours.
func TestRevokeTheGrant(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	one, two := w.MustConnect(nil, "repo").Tokens, w.MustConnect(nil, "repo").Tokens
	got, err := w.Revoke(one.AccessToken, sdk.AccessToken, sdk.ReachGrant)
	if err != nil || got.Revoked != sdk.ReachGrant {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = w.Identify(two.AccessToken, nil)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked})
	// GitHub knows the grant by a live token only: with one that is gone nothing
	// can be said of the others.
	if got, err = w.Revoke(one.AccessToken, sdk.AccessToken, sdk.ReachGrant); err != nil || got.Revoked != sdk.ReachToken {
		t.Errorf("with a token that is gone: %+v, %v", got, err)
	}
	if !standard.Description().RevokesGrant {
		t.Error("the hub is not told")
	}
}

// A rate limit of the API is a 403 with a time to wait, and no refusal.
//
// Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
// Counterpart: ours, an answer of that shape.
func TestRateLimitIsNoRefusal(t *testing.T) {
	target := answering(t, http.StatusForbidden, map[string]string{
		"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0", "Retry-After": "61",
	}, `{"message":"API rate limit exceeded"}`)
	_, err := (&provider{standard}).Identify(t.Context(), &sdk.IdentifyRequest{Target: target, AccessToken: secret.New("gho_x")})
	wantError(t, err, sdk.Error{Code: sdk.CodeRateLimited, RetryAfter: 61 * time.Second})
}

// GitHub Enterprise Server has its API below its own address.
//
// Source: https://docs.github.com/en/enterprise-server@latest/rest/quickstart.
// Counterpart: none is asked.
func TestEnterpriseServerAddresses(t *testing.T) {
	for base, want := range map[string]string{
		"":                            "https://api.github.com",
		"https://github.com":          "https://api.github.com",
		"https://github.com/":         "https://api.github.com",
		"https://ghe.example.test":    "https://ghe.example.test/api/v3",
		"https://example.test/github": "https://example.test/github/api/v3",
	} {
		if got := withAPI(sdk.Target{Config: map[string]string{"base_url": base}}).Config["api_url"]; got != want {
			t.Errorf("%q: %s, want %s", base, got, want)
		}
	}
	given := withAPI(sdk.Target{Config: map[string]string{"api_url": "https://x.test"}})
	if given.Config["api_url"] != "https://x.test" {
		t.Error("a given api_url is not kept")
	}
}

// The account can be chosen again with prompt=select_account, and be suggested.
//
// Source: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#1-request-a-users-github-identity.
// Counterpart: none is asked; ours in TestCancelAndSwitch of app/sandbox.
func TestSelectAccount(t *testing.T) {
	out, err := (&provider{standard}).Authorize(t.Context(), &sdk.AuthorizeRequest{
		Target: sdk.Target{ClientID: "id"}, RedirectURI: redirectURI, State: "s", CodeChallenge: "c",
		Scopes: []string{"repo", "user:email"}, LoginHint: "octocat", SelectAccount: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(out.URL)
	if err != nil || u.Host != "github.com" || u.Path != "/login/oauth/authorize" || out.Issuer != "" {
		t.Fatalf("%+v, %v", out, err)
	}
	for k, want := range map[string]string{
		"client_id": "id", "redirect_uri": redirectURI, "state": "s", "response_type": "code",
		"code_challenge": "c", "code_challenge_method": "S256", "login": "octocat", "prompt": "select_account", "nonce": "",
	} {
		if got := u.Query().Get(k); got != want {
			t.Errorf("%s=%q, want %q", k, got, want)
		}
	}
}

// The device flow needs no secret, and neither does the refresh of its tokens;
// its errors come inside 200 as well.
//
// Source: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow,
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens.
// Counterpart: ours.
func TestDeviceFlowWithoutASecret(t *testing.T) {
	now := time.Now()
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return now }})
	p := w.Plugin.(sdk.DeviceAuthorizer)
	d, err := p.StartDevice(t.Context(), &sdk.StartDeviceRequest{Target: w.Target, Scopes: []string{"repo", "gist"}})
	if err != nil || d.VerificationURI != w.URL+"/github/login/device" || d.Interval != 5*time.Second {
		t.Fatalf("%+v, %v", d, err)
	}
	poll := func(code secret.Value) (*sdk.PollDeviceResponse, error) {
		return p.PollDevice(t.Context(), &sdk.PollDeviceRequest{Target: w.Target, DeviceCode: code})
	}
	for _, want := range []sdk.Error{{Code: sdk.CodeTemporary, ProviderCode: "authorization_pending"}, {Code: sdk.CodeSlowDown, ProviderCode: "slow_down"}} {
		_, err := poll(d.DeviceCode)
		wantError(t, err, want)
	}
	if !w.ConsentDevice(d.UserCode, false) {
		t.Fatal("the code cannot be entered")
	}
	now = now.Add(time.Minute)
	got, err := poll(d.DeviceCode)
	if err != nil || !slices.Equal(got.Tokens.Scopes, []string{"repo", "gist"}) || got.Tokens.ExpiresIn != 8*time.Hour {
		t.Fatalf("%+v, %v", got, err)
	}
	ofBrowser := w.MustConnect(nil, "repo").Tokens.RefreshToken
	w.Secret = secret.Value{}
	if renewed, err := w.Refresh(got.Tokens.RefreshToken, ""); err != nil || renewed.RefreshToken != sdk.RefreshRotated {
		t.Errorf("a refresh without a secret: %+v, %v", renewed, err)
	}
	_, err = w.Refresh(ofBrowser, "")
	wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret"})
	_, err = poll(secret.New("nonsense"))
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown, ProviderCode: "incorrect_device_code"})
}

// The device flow is a switch of the app.
//
// Source: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#error-codes-for-the-device-flow.
// Counterpart: ours, an answer of that shape.
func TestDeviceFlowDisabled(t *testing.T) {
	target := answering(t, http.StatusOK, nil, `{"error":"device_flow_disabled","error_description":"Device Flow must be explicitly enabled for this App"}`)
	_, err := (&provider{standard}).StartDevice(t.Context(), &sdk.StartDeviceRequest{Target: target})
	wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_id", ProviderCode: "device_flow_disabled"})
}

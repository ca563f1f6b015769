// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

const redirectURI = "http://127.0.0.1:4780/callback/github"

// world is GitHub as the sandbox plays it, and the plugin's provider.
type world struct {
	*provider
	t      *testing.T
	url    string
	secret secret.Value
}

func newWorld(t *testing.T, o sandbox.Options) *world {
	t.Helper()
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return &world{&provider{standard}, t, srv.URL, secret.New(sandbox.ClientSecret)}
}

func (w *world) target() sdk.Target {
	config := map[string]string{}
	for k, v := range standard.Descriptor.Sandbox {
		config[k] = strings.ReplaceAll(v, "{sandbox}", w.url)
	}
	return sdk.Target{Provider: "github", Config: config, ClientID: sandbox.ClientID}
}

// consent presses the buttons: it returns the callback's query.
func (w *world) consent(authorizeURL, login string) url.Values {
	w.t.Helper()
	to, err := sandboxtest.New(w.url, "github", login).Consent(authorizeURL)
	if err != nil {
		w.t.Fatal(err)
	}
	back, err := url.Parse(to)
	if err != nil || back.Query().Get("code") == "" {
		w.t.Fatalf("consent leads to %v (%v)", back, err)
	}
	return back.Query()
}

func (w *world) authorize(verifier string, scopes ...string) string {
	w.t.Helper()
	out, err := w.Authorize(w.t.Context(), &sdk.AuthorizeRequest{
		Target: w.target(), RedirectURI: redirectURI, State: "state", Scopes: scopes,
		CodeChallenge: oauth2.S256ChallengeFromVerifier(verifier),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.URL
}

func (w *world) exchange(code, verifier string) (*sdk.ExchangeResponse, error) {
	return w.Exchange(w.t.Context(), &sdk.ExchangeRequest{
		Target: w.target(), ClientSecret: w.secret, Code: secret.New(code), CodeVerifier: secret.New(verifier), RedirectURI: redirectURI,
	})
}

func (w *world) connect(login string, scopes ...string) sdk.TokenSet {
	w.t.Helper()
	verifier := oauth2.GenerateVerifier()
	out, err := w.exchange(w.consent(w.authorize(verifier, scopes...), login).Get("code"), verifier)
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Tokens
}

func (w *world) identify(access secret.Value) (*sdk.IdentifyResponse, error) {
	return w.Identify(w.t.Context(), &sdk.IdentifyRequest{Target: w.target(), AccessToken: access})
}

func (w *world) refresh(token secret.Value) (*sdk.RefreshResponse, error) {
	return w.Refresh(w.t.Context(), &sdk.RefreshRequest{Target: w.target(), ClientSecret: w.secret, RefreshToken: token})
}

func (w *world) revoke(access secret.Value, kind sdk.TokenKind, reach sdk.Reach) (*sdk.RevokeResponse, error) {
	return w.Revoke(w.t.Context(), &sdk.RevokeRequest{Target: w.target(), ClientSecret: w.secret, Token: access, Kind: kind, Reach: reach})
}

func TestTableIsSound(t *testing.T) {
	if err := standard.Validate(); err != nil {
		t.Error(err)
	}
	described := standard.Description()
	if err := described.Validate(); err != nil {
		t.Error(err)
	}
	if len(icon) > 8<<10 || !strings.HasPrefix(icon, "<svg") || strings.Contains(icon, "script") {
		t.Error("the icon is no small inert SVG")
	}
	want := map[sdk.Capability]bool{sdk.CanRefresh: true, sdk.CanRevoke: true, sdk.CanIdentify: true}
	for _, c := range sdk.CapabilitiesOf(&provider{standard}) {
		delete(want, c)
	}
	if len(want) != 0 {
		t.Errorf("missing capabilities %v", want)
	}
}

func TestExpiringTokens(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first := w.connect("octocat-demo", "repo", "user:email")
	if first.ExpiresIn != 8*time.Hour || first.ExpirySource != sdk.ExpiryDeclared || first.RefreshExpiresIn != 15897600*time.Second ||
		strings.Join(first.Scopes, " ") != "repo user:email" || first.TokenType != "Bearer" {
		t.Errorf("tokens %+v", first)
	}
	second, err := w.refresh(first.RefreshToken)
	if err != nil || second.RefreshToken != sdk.RefreshRotated || second.Tokens.RefreshToken.Equal(first.RefreshToken) {
		t.Fatalf("refresh %+v, %v", second, err)
	}
	_, err = w.identify(first.AccessToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked})
	_, err = w.refresh(first.RefreshToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired, ProviderCode: "bad_refresh_token"})
}

func TestClassicTokensNeverExpire(t *testing.T) {
	got := newWorld(t, sandbox.Options{AccessLife: -1}).connect("octocat-demo", "repo")
	if got.ExpirySource != sdk.ExpiryNever || got.ExpiresIn != 0 || !got.RefreshToken.IsZero() {
		t.Errorf("tokens %+v", got)
	}
}

func TestIdentity(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	got, err := w.identify(w.connect("hubot-demo", "read:user").AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Account{
		Issuer: w.url + "/github", Subject: "90000002", Login: "hubot-demo", Name: "Hubot (demo)", Email: "hubot-demo@example.test",
	}
	if got.Account != want || strings.Join(got.Scopes, " ") != "read:user" {
		t.Errorf("%+v", got)
	}
}

func TestErrorsInside200(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	_, err := w.exchange("nonsense", "v")
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown, ProviderCode: "bad_verification_code"})
	w.secret = secret.New("wrong")
	_, err = w.exchange("nonsense", "v")
	wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret", ProviderCode: "incorrect_client_credentials"})
	_, err = w.revoke(secret.New("gho_x"), sdk.AccessToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret"})
}

func TestRevokeTheOneToken(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	one, two := w.connect("octocat-demo", "repo"), w.connect("octocat-demo", "repo")
	for range 2 { // gone already counts as revoked
		got, err := w.revoke(one.AccessToken, sdk.AccessToken, sdk.ReachToken)
		if err != nil || got.Revoked != sdk.ReachToken {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	_, err := w.identify(one.AccessToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked})
	if _, err := w.identify(two.AccessToken); err != nil {
		t.Errorf("the other connection's token: %v", err)
	}
	_, err = w.revoke(two.RefreshToken, sdk.RefreshToken, sdk.ReachToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeUnsupported})
}

func TestRevokeTheGrant(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	one, two := w.connect("octocat-demo", "repo"), w.connect("octocat-demo", "repo")
	got, err := w.revoke(one.AccessToken, sdk.AccessToken, sdk.ReachGrant)
	if err != nil || got.Revoked != sdk.ReachGrant {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = w.identify(two.AccessToken)
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked})
}

func TestAppTokensHaveNoScopes(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login/oauth/access_token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write([]byte(`{"access_token":"ghu_1","expires_in":28800,"refresh_token":"ghr_1","refresh_token_expires_in":15897600,"scope":"","token_type":"bearer"}`))
	})
	mux.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Oauth-Scopes", "")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write([]byte(`{"id":583231,"login":"octocat","name":null,"email":null}`))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	// api_url follows from base_url, as on GitHub Enterprise Server.
	target := sdk.Target{Config: map[string]string{"base_url": srv.URL + "/"}, ClientID: "Iv1.x"}
	p := &provider{standard}
	out, err := p.Exchange(t.Context(), &sdk.ExchangeRequest{Target: target, Code: secret.New("c"), CodeVerifier: secret.New("v")})
	if err != nil || out.Tokens.Scopes != nil || out.Tokens.ExpiresIn != 8*time.Hour {
		t.Fatalf("exchange %+v, %v", out, err)
	}
	renewed, err := p.Refresh(t.Context(), &sdk.RefreshRequest{Target: target, RefreshToken: secret.New("ghr_0")})
	if err != nil || renewed.Tokens.Scopes != nil || renewed.RefreshToken != sdk.RefreshRotated {
		t.Errorf("refresh %+v, %v", renewed, err)
	}
	who, err := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target, AccessToken: out.Tokens.AccessToken})
	if err != nil || who.Scopes != nil || who.Account != (sdk.Account{Issuer: srv.URL, Subject: "583231", Login: "octocat"}) {
		t.Errorf("identify %+v, %v", who, err)
	}
}

func TestRateLimitIsNoRefusal(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now().UTC()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", "0")
		w.Header().Set("Retry-After", "61")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"message":"API rate limit exceeded"}`))
	}))
	t.Cleanup(srv.Close)
	_, err := (&provider{standard}).Identify(t.Context(), &sdk.IdentifyRequest{
		Target: sdk.Target{Config: map[string]string{"base_url": srv.URL}}, AccessToken: secret.New("gho_x"),
	})
	wantError(t, err, sdk.Error{Code: sdk.CodeRateLimited, RetryAfter: 61 * time.Second})
}

func TestAddresses(t *testing.T) {
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

func TestAuthorizationURL(t *testing.T) {
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
		"client_id": "id", "redirect_uri": redirectURI, "state": "s", "response_type": "code", "scope": "repo user:email",
		"code_challenge": "c", "code_challenge_method": "S256", "login": "octocat", "prompt": "select_account", "nonce": "",
	} {
		if got := u.Query().Get(k); got != want {
			t.Errorf("%s=%q, want %q", k, got, want)
		}
	}
}

func wantError(t *testing.T, err error, want sdk.Error) {
	t.Helper()
	got, ok := err.(*sdk.Error)
	if !ok {
		t.Errorf("error %v (%T), want an *sdk.Error", err, err)
		return
	}
	if got.Code != want.Code || got.Reason != want.Reason || got.Field != want.Field || got.RetryAfter != want.RetryAfter ||
		want.ProviderCode != "" && got.ProviderCode != want.ProviderCode || got.Message == "" {
		t.Errorf("error %+v, want %+v", *got, want)
	}
}

// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow:
// errors inside 200, no secret, for the refresh of its tokens either (verified by
// OpenFn/lightning#4779's reading of the documentation). The counterpart is ours.
func TestDeviceFlowWithoutASecret(t *testing.T) {
	now := time.Now()
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return now }})
	d, err := w.StartDevice(t.Context(), &sdk.StartDeviceRequest{Target: w.target(), Scopes: []string{"repo", "gist"}})
	if err != nil || d.VerificationURI != w.url+"/github/login/device" || d.Interval != 5*time.Second {
		t.Fatalf("%+v, %v", d, err)
	}
	poll := func() (*sdk.PollDeviceResponse, error) {
		return w.PollDevice(t.Context(), &sdk.PollDeviceRequest{Target: w.target(), DeviceCode: d.DeviceCode})
	}
	for _, want := range []sdk.Error{{Code: sdk.CodeTemporary, ProviderCode: "authorization_pending"}, {Code: sdk.CodeSlowDown, ProviderCode: "slow_down"}} {
		_, err := poll()
		wantError(t, err, want)
	}
	if !sandboxtest.New(w.url, "github", "hubot-demo").ConsentDevice(d.UserCode, false) {
		t.Fatal("the code cannot be entered")
	}
	now = now.Add(time.Minute)
	got, err := poll()
	if err != nil || strings.Join(got.Tokens.Scopes, " ") != "repo gist" || got.Tokens.ExpiresIn != 8*time.Hour {
		t.Fatalf("%+v, %v", got, err)
	}
	w.secret = secret.Value{}
	if renewed, err := w.refresh(got.Tokens.RefreshToken); err != nil || renewed.RefreshToken != sdk.RefreshRotated {
		t.Errorf("a refresh without a secret: %+v, %v", renewed, err)
	}
	browser := w.exchangeSecretless()
	wantError(t, browser, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_secret"})
	_, err = w.PollDevice(t.Context(), &sdk.PollDeviceRequest{Target: w.target(), DeviceCode: secret.New("nonsense")})
	wantError(t, err, sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown, ProviderCode: "incorrect_device_code"})
}

// exchangeSecretless tries the browser's flow with no secret, which GitHub refuses.
func (w *world) exchangeSecretless() error {
	_, err := w.exchange("nonsense", "v")
	return err
}

// The device flow is a switch of the app, and comes as an error inside 200.
// https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#error-codes-for-the-device-flow
func TestDeviceFlowDisabled(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"error":"device_flow_disabled","error_description":"Device Flow must be explicitly enabled for this App"}`))
	}))
	t.Cleanup(srv.Close)
	_, err := (&provider{standard}).StartDevice(t.Context(), &sdk.StartDeviceRequest{Target: sdk.Target{ClientID: "c", Config: map[string]string{"base_url": srv.URL}}})
	wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "client_id", ProviderCode: "device_flow_disabled"})
}

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
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/secret"
)

const ada = "ada.demo@example.test"

func newWorld(t *testing.T, o sandbox.Options) *sandboxtest.World {
	return sandboxtest.NewWorld(t, &provider{standard}, "google", ada, redirectURI, o)
}

func TestTheTableTellsEverything(t *testing.T) {
	for _, what := range sandboxtest.Lacking(standard) {
		t.Errorf("the table lacks %s", what)
	}
}

func TestAddressesThatAreTaken(t *testing.T) {
	for _, refused := range sandboxtest.Refused(standard, "https://accounts.google.com", "http://127.0.0.1:4790/google") {
		t.Errorf("%s is refused", refused)
	}
}

// Consent is asked for exactly when no refresh token is held (access_type,
// prompt).
//
// Source: https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient.
// Counterpart: none is asked.
func TestPromptConsentWhenNoRefreshTokenIsHeld(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	for _, tt := range []struct {
		need, choose bool
		want         string
	}{{true, true, "consent select_account"}, {true, false, "consent"}, {false, true, "select_account"}, {false, false, ""}} {
		out, err := w.Plugin.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: w.Target, NeedRefreshToken: tt.need, SelectAccount: tt.choose, Scopes: []string{"openid"}})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(out.URL)
		if err != nil {
			t.Fatal(err)
		}
		if q := u.Query(); q.Get("prompt") != tt.want || q.Get("access_type") != "offline" || q.Get("include_granted_scopes") != "true" {
			t.Errorf("%+v: %v", tt, q)
		}
	}
}

// A second authorization without prompt=consent brings no refresh token, one with
// it does.
//
// Source: pdobsan/oama#36.
// Counterpart: ours.
func TestSecondConsent(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	if got := w.MustConnect(nil, "openid"); got.Tokens.RefreshToken.IsZero() {
		t.Fatal("the first consent brings no refresh token")
	}
	if got := w.MustConnect(func(r *sdk.AuthorizeRequest) { r.NeedRefreshToken = false }, "openid"); !got.Tokens.RefreshToken.IsZero() {
		t.Error("a second authorization without prompt=consent brings a refresh token")
	}
	if got := w.MustConnect(nil, "openid"); got.Tokens.RefreshToken.IsZero() {
		t.Error("prompt=consent brings no refresh token")
	}
}

// The user may leave scopes out; the answer says which were granted.
//
// Source: https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions.
// Counterpart: ours.
func TestUntickedScopesAreNotGranted(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.Without = []string{api + "gmail.send"}
	got := w.MustConnect(nil, "openid", "email", api+"gmail.send", api+"calendar.readonly").Tokens.Scopes
	if slices.Contains(got, api+"gmail.send") || !slices.Contains(got, api+"calendar.readonly") {
		t.Errorf("granted %q", got)
	}
}

// Asked for more, the new token has what was granted before as well.
//
// Source: https://developers.google.com/identity/protocols/oauth2/web-server#incrementalAuth.
// Counterpart: ours.
func TestIncrementalConsent(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.MustConnect(nil, "openid", api+"calendar.readonly")
	got := w.MustConnect(func(r *sdk.AuthorizeRequest) { r.NeedRefreshToken = false }, "openid", api+"tasks").Tokens
	if !slices.Contains(got.Scopes, api+"calendar.readonly") || !slices.Contains(got.Scopes, api+"tasks") || !got.RefreshToken.IsZero() {
		t.Errorf("granted %q", got.Scopes)
	}
}

// Answers spell email and profile as URLs.
//
// Source: mkpoli/gmail-mcp v0.2.1 (its comparison of scopes).
// Counterpart: ours.
func TestScopesAreSpelledAsAsked(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first := w.MustConnect(nil, "openid", "email", "profile")
	if got := first.Tokens.Scopes; !slices.Contains(got, "email") || !slices.Contains(got, "profile") || len(got) != 3 {
		t.Errorf("granted %q", got)
	}
	renewed, err := w.Refresh(first.Tokens.RefreshToken, "")
	if err != nil || len(renewed.Tokens.Scopes) != 3 || !slices.Contains(renewed.Tokens.Scopes, "email") {
		t.Errorf("after a refresh %+v, %v", renewed, err)
	}
	if got := asAsked([]string{api + "userinfo.email", "email"}, []string{api + "userinfo.email"}); len(got) != 2 {
		t.Errorf("asked by its long name: %q", got)
	}
}

// The answer to a refresh has no refresh token, and the old one goes on working.
//
// Source: https://developers.google.com/identity/protocols/oauth2/native-app#offline.
// Counterpart: ours; third-party in TestEmulatedProviders of app/e2e
// (vercel-labs/emulate).
func TestRefreshKeepsTheRefreshToken(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first := w.MustConnect(nil, "openid", api+"drive.file")
	if first.Tokens.ExpiresIn != 3599*time.Second || first.Tokens.ExpirySource != sdk.ExpiryDeclared {
		t.Errorf("life %v (%s)", first.Tokens.ExpiresIn, first.Tokens.ExpirySource)
	}
	for range 2 {
		got, err := w.Refresh(first.Tokens.RefreshToken, "")
		if err != nil || got.RefreshToken != sdk.RefreshKept || !got.Tokens.RefreshToken.IsZero() {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

// Seven days while the consent screen is in Testing, unless only name and e-mail
// are asked.
//
// Source: https://developers.google.com/identity/protocols/oauth2#expiration.
// Counterpart: ours.
func TestTestingModeEndsAfterSevenDays(t *testing.T) {
	now := time.Now()
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return now }})
	mail, basic := w.MustConnect(nil, "openid", api+"gmail.readonly"), (*sdk.ExchangeResponse)(nil)
	if mail.Tokens.RefreshExpiresIn < 6*24*time.Hour {
		t.Errorf("the answer says %v", mail.Tokens.RefreshExpiresIn)
	}
	w.Login = "grace.demo@example.test"
	basic = w.MustConnect(nil, "openid", "email")
	now = now.Add(7*24*time.Hour + time.Minute)
	_, err := w.Refresh(mail.Tokens.RefreshToken, "")
	e := sandboxtest.WantError(t, err, sdk.CodeReauthorizationRequired, sdk.ReasonRefreshExpired)
	if e.ProviderCode != "invalid_grant" || !strings.Contains(descriptor.Remedies[e.Reason], "Testing") {
		t.Errorf("%+v: %s", e, descriptor.Remedies[e.Reason])
	}
	if _, err := w.Refresh(basic.Tokens.RefreshToken, ""); err != nil {
		t.Errorf("a grant of name and e-mail only: %v", err)
	}
}

// The session policy of a Workspace ends a grant with invalid_rapt.
//
// Source: https://support.google.com/a/answer/9368756.
// Counterpart: ours, answers as they were observed (error_subtype).
func TestSessionPolicy(t *testing.T) {
	for name, body := range map[string]string{
		"subtype": `{"error":"invalid_grant","error_description":"reauth related error","error_subtype":"invalid_rapt"}`,
		"text":    `{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_uri":"https://support.google.com/a/answer/9368756"}`,
	} {
		_, err := answered(t, http.StatusBadRequest, body)
		if e := sandboxtest.WantError(t, err, sdk.CodeReauthorizationRequired, sdk.ReasonPolicy); !strings.Contains(e.Message, "invalid_rapt") {
			t.Errorf("%s: %s", name, e.Message)
		}
	}
}

// answered refreshes at a token endpoint that answers one thing.
func answered(t *testing.T, status int, body string) (*sdk.RefreshResponse, error) {
	t.Helper()
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + srv.URL + `","authorization_endpoint":"` + srv.URL + `/a","token_endpoint":"` + srv.URL + `/t"}`))
	})
	mux.HandleFunc("/t", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
	return (&provider{standard}).Refresh(t.Context(), &sdk.RefreshRequest{
		Target: sdk.Target{ClientID: "c", Config: map[string]string{"issuer": srv.URL}}, ClientSecret: secret.New("s3cret"), RefreshToken: secret.New("1//0refresh"),
	})
}

// One revocation ends the whole grant, so nothing narrower is promised.
//
// Source: https://developers.google.com/identity/protocols/oauth2/native-app#tokenrevoke.
// Counterpart: ours.
func TestRevokeEndsTheGrant(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	one, two := w.MustConnect(nil, "openid"), w.MustConnect(nil, "openid")
	_, err := w.Revoke(one.Tokens.AccessToken, sdk.AccessToken, sdk.ReachToken)
	sandboxtest.WantError(t, err, sdk.CodeUnsupported, "")
	for range 2 { // gone already counts as revoked
		if got, err := w.Revoke(one.Tokens.AccessToken, sdk.AccessToken, sdk.ReachGrant); err != nil || got.Revoked != sdk.ReachGrant {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	_, err = w.Identify(two.Tokens.AccessToken, nil)
	sandboxtest.WantError(t, err, sdk.CodeReauthorizationRequired, sdk.ReasonRevoked)
}

// Who it is comes from an ID token whose signature, issuer, audience and times
// hold.
//
// Source: https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken.
// Counterpart: ours; the same code meets certified ones in TestZitadel and
// TestOpenIDProviders of app/e2e.
func TestIdentityComesFromAVerifiedIDToken(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	got := w.MustConnect(nil, "openid", "email", "profile")
	want := sdk.Account{Issuer: w.URL + "/google", Subject: "100000000000000000001", Login: ada, Name: "Ada (demo)", Email: ada,
		Picture: w.URL + "/google/pictures/100000000000000000001.png"}
	if got.Account == nil || *got.Account != want || got.Tokens.IDToken.IsZero() {
		t.Errorf("%+v, want %+v", got.Account, want)
	}
	forged := w.MustConnect(nil, "openid")
	signer, err := oauthtest.NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"iss": w.URL + "/google", "aud": w.Target.ClientID, "sub": "1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	_, err = standard.Identify(t.Context(), &sdk.IdentifyRequest{Target: w.Target, AccessToken: forged.Tokens.AccessToken, IDToken: secret.New(signer.Sign(claims))})
	sandboxtest.WantError(t, err, sdk.CodeMisconfigured, "")
}

// The device flow wants another client type, gives few scopes, says
// verification_url, and answers 428 while it waits.
//
// Source: https://developers.google.com/identity/protocols/oauth2/limited-input-device.
// Counterpart: ours.
func TestDevice(t *testing.T) {
	now := time.Now()
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return now }})
	p := w.Plugin.(sdk.DeviceAuthorizer)
	start := func(scopes ...string) (*sdk.StartDeviceResponse, error) {
		return p.StartDevice(t.Context(), &sdk.StartDeviceRequest{Target: w.Target, ClientSecret: w.Secret, Scopes: scopes})
	}
	_, err := start("openid")
	if e := sandboxtest.WantError(t, err, sdk.CodeMisconfigured, ""); e.Field != "client_id" || !strings.Contains(e.Message, "Limited Input") {
		t.Errorf("a desktop client: %+v", e)
	}
	w.Target.ClientID = sandbox.DeviceClientID
	_, err = start("openid", api+"gmail.readonly")
	if e := sandboxtest.WantError(t, err, sdk.CodeMisconfigured, ""); e.Field != "scopes" {
		t.Errorf("a scope that devices do not get: %+v", e)
	}
	d, err := start("openid", "email", api+"drive.file")
	if err != nil || d.VerificationURI != w.URL+"/google/device" || d.Interval != 5*time.Second {
		t.Fatalf("%+v, %v", d, err)
	}
	poll := func() (*sdk.PollDeviceResponse, error) {
		return p.PollDevice(t.Context(), &sdk.PollDeviceRequest{Target: w.Target, ClientSecret: w.Secret, DeviceCode: d.DeviceCode})
	}
	for _, want := range []sdk.Code{sdk.CodeTemporary, sdk.CodeSlowDown} {
		_, err = poll()
		sandboxtest.WantError(t, err, want, "")
	}
	if !w.ConsentDevice(d.UserCode, false) {
		t.Fatal("the code cannot be entered")
	}
	now = now.Add(time.Minute)
	got, err := poll()
	if err != nil || got.Account == nil || got.Account.Email != ada || got.Tokens.RefreshToken.IsZero() || !slices.Contains(got.Tokens.Scopes, "email") {
		t.Fatalf("%+v, %v", got, err)
	}
	if d, err = start("openid"); err != nil || !w.ConsentDevice(d.UserCode, true) {
		t.Fatal(err)
	}
	_, err = poll()
	sandboxtest.WantError(t, err, sdk.CodeUserDenied, "")
}

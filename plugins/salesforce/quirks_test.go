// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

func newWorld(t *testing.T, o sandbox.Options) *sandboxtest.World {
	return sandboxtest.NewWorld(t, &provider{standard}, "salesforce", "ada@demo.example.test", redirectURI, o)
}

func TestTheTableTellsEverything(t *testing.T) {
	for _, what := range sandboxtest.Lacking(standard) {
		t.Errorf("the table lacks %s", what)
	}
}

// The hosts that have OAuth endpoints, and nobody else's.
//
// Source: https://help.salesforce.com/s/articleView?id=sf.domain_name_overview.htm.
// Counterpart: none is asked.
func TestHosts(t *testing.T) {
	pattern := regexp.MustCompile(`^(?:` + hosts + `)$`)
	for _, good := range []string{
		"https://login.salesforce.com", "https://test.salesforce.com", "https://acme.my.salesforce.com", "https://acme.my.salesforce.com/",
		"https://acme--uat.sandbox.my.salesforce.com", "https://acme-dev-ed.develop.my.salesforce.com", "https://acme.my.site.com/partners",
	} {
		if !pattern.MatchString(good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{
		"http://login.salesforce.com", "https://acme.lightning.force.com", "https://evil.test/login.salesforce.com", "https://login.salesforce.com.evil.test",
		"https://my.salesforce.com.evil.test", "https://a@login.salesforce.com", "https://evil.test?.my.salesforce.com", "https://evil.test#.my.salesforce.com",
		"https://evil.test\\.my.salesforce.com", "https://.my.salesforce.com", "https://login.salesforce.com:8443", "",
	} {
		if pattern.MatchString(bad) {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// The answer has instance_url and the identity URL, and no expires_in: the life
// is learned by introspection.
//
// Source: NangoHQ/nango#327,
// https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oidc_token_introspection.htm.
// Counterpart: ours; jsforce (third-party) uses it in TestSandboxProviders of
// app/e2e.
func TestLifeByIntrospection(t *testing.T) {
	w := newWorld(t, sandbox.Options{AccessLife: time.Hour})
	got := w.MustConnect(nil, "api", "refresh_token", "id").Tokens
	if got.ExpirySource != sdk.ExpiryIntrospected || (got.ExpiresIn-time.Hour).Abs() > 5*time.Second {
		t.Errorf("life %v (%s)", got.ExpiresIn, got.ExpirySource)
	}
	if got.Metadata["instance_url"] != w.URL+"/salesforce" || !strings.Contains(got.Metadata["identity_url"], "/id/00D") {
		t.Errorf("metadata %v", got.Metadata)
	}
	renewed, err := w.Refresh(got.RefreshToken, "")
	if err != nil || renewed.Tokens.ExpirySource != sdk.ExpiryIntrospected {
		t.Errorf("after a refresh: %+v, %v", renewed, err)
	}
}

// An app without a secret, or one that may not introspect, gets the life that
// orgs have by default.
//
// Source: https://help.salesforce.com/s/articleView?id=sf.admin_sessions.htm
// (session timeout), NangoHQ/nango#3530.
// Counterpart: ours, an answer of that shape.
func TestLifeIsAssumedWithoutIntrospection(t *testing.T) {
	_, out, err := answered(t, `{"access_token":"00D!x","instance_url":"https://na1.example","id":"https://login.example/id/00D1/0051","token_type":"Bearer","issued_at":"1"}`, 200)
	if err != nil || out.Tokens.ExpiresIn != 2*time.Hour || out.Tokens.ExpirySource != sdk.ExpiryAssumed {
		t.Errorf("%+v, %v", out, err)
	}
}

// answered refreshes at a token endpoint that answers one thing; everything else
// there is 404. It returns the paths that were asked for.
func answered(t *testing.T, body string, status int) ([]string, *sdk.RefreshResponse, error) {
	t.Helper()
	var paths []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		if r.URL.Path != "/services/oauth2/token" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	out, err := (&provider{standard}).Refresh(t.Context(), &sdk.RefreshRequest{
		Target: sdk.Target{ClientID: "c", Config: map[string]string{"host": srv.URL}}, ClientSecret: secret.New("s3cret"), RefreshToken: secret.New("5Aep861refresh"),
	})
	return paths, out, err
}

// A refresh goes to the host that issued, and may bring another instance_url,
// when an org moved.
//
// Source: kevinohara80/dmc#4, NangoHQ/nango#1060.
// Counterpart: ours, an answer of that shape.
func TestRefreshAtTheSameHost(t *testing.T) {
	paths, out, err := answered(t, `{"access_token":"00D!y","instance_url":"https://na2.example","id":"https://login.example/id/00D2/0052","token_type":"Bearer"}`, 200)
	if err != nil || out.Tokens.Metadata["identity_url"] != "https://login.example/id/00D2/0052" || out.RefreshToken != sdk.RefreshKept || out.Tokens.Metadata["instance_url"] != "https://na2.example" || paths[0] != "/services/oauth2/token" {
		t.Errorf("%q, %+v, %v", paths, out, err)
	}
}

// Rotation is a switch of the app: an answer with a refresh token replaces the
// old one, which is dead at once; one without keeps it.
//
// Source: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_refresh_token_flow.htm,
// jsforce/jsforce#1656.
// Counterpart: ours.
func TestRotationOrNone(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first := w.MustConnect(nil, "api", "refresh_token", "id").Tokens
	second, err := w.Refresh(first.RefreshToken, "")
	if err != nil || second.RefreshToken != sdk.RefreshRotated {
		t.Fatalf("%+v, %v", second, err)
	}
	_, err = w.Refresh(first.RefreshToken, "")
	sandboxtest.WantError(t, err, sdk.CodeReauthorizationRequired, sdk.ReasonRefreshExpired)
	_, kept, err := answered(t, `{"access_token":"00D!y","token_type":"Bearer"}`, 200)
	if err != nil || kept.RefreshToken != sdk.RefreshKept {
		t.Errorf("%+v, %v", kept, err)
	}
}

// The texts of invalid_grant tell its causes apart, and unknown_error asks for a
// retry.
//
// Source: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm.
// Counterpart: ours, the texts of that list.
func TestErrorTexts(t *testing.T) {
	for body, want := range map[string]sdk.Error{
		`{"error":"unknown_error","error_description":"retry your request"}`:                        {Code: sdk.CodeTemporary},
		`{"error":"invalid_grant","error_description":"expired access/refresh token"}`:              {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired},
		`{"error":"invalid_grant","error_description":"token validity expired"}`:                    {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired},
		`{"error":"invalid_grant","error_description":"inactive user"}`:                             {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked},
		`{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}`:        {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked},
		`{"error":"invalid_grant","error_description":"ip restricted"}`:                             {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonPolicy},
		`{"error":"invalid_client_id","error_description":"client identifier invalid"}`:             {Code: sdk.CodeMisconfigured},
		`{"error":"invalid_grant","error_description":"something that nobody has heard of before"}`: {Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown},
		`{"error":"invalid_client","error_description":"invalid client credentials"}`:               {Code: sdk.CodeMisconfigured},
		`{"error":"OAUTH_APP_BLOCKED","error_description":"this app is blocked by admin"}`:          {Code: sdk.CodeMisconfigured},
	} {
		_, _, err := answered(t, body, http.StatusBadRequest)
		sandboxtest.WantError(t, err, want.Code, want.Reason)
	}
}

// The ids are those of the identity URL in the token answer, whatever the scopes
// let the plugin read beside them.
//
// Source: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_openid.htm.
// Counterpart: ours.
func TestIdentity(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	got := w.MustConnect(nil, "api", "refresh_token", "id").Tokens
	who, err := w.Identify(got.AccessToken, got.Metadata)
	want := sdk.Account{
		Issuer: w.URL + "/salesforce", Subject: "005DEMO0000001AAA", Tenant: "00DDEMO0000001EAA",
		Login: "ada@demo.example.test", Name: "Ada (demo)", Email: "ada.demo@example.test",
		Picture: w.URL + "/salesforce/pictures/005DEMO0000001AAA.png",
	}
	if err != nil || who.Account != want {
		t.Errorf("%+v, %v, want %+v", who, err, want)
	}
	for _, bad := range []string{"", "https://x/id/00D1", "https://x/id/00D1/..%2f..", "https://x/other/00D1/0051", "::"} {
		if org, user := ids(bad); org != "" || user != "" {
			t.Errorf("%q has the ids %q and %q", bad, org, user)
		}
	}
}

// A refresh token takes its access tokens along; one that is gone is an error of
// status 400.
//
// Source: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_revoke_token.htm.
// Counterpart: ours.
func TestRevoke(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	got, other := w.MustConnect(nil, "api", "refresh_token", "id").Tokens, w.MustConnect(nil, "api", "refresh_token", "id").Tokens
	for range 2 { // gone already counts as revoked
		if out, err := w.Revoke(got.RefreshToken, sdk.RefreshToken, sdk.ReachToken); err != nil || out.Revoked != sdk.ReachToken {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	_, err := w.Identify(got.AccessToken, got.Metadata)
	sandboxtest.WantError(t, err, sdk.CodeReauthorizationRequired, sdk.ReasonRevoked)
	if _, err := w.Identify(other.AccessToken, other.Metadata); err != nil {
		t.Errorf("the other connection's token: %v", err)
	}
}

// Redirect URIs are compared to the letter, port included.
//
// Source: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm.
// Counterpart: ours.
func TestRedirectToTheLetter(t *testing.T) {
	w := newWorld(t, sandbox.Options{Callbacks: []string{"http://localhost:9999/callback/salesforce"}})
	w.RedirectURI = "http://localhost:4781/callback/salesforce"
	if _, err := w.Connect(nil, "api"); err == nil {
		t.Error("another port is accepted")
	}
	w.RedirectURI = "http://localhost:9999/callback/salesforce"
	if _, err := w.Connect(nil, "api"); err != nil {
		t.Errorf("a registered one: %v", err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package oauthtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

func server(t *testing.T, rules oauthtest.Rules) *oauthtest.Server {
	t.Helper()
	srv, err := oauthtest.Start(oauthtest.Options{
		Clients: []oauthtest.Client{{ID: "app", Secret: "s", RedirectURIs: []string{redirectURI}}},
		Users:   []oauthtest.User{{Subject: "1", Login: "ann"}}, Rules: rules,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv
}

// config is an independent client: x/oauth2.
func config(srv *oauthtest.Server) *oauth2.Config {
	return &oauth2.Config{
		ClientID: "app", ClientSecret: "s", RedirectURL: redirectURI, Scopes: []string{"openid", "read"},
		Endpoint: oauth2.Endpoint{AuthURL: srv.URL + "/authorize", TokenURL: srv.URL + "/token", AuthStyle: oauth2.AuthStyleInHeader},
	}
}

func TestAnotherClientGetsThrough(t *testing.T) {
	srv := server(t, oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true})
	c, verifier := config(srv), oauth2.GenerateVerifier()
	callback, err := srv.Approve(c.AuthCodeURL("st", oauth2.S256ChallengeOption(verifier)), "ann")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(callback)
	if err != nil || u.Query().Get("state") != "st" || u.Query().Get("iss") != srv.URL {
		t.Fatalf("%s, %v", callback, err)
	}
	token, err := c.Exchange(t.Context(), u.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil || token.Extra("id_token") == nil || time.Until(token.Expiry) < 59*time.Minute {
		t.Fatalf("%+v, %v", token, err)
	}
	renewed, err := c.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil || renewed.RefreshToken == token.RefreshToken {
		t.Fatalf("%+v, %v", renewed, err)
	}
	if srv.Count("refresh_token") != 1 || srv.Count("authorization_code") != 1 {
		t.Error("the log does not count")
	}
	if r := srv.Requests(oauthtest.EndpointToken)[1]; r.Auth != "basic" || r.Status != 200 || r.Params.Get("refresh_token") != token.RefreshToken {
		t.Errorf("logged %+v", r)
	}
}

func TestApproveWantsAGoodURL(t *testing.T) {
	srv := server(t, oauthtest.Rules{RequirePKCE: true})
	for _, bad := range []string{
		"https://elsewhere.test/authorize?client_id=app", srv.URL + "/token?client_id=app", srv.URL + "/authorize?client_id=app&redirect_uri=x",
		config(srv).AuthCodeURL("st"), // without PKCE
	} {
		if got, err := srv.Approve(bad, "ann"); err == nil {
			t.Errorf("%s approved: %s", bad, got)
		}
	}
	good := config(srv).AuthCodeURL("st", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	if _, err := srv.Approve(good, "nobody"); err == nil {
		t.Error("an account that does not exist consents")
	}
	denied, err := srv.Deny(good)
	if err != nil || !strings.Contains(denied, "error=access_denied") || !strings.Contains(denied, "state=st") {
		t.Errorf("%s, %v", denied, err)
	}
}

func TestConsentPage(t *testing.T) {
	srv := server(t, oauthtest.Rules{})
	authorization := config(srv).AuthCodeURL("st", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(authorization)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if !strings.Contains(string(body), "<option>ann</option>") {
		t.Fatalf("consent page %s", body)
	}
	u, _ := url.Parse(authorization)
	for decision, want := range map[string]string{"authorize": "code=", "cancel": "error=access_denied"} {
		resp, err := c.PostForm(srv.URL+"/authorize", url.Values{"request": {u.RawQuery}, "login": {"ann"}, "decision": {decision}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if to := resp.Header.Get("Location"); !strings.HasPrefix(to, redirectURI+"?") || !strings.Contains(to, want) {
			t.Errorf("%s leads to %s", decision, to)
		}
	}
}

func post(t *testing.T, ctx context.Context, to string, form url.Values, basic bool) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		r.SetBasicAuth("app", "s")
	}
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func TestClientAuthenticationOnceOnly(t *testing.T) {
	srv := server(t, oauthtest.Rules{})
	resp, err := post(t, t.Context(), srv.URL+"/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "client_secret": {"s"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out["error"] != "invalid_request" {
		t.Errorf("header and body together: %v %v", out, err)
	}
}

func TestFaults(t *testing.T) {
	srv := server(t, oauthtest.Rules{Rotate: true})
	first := srvTokens(t, srv)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}}

	srv.Fail(oauthtest.EndpointToken, 2, oauthtest.Fault{Status: 429, RetryAfter: 3 * time.Second})
	srv.Fail(oauthtest.EndpointToken, 1, oauthtest.HTMLErrorPage)
	for _, want := range []int{429, 429, 502} {
		resp, err := post(t, t.Context(), srv.URL+"/token", form, true)
		if err != nil || resp.StatusCode != want || want == 429 && resp.Header.Get("Retry-After") != "3" {
			t.Errorf("%v, %v, want %d", resp, err, want)
		}
	}
	srv.Fail(oauthtest.EndpointToken, -1, oauthtest.Fault{Status: 500})
	for range 3 {
		if resp, err := post(t, t.Context(), srv.URL+"/token", form, true); err != nil || resp.StatusCode != 500 {
			t.Errorf("%v, %v", resp, err)
		}
	}
	srv.Heal(oauthtest.EndpointToken)

	srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	before := len(srv.Requests(oauthtest.EndpointToken))
	go func() {
		for len(srv.Requests(oauthtest.EndpointToken)) == before && t.Context().Err() == nil {
			runtime.Gosched()
		}
		cancel()
	}()
	if _, err := post(t, ctx, srv.URL+"/token", form, true); !errors.Is(err, context.Canceled) {
		t.Errorf("hanging: %v", err)
	}

	srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{LoseAnswer: true})
	if resp, err := post(t, t.Context(), srv.URL+"/token", form, true); err == nil {
		t.Errorf("a lost answer arrived: %v", resp)
	}
	// The work was done all the same: the token is spent.
	resp, err := post(t, t.Context(), srv.URL+"/token", form, true)
	if err != nil || resp.StatusCode != 400 || srv.Reuses() != 1 {
		t.Errorf("%v, %v, %d reuses", resp, err, srv.Reuses())
	}
}

func srvTokens(t *testing.T, srv *oauthtest.Server) *oauthtest.Tokens {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	r, p := srv.Check(request("app", verifier, "read"))
	if p != nil {
		t.Fatal(p)
	}
	v, p := srv.Authority.Approve(r, "ann")
	if p != nil {
		t.Fatal(p)
	}
	out, p := srv.Redeem("app", v, redirectURI, verifier)
	if p != nil {
		t.Fatal(p)
	}
	return out
}

func TestCloseEndsWhatHangs(t *testing.T) {
	srv := server(t, oauthtest.Rules{})
	srv.Fail(oauthtest.EndpointUserinfo, 1, oauthtest.Fault{Hang: true})
	ended := make(chan error, 1)
	go func() {
		resp, err := http.Get(srv.URL + "/userinfo")
		if err == nil {
			_ = resp.Body.Close()
		}
		ended <- err
	}()
	for len(srv.Requests(oauthtest.EndpointUserinfo)) == 0 {
		select {
		case err := <-ended:
			t.Fatalf("it did not hang: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("a request that hung got an answer")
	}
}

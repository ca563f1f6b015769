// SPDX-License-Identifier: Apache-2.0

package oauthtest_test

import (
	"net/url"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

const redirectURI = "http://127.0.0.1/cb"

// clock is a clock that a test turns.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func authority(rules oauthtest.Rules) *oauthtest.Authority {
	return oauthtest.NewAuthority(
		[]oauthtest.Client{
			{ID: "app", Secret: "s", RedirectURIs: []string{redirectURI}, AnyPort: true},
			{ID: "exact", Secret: "s", RedirectURIs: []string{"https://a.test/cb?x=1"}},
			{ID: "deep", Secret: "s", RedirectURIs: []string{"http://127.0.0.1:80/cb"}, AnyPath: true},
			{ID: "public", RedirectURIs: []string{redirectURI}},
		},
		[]oauthtest.User{{Subject: "1", Login: "ann"}, {Subject: "2", Login: "bob"}}, rules)
}

func request(clientID, verifier string, scopes string) url.Values {
	return url.Values{
		"client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {"st"}, "scope": {scopes}, "response_type": {"code"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
}

func code(t *testing.T, a *oauthtest.Authority, verifier string) string {
	t.Helper()
	r, p := a.Check(request("app", verifier, "read write"))
	if p != nil {
		t.Fatal(p)
	}
	v, p := a.Approve(r, "ann")
	if p != nil {
		t.Fatal(p)
	}
	return v
}

func tokens(t *testing.T, a *oauthtest.Authority) *oauthtest.Tokens {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	out, p := a.Redeem("app", code(t, a, verifier), redirectURI, verifier)
	if p != nil {
		t.Fatal(p)
	}
	return out
}

func live(a *oauthtest.Authority, access string) bool {
	_, ok := a.Lookup(access)
	return ok
}

func wantProblem(t *testing.T, p *oauthtest.Problem, code string) {
	t.Helper()
	if p == nil || p.Code != code {
		t.Errorf("problem %v, want %s", p, code)
	}
}

func TestRedirectURIs(t *testing.T) {
	a := authority(oauthtest.Rules{})
	for _, tt := range []struct {
		client, uri string
		good        bool
	}{
		{"app", redirectURI, true},
		{"app", "http://127.0.0.1:8080/cb", true},
		{"app", "http://127.0.0.1:8080/cb/x", false},
		{"app", "http://127.0.0.1:8080/cb?x=1", false},
		{"app", "http://127.0.0.2/cb", false},
		{"app", "https://127.0.0.1/cb", false},
		{"app", "http://127.0.0.1/cb#f", false},
		{"app", "http://u@127.0.0.1/cb", false},
		{"app", "", false},
		{"exact", "https://a.test/cb?x=1", true},
		{"exact", "https://a.test:443/cb?x=1", false},
		{"exact", "https://a.test/cb", false},
		{"exact", "", true}, // the only one there is
		{"deep", "http://127.0.0.1:80/cb/a/b", true},
		{"deep", "http://127.0.0.1:80/cb/../x", false},
		{"deep", "http://127.0.0.1:80/cbx", false},
		{"deep", "http://127.0.0.1:81/cb", false},
		{"nobody", redirectURI, false},
	} {
		q := request(tt.client, "v", "")
		q.Set("redirect_uri", tt.uri)
		r, p := a.Check(q)
		if (p == nil) != tt.good || (r != nil) != tt.good {
			t.Errorf("%s %q: %v", tt.client, tt.uri, p)
		}
	}
}

func TestRequestRules(t *testing.T) {
	a := authority(oauthtest.Rules{RequirePKCE: true, Scopes: []string{"read"}})
	for name, tt := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"NoChallenge":    {func(q url.Values) { q.Del("code_challenge") }, "invalid_request"},
		"Plain":          {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"NoMethod":       {func(q url.Values) { q.Del("code_challenge_method") }, "invalid_request"},
		"ShortChallenge": {func(q url.Values) { q.Set("code_challenge", "x") }, "invalid_request"},
		"UnknownScope":   {func(q url.Values) { q.Set("scope", "read,all") }, "invalid_scope"},
	} {
		q := request("app", "v", "read")
		tt.change(q)
		r, p := a.Check(q)
		if r == nil || p == nil || p.Code != tt.want {
			t.Errorf("%s: %v, %v", name, r, p)
		}
	}
	q := request("app", "v", "read")
	q.Add("state", "x")
	if r, p := a.Check(q); r != nil || p == nil {
		t.Error("a parameter that is given twice is not an end to it")
	}
	q = request("public", "v", "read")
	q.Del("code_challenge")
	_, p := authority(oauthtest.Rules{}).Check(q)
	wantProblem(t, p, "invalid_request") // a public client always needs PKCE
}

func TestCodes(t *testing.T) {
	c := newClock()
	a := authority(oauthtest.Rules{Now: c.now, CodeTTL: time.Hour}) // more than a minute is a minute
	verifier := oauth2.GenerateVerifier()
	v := code(t, a, verifier)
	for _, wrong := range [][4]string{
		{"exact", v, redirectURI, verifier}, {"app", v, "http://127.0.0.1:1/cb", verifier}, {"app", v, "", verifier},
		{"app", v, redirectURI, oauth2.GenerateVerifier()}, {"app", v, redirectURI, ""}, {"app", "x", redirectURI, verifier},
	} {
		_, p := a.Redeem(wrong[0], wrong[1], wrong[2], wrong[3])
		wantProblem(t, p, "invalid_grant")
	}
	first, p := a.Redeem("app", v, redirectURI, verifier)
	if p != nil || !live(a, first.Access) {
		t.Fatalf("%v", p)
	}
	_, p = a.Redeem("app", v, redirectURI, verifier)
	wantProblem(t, p, "invalid_grant")
	if live(a, first.Access) {
		t.Error("the tokens of a code that came twice live on")
	}
	late := code(t, a, verifier)
	c.turn(time.Minute)
	_, p = a.Redeem("app", late, redirectURI, verifier)
	wantProblem(t, p, "invalid_grant")
}

func TestRotationAndReuse(t *testing.T) {
	c := newClock()
	a := authority(oauthtest.Rules{
		Now: c.now, Lives: oauthtest.Lives{Access: time.Minute, Refresh: time.Hour},
		Rotate: true, Grace: 10 * time.Second, ReuseRevokes: true, RefreshKillsAccess: true,
	})
	first := tokens(t, a)
	second, p := a.Refresh("app", first.Refresh, nil)
	if p != nil || second.Refresh == first.Refresh || live(a, first.Access) || !live(a, second.Access) {
		t.Fatalf("%+v, %v", second, p)
	}
	c.turn(9 * time.Second)
	again, p := a.Refresh("app", first.Refresh, nil) // the answer was lost
	if p != nil || a.Reuses() != 0 {
		t.Fatalf("inside the grace window: %v", p)
	}
	c.turn(time.Second)
	_, p = a.Refresh("app", first.Refresh, nil)
	wantProblem(t, p, "invalid_grant")
	if a.Reuses() != 1 || live(a, again.Access) {
		t.Error("a reuse does not end the grant")
	}
	_, p = a.Refresh("app", again.Refresh, nil)
	wantProblem(t, p, "invalid_grant")
}

func TestRefreshRules(t *testing.T) {
	c := newClock()
	a := authority(oauthtest.Rules{Now: c.now, Lives: oauthtest.Lives{Access: time.Minute, Refresh: time.Hour}})
	first := tokens(t, a)
	narrow, p := a.Refresh("app", first.Refresh, []string{"read"})
	if p != nil || len(narrow.Scopes) != 1 || !narrow.RefreshUnchanged || narrow.Refresh != first.Refresh || !live(a, first.Access) {
		t.Fatalf("%+v, %v", narrow, p)
	}
	_, p = a.Refresh("app", first.Refresh, []string{"admin"})
	wantProblem(t, p, "invalid_scope")
	_, p = a.Refresh("exact", first.Refresh, nil)
	wantProblem(t, p, "invalid_grant")
	_, p = a.Refresh("app", first.Access, nil)
	wantProblem(t, p, "invalid_grant")
	c.turn(time.Minute)
	if live(a, first.Access) {
		t.Error("an access token outlives its life")
	}
	c.turn(time.Hour)
	_, p = a.Refresh("app", first.Refresh, nil)
	wantProblem(t, p, "invalid_grant")
}

func TestParallelRefreshesRotateOnce(t *testing.T) {
	a := authority(oauthtest.Rules{Rotate: true})
	first := tokens(t, a)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 50 {
		wg.Go(func() {
			if _, p := a.Refresh("app", first.Refresh, nil); p == nil {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	wg.Wait()
	if won != 1 || a.Reuses() != 49 {
		t.Errorf("%d refreshes won, %d reuses", won, a.Reuses())
	}
}

func TestRevocations(t *testing.T) {
	a := authority(oauthtest.Rules{})
	one, two := tokens(t, a), tokens(t, a)
	if a.Revoke("exact", one.Access) || a.Revoke("app", "x") || !live(a, one.Access) {
		t.Error("somebody else's token was revoked")
	}
	if !a.Revoke("app", one.Access) || live(a, one.Access) {
		t.Error("an access token was not revoked")
	}
	if _, p := a.Refresh("app", one.Refresh, nil); p != nil {
		t.Errorf("the refresh token went with its access token: %v", p)
	}
	if !a.Revoke("app", two.Refresh) || live(a, two.Access) {
		t.Error("a refresh token leaves its access tokens alive")
	}
	three, four := tokens(t, a), tokens(t, a)
	if !a.RevokeTokens("app", three.Access) || live(a, three.Access) || !live(a, four.Access) {
		t.Error("RevokeTokens does not end one consent")
	}
	a.RevokeUser("bob")
	if !live(a, four.Access) {
		t.Error("another account's tokens were revoked")
	}
	if !a.RevokeGrant("app", four.Access) || live(a, four.Access) {
		t.Error("RevokeGrant does nothing")
	}
}

func TestDeviceFlow(t *testing.T) {
	c := newClock()
	a := authority(oauthtest.Rules{Now: c.now})
	d := a.StartDevice("app", []string{"read"})
	poll := func() (*oauthtest.Tokens, *oauthtest.Problem) { return a.PollDevice("app", d.DeviceCode) }
	_, p := poll()
	wantProblem(t, p, "authorization_pending")
	_, p = poll()
	wantProblem(t, p, "slow_down")
	c.turn(d.Interval) // by now 5 s more are due
	_, p = poll()
	wantProblem(t, p, "slow_down")
	if !a.AnswerDevice(d.UserCode, "bob") || a.AnswerDevice("XXXX-XXXX", "bob") {
		t.Fatal("the user's answer is not taken")
	}
	c.turn(time.Minute)
	out, p := poll()
	if p != nil || out.User.Login != "bob" {
		t.Fatalf("%+v, %v", out, p)
	}
	_, p = poll()
	wantProblem(t, p, "invalid_grant")

	d = a.StartDevice("app", nil)
	a.AnswerDevice(d.UserCode, "")
	_, p = poll()
	wantProblem(t, p, "access_denied")
	d = a.StartDevice("app", nil)
	c.turn(time.Hour)
	_, p = poll()
	wantProblem(t, p, "expired_token")
}

func TestSnapshot(t *testing.T) {
	a := authority(oauthtest.Rules{Rotate: true})
	first := tokens(t, a)
	snapshot, err := a.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b := authority(oauthtest.Rules{Rotate: true})
	if err := b.Restore(snapshot); err != nil || !live(b, first.Access) {
		t.Fatalf("restore: %v", err)
	}
	if _, p := b.Refresh("app", first.Refresh, nil); p != nil {
		t.Error(p)
	}
	for _, bad := range []string{"", "x", `{"tokens":{"a":{"grant":"none"}}}`, `{"tokens":{"a":null}}`} {
		if err := b.Restore([]byte(bad)); err == nil {
			t.Errorf("restored %q", bad)
		}
	}
}

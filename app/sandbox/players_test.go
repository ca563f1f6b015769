// SPDX-License-Identifier: Apache-2.0

package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/sandbox"
)

// endpoints are the token endpoint and the authorization page of each player.
var endpoints = map[string][2]string{
	"github":     {"/login/oauth/access_token", "/login/oauth/authorize"},
	"google":     {"/token", "/o/oauth2/v2/auth"},
	"slack":      {"/api/oauth.v2.access", "/oauth/v2/authorize"},
	"salesforce": {"/services/oauth2/token", "/services/oauth2/authorize"},
}

// TestEachProviderHasItsOwnPaths: a plugin that is pointed at another
// provider's path finds nothing there.
func TestEachProviderHasItsOwnPaths(t *testing.T) {
	b := open(t, sandbox.Options{})
	for at := range endpoints {
		for of, paths := range endpoints {
			token := b.post("/"+at+paths[0], url.Values{"client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}})
			page := b.get("/" + at + paths[1] + "?client_id=" + sandbox.ClientID)
			if at == of {
				if token.status == http.StatusNotFound || page.status == http.StatusNotFound {
					t.Errorf("%s does not play itself: %d, %d", at, token.status, page.status)
				}
				continue
			}
			if token.status != http.StatusNotFound || page.status != http.StatusNotFound {
				t.Errorf("%s answers at the paths of %s: %d, %d", at, of, token.status, page.status)
			}
		}
	}
}

// TestEachPageIsMarked: home and sign-in of each say what they are, and offer
// several accounts and a way to say no.
func TestEachPageIsMarked(t *testing.T) {
	b := open(t, sandbox.Options{})
	index := b.get("/").body
	for slug := range endpoints {
		if !strings.Contains(index, `href="/`+slug+`/"`) {
			t.Errorf("the index does not lead to %s", slug)
		}
		home, login := b.get("/"+slug+"/"), b.get("/"+slug+"/login")
		for name, page := range map[string]page{"home": home, "login": login} {
			if page.status != 200 || !strings.Contains(page.body, "Standpipe sandbox") || strings.Count(page.body, `name="login"`) < 2 || strings.Contains(page.body, "<script") {
				t.Errorf("%s of %s: %d", name, slug, page.status)
			}
		}
	}
}

// TestSwitches: out of order, slow, in order again, for programs and not for
// the pages; by the page's button and by a program.
func TestSwitches(t *testing.T) {
	for slug, paths := range endpoints {
		t.Run(slug, func(t *testing.T) {
			b := open(t, sandbox.Options{})
			ask := func() page {
				return b.post("/"+slug+paths[0], url.Values{"client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}})
			}
			flip := func(action string, form url.Values) int { return b.post("/"+slug+"/sandbox/"+action, form).status }
			well := ask().status
			for how, want := range map[string]int{"503": 503, "html": 502, "rate-limit": 429} {
				if got := flip("break", url.Values{"how": {how}}); got != 204 {
					t.Fatalf("break %s: %d", how, got)
				}
				if got := ask(); got.status != want || how == "rate-limit" && got.header.Get("Retry-After") != "60" {
					t.Errorf("%s: %d", how, got.status)
				}
			}
			if home := b.get("/" + slug + "/"); home.status != 200 || !strings.Contains(home.body, "out of order") {
				t.Errorf("the page of a broken provider: %d", home.status)
			}
			flip("slow", url.Values{"ms": {"30"}})
			flip("heal", nil)
			if got := ask().status; got != well {
				t.Errorf("in order again it answers %d, before %d", got, well)
			}
			flip("slow", url.Values{"ms": {"50"}})
			began := time.Now()
			ask()
			if time.Since(began) < 50*time.Millisecond {
				t.Error("it is not slow")
			}
			for action, form := range map[string]url.Values{"break": {"how": {"nicely"}}, "expire": {"login": {"nobody"}}, "slow": {"ms": {"-1"}}, "dance": nil} {
				if got := flip(action, form); got != http.StatusUnprocessableEntity {
					t.Errorf("%s %v: %d", action, form, got)
				}
			}
			login := map[string]string{"github": "octocat-demo", "google": "ada.demo@example.test", "slack": "ada.demo", "salesforce": "ada@demo.example.test"}[slug]
			if told := b.post("/"+slug+"/sandbox/expire", url.Values{"login": {login}}, "Accept", "text/html"); !strings.Contains(told.body, "The access tokens of "+login+" have expired.") {
				t.Errorf("a button says nothing: %s", told.body)
			}
			if lies := b.get("/" + slug + "/?did=revoke&login=somebody"); strings.Contains(lies.body, "withdrawn") || strings.Contains(lies.body, "somebody") {
				t.Error("the page says what an address tells it to")
			}
			button := b.post("/"+slug+"/sandbox/heal", nil, "Accept", "text/html,*/*")
			if button.status != 200 || button.url.Path != "/"+slug+"/" {
				t.Errorf("the button leads to %v, %d", button.url, button.status)
			}
			if got := b.post("/"+slug+"/sandbox/heal", nil, "Origin", "http://evil.test", "Sec-Fetch-Site", "cross-site").status; got != http.StatusForbidden {
				t.Errorf("another site turns the switches: %d", got)
			}
		})
	}
}

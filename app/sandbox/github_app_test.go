// SPDX-License-Identifier: Apache-2.0

package sandbox_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/sandbox"
)

// TestGitHubApp: permissions instead of scopes, tokens of another kind, and a
// reach that depends on where the app is installed.
func TestGitHubApp(t *testing.T) {
	b := open(t, sandbox.Options{GitHubApp: true})
	first := b.connect("octocat-demo")
	access, _ := first["access_token"].(string)
	refresh, _ := first["refresh_token"].(string)
	if !strings.HasPrefix(access, "ghu_") || !strings.HasPrefix(refresh, "ghr_") || first["scope"] != "" ||
		first["expires_in"] != 28800.0 || first["refresh_token_expires_in"] != 15897600.0 {
		t.Errorf("token answer %v", first)
	}
	ask := func(path string) page { return b.api("GET", path, "", bearer(access)) }
	flip := func(action string, form url.Values) int {
		return b.post("/github/sandbox/"+action, form).status
	}
	if me := ask("/user"); me.status != 200 || me.header.Get("X-OAuth-Scopes") != "" {
		t.Errorf("user %d %v", me.status, me.header)
	}
	if got := ask("/user/emails"); got.status != 403 || !strings.Contains(got.body, "Resource not accessible by integration") || got.header.Get("X-Accepted-GitHub-Permissions") != "email_addresses=read" {
		t.Errorf("beyond its permissions: %d %s %v", got.status, got.body, got.header)
	}
	if got := ask("/user/installations"); got.status != 200 || !strings.Contains(got.body, `"total_count":0`) || ask("/user/repos").body != "[]\n" {
		t.Errorf("not installed, it reaches %s", got.body)
	}
	if code := flip("install", url.Values{"login": {"octocat-demo"}}); code != http.StatusNoContent {
		t.Fatalf("install: %d", code)
	}
	if got := ask("/user/installations"); !strings.Contains(got.body, `"id":140000001`) || !strings.Contains(got.body, `"contents":"write"`) || !strings.Contains(ask("/user/repos").body, `"private":true`) {
		t.Errorf("installed, it reaches %s", got.body)
	}
	second := b.token("grant_type", "refresh_token", "refresh_token", refresh)
	if next, _ := second["access_token"].(string); !strings.HasPrefix(next, "ghu_") || ask("/user").status != 401 {
		t.Errorf("a refresh: %v", second)
	}
	for action, form := range map[string]url.Values{"install": {"login": {"nobody"}}, "uninstall": {"login": {"nobody"}}, "app": {"kind": {"bot"}}} {
		if code := flip(action, form); code != http.StatusUnprocessableEntity {
			t.Errorf("%s %v: %d", action, form, code)
		}
	}
}

// TestTheAppIsASwitch: by button and by program, and what one kind was granted is
// not the other's.
func TestTheAppIsASwitch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sandbox.json")
	b := open(t, sandbox.Options{StateFile: file})
	old := b.connect("octocat-demo")
	if got := b.api("GET", "/user/installations", "", bearer(old["access_token"])); got.status != 403 {
		t.Errorf("installations of an OAuth App: %d", got.status)
	}
	if code := b.post("/github/sandbox/install", url.Values{"login": {"octocat-demo"}}).status; code != http.StatusUnprocessableEntity {
		t.Errorf("an OAuth App is installed: %d", code)
	}
	page := b.post("/github/sandbox/app", url.Values{"kind": {"github-app"}}, "Accept", "text/html")
	if !strings.Contains(page.body, "is a GitHub App") || strings.Count(page.body, "Install the app") != 2 {
		t.Errorf("the page: %s", page.body)
	}
	if got := b.api("GET", "/user", "", bearer(old["access_token"])); got.status != 401 {
		t.Errorf("a token of the OAuth App: %d", got.status)
	}
	b.post("/github/sandbox/install", url.Values{"login": {"octocat-demo"}})
	again := open(t, sandbox.Options{StateFile: file})
	if page := again.get("/github/"); !strings.Contains(page.body, "is a GitHub App") || !strings.Contains(page.body, "Uninstall the app") {
		t.Error("after a restart it is an OAuth App again, or not installed")
	}
	again.post("/github/sandbox/app", url.Values{"kind": {"oauth-app"}})
	if got := again.connect("octocat-demo"); got["scope"] != "repo,user:email" {
		t.Errorf("an OAuth App again: %v", got)
	}
	// The other providers have no such switch.
	if code := again.post("/google/sandbox/app", url.Values{"kind": {"github-app"}}).status; code != http.StatusUnprocessableEntity {
		t.Errorf("Google: %d", code)
	}
}

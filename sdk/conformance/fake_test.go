// SPDX-License-Identifier: Apache-2.0

package conformance_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/conformance"
)

// TestFakeFails: what its switches say is what a stand-in answers, whatever its
// shape. Only an OAuth error has that of the provider: 503 is not the provider's
// word, but that of what stands before it.
func TestFakeFails(t *testing.T) {
	shape := conformance.Shape{OK: "ok", ErrorsIn200: true}
	fake, err := shape.Fake("http://127.0.0.1:1", "app", "secret", "http://127.0.0.1/callback")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line, path string
		status     int
		retryAfter string
		body       string
	}{
		{"fail token 503", "/token", 503, "", "<h1>503</h1>"},
		{"fail token 429", "/token", 429, "5", ""},
		{"fail token slow_down", "/token", 200, "", `"ok":false`},
		{"fail userinfo 500", "/userinfo", 500, "", "<h1>500</h1>"},
		{"fail revoke 503", "/revoke", 503, "", "<h1>503</h1>"},
		{"fail revoke server_error", "/revoke", 200, "", `"error":"server_error"`},
		{"heal", "/revoke", 200, "", `"ok":true`},
	} {
		if err := fake.Switch("heal"); err != nil {
			t.Fatal(err)
		}
		if err := fake.Switch(c.line); err != nil {
			t.Fatal(err)
		}
		form := map[string]string{"/token": "grant_type=refresh_token&refresh_token=t", "/revoke": "token=t&client_id=app&client_secret=secret"}[c.path]
		r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.path == "/userinfo" {
			r = httptest.NewRequest(http.MethodGet, c.path, nil)
			r.Header.Set("Authorization", "Bearer t")
		}
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Retry-After") != c.retryAfter || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: %d, Retry-After %q, %s", c.line, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
}

// TestFakeConnectsADevice: at the address that the stand-in names, a person can
// enter the code.
func TestFakeConnectsADevice(t *testing.T) {
	const at = "http://127.0.0.1:1"
	fake, err := conformance.Shape{}.Fake(at, "app", "secret", "http://127.0.0.1/callback")
	if err != nil {
		t.Fatal(err)
	}
	post := func(path string, form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		return w
	}
	for decision, want := range map[string]string{"authorize": "", "cancel": "access_denied"} {
		var started struct {
			DeviceCode string `json:"device_code"`
			UserCode   string `json:"user_code"`
			Page       string `json:"verification_uri"`
		}
		begun := post("/code", url.Values{"client_id": {"app"}, "client_secret": {"secret"}})
		if err := json.Unmarshal(begun.Body.Bytes(), &started); err != nil {
			t.Fatal(begun, err)
		}
		page, form := strings.TrimPrefix(started.Page, at), url.Values{"login": {"octocat"}, "decision": {decision}}
		shown := httptest.NewRecorder()
		fake.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, page, nil))
		if shown.Code != http.StatusOK || !strings.Contains(shown.Body.String(), `name="user_code"`) {
			t.Errorf("the page: %d, %s", shown.Code, shown.Body)
		}
		form.Set("user_code", "AAAA-AAAA")
		if w := post(page, form); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("a code that nobody shows: %d", w.Code)
		}
		form.Set("user_code", started.UserCode)
		if w := post(page, form); w.Code != http.StatusOK {
			t.Errorf("%s: %d, %s", decision, w.Code, w.Body)
		}
		got := ""
		if _, problem := fake.PollDevice("app", started.DeviceCode); problem != nil {
			got = problem.Code
		}
		if got != want {
			t.Errorf("%s: %q", decision, got)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
)

const uiHost = "127.0.0.1:4781"

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBrowserSession(t *testing.T) {
	h := newHouse(t)
	ui := h.UI()
	code, _ := h.sessions.NewCode()
	login := func() *http.Response {
		return send(ui, "POST", "/ui/api/session", `{"code":"`+code+`"}`, "Content-Type", "application/json", "Host", uiHost)
	}
	session, _ := decode(t, login())["token"].(string)
	if session == "" {
		t.Fatal("no session")
	}
	if r := login(); r.StatusCode != 401 {
		t.Errorf("the code works twice: %d", r.StatusCode)
	}
	get := func(header ...string) int {
		return send(ui, "GET", "/ui/api/accounts", "", append(header, "Host", uiHost)...).StatusCode
	}
	if got := get("Standpipe-Session", session); got != 200 {
		t.Errorf("with a session: %d", got)
	}
	if got := get(); got != 401 {
		t.Errorf("without: %d", got)
	}
	if got := get("Cookie", "Standpipe-Session="+session); got != 401 {
		t.Errorf("with a cookie: %d", got)
	}
	if r := send(ui, "POST", "/ui/api/flows", `{"integration":"peer"}`, "Content-Type", "application/json", "Host", uiHost, "Standpipe-Session", session, "Origin", "http://127.0.0.1:4780"); r.StatusCode != 403 {
		t.Errorf("a page of the app listener's origin began a flow: %d", r.StatusCode)
	}
	if r := send(ui, "POST", "/ui/api/flows", `{"integration":"peer","confirm_self":true}`, "Content-Type", "application/json", "Host", uiHost, "Standpipe-Session", session); r.StatusCode != 400 {
		t.Errorf("the page confirms by itself: %d", r.StatusCode)
	}
	for _, host := range []string{"evil.com", "127.0.0.1:4780"} {
		if r := send(ui, "GET", "/", "", "Host", host); r.StatusCode != 421 {
			t.Errorf("host %s: %d", host, r.StatusCode)
		}
	}
	page := send(ui, "GET", "/", "", "Host", uiHost)
	if body := text(t, page); !strings.Contains(body, `content="browser"`) || !strings.Contains(body, `name="standpipe-session" content=""`) {
		t.Errorf("index: %s", body)
	}
	if p := page.Header.Get("Content-Security-Policy"); strings.Contains(p, "unsafe") || !strings.Contains(p, "script-src 'self'") {
		t.Errorf("policy: %s", p)
	}
}

// TestPageWithoutSecrets: what the page gets holds no token and no secret.
func TestPageWithoutSecrets(t *testing.T) {
	h := newHouse(t)
	h.connected(hub.Me)
	own := hub.CredentialsOwn
	if r := send(h.Local(), "PUT", "/ui/api/integrations/peer", `{"credentials":"`+string(own)+`","client_id":"id-1","client_secret":"canary-of-a-client-secret"}`, "Content-Type", "application/json"); r.StatusCode != 200 {
		t.Fatalf("save: %d %v", r.StatusCode, decode(t, r))
	}
	for _, path := range []string{"/ui/api/accounts", "/ui/api/integrations/peer", "/ui/api/hub", "/ui/api/apps", "/ui/api/approvals", "/ui/api/pairings", "/ui/api/lock", "/local/providers", "/local/keys"} {
		body := text(t, send(h.Local(), "GET", path, ""))
		for _, canary := range []string{"live-token", "canary-of"} {
			if strings.Contains(body, canary) {
				t.Errorf("%s shows %s: %s", path, canary, body)
			}
		}
	}
	saved := decode(t, send(h.Local(), "GET", "/ui/api/integrations/peer", ""))
	if saved["client_secret_hint"] != "cret" || saved["client_secret_set"] != true {
		t.Errorf("the hint: %v", saved)
	}
}

func TestSaveIntegrationRefuses(t *testing.T) {
	h := newHouse(t)
	for body, want := range map[string]int{
		`{"credentials":"own"}`:                              400, // no client id
		`{"credentials":"theirs"}`:                           400,
		`{"config":{"region":"moon"}}`:                       400,
		`{"config":{"unknown":"x"}}`:                         400,
		`{"scopes":["a\nb"]}`:                                400,
		`{"enabled":false}`:                                  200,
		`{"description":"` + strings.Repeat("x", 281) + `"}`: 400,
	} {
		if r := send(h.Local(), "PUT", "/ui/api/integrations/peer", body, "Content-Type", "application/json"); r.StatusCode != want {
			t.Errorf("%s: %d, want %d: %s", body, r.StatusCode, want, text(t, r))
		}
	}
}

func TestLocalTokenAsksWhichAccount(t *testing.T) {
	h := newHouse(t)
	ask := func(body string) *http.Response {
		return send(h.Local(), "POST", "/local/token", body, "Content-Type", "application/json")
	}
	if r := ask(`{"integration":"peer"}`); r.StatusCode != 409 || decode(t, r)["code"] != "not_installed" {
		t.Errorf("nobody connected: %d", r.StatusCode)
	}
	h.connected(hub.Me)
	if got := decode(t, ask(`{"integration":"peer"}`)); got["access_token"] != "live-token" {
		t.Errorf("token: %v", got)
	}
	if r := ask(`{"integration":"peer","account":"nobody"}`); r.StatusCode != 404 {
		t.Errorf("an unknown account: %d", r.StatusCode)
	}
}

// TestEvents reads the stream as the page does.
func TestEvents(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.Local())
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/ui/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == ": hello":
			h.connected(hub.Me)
		case strings.Contains(line, `"connection.connected"`):
			return
		}
	}
	t.Fatalf("no event of the connection: %v", lines.Err())
}

func TestWindow(t *testing.T) {
	h := newHouse(t)
	var opened []string
	w := &api.Window{
		Assets: fstest.MapFS{"index.html": {Data: []byte(`content="%STANDPIPE_SESSION%" %STANDPIPE_HOST%`)}},
		Token:  "launch", Hub: h.Local(), Open: func(u string) error { opened = append(opened, u); return nil },
	}
	if page := text(t, send(w, "GET", "/", "", "Host", "wails")); page != `content="launch" window` {
		t.Errorf("index: %s", page)
	}
	ask := func(method, path, body string, header ...string) int {
		return send(w, method, path, body, append(header, "Host", "wails", "Content-Type", "application/json")...).StatusCode
	}
	for _, test := range []struct {
		name   string
		header []string
		want   int
	}{
		{"the page", []string{"Standpipe-Session", "launch", "Referer", "wails://wails/"}, 200},
		{"no token", nil, 401},
		{"wrong token", []string{"Standpipe-Session", "lunch"}, 401},
		{"foreign page with the token", []string{"Standpipe-Session", "launch", "Referer", "http://evil.com/"}, 403},
		{"foreign origin", []string{"Standpipe-Session", "launch", "Origin", "http://evil.com"}, 403},
	} {
		if got := ask("GET", "/ui/api/accounts", "", test.header...); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
	token := []string{"Standpipe-Session", "launch"}
	if got := ask("POST", "/local/token", `{"integration":"peer"}`, token...); got != 405 {
		t.Errorf("the window's page draws tokens: %d", got)
	}
	if got := ask("POST", "/desktop/open", `{"url":"https://p.test/a"}`, token...); got != 204 || len(opened) != 1 {
		t.Errorf("open: %d, %v", got, opened)
	}
	for _, bad := range []string{"file:///etc/passwd", "javascript:alert(1)", "--help", ""} {
		if got := ask("POST", "/desktop/open", `{"url":"`+bad+`"}`, token...); got != 400 || len(opened) != 1 {
			t.Errorf("opened %q: %d", bad, got)
		}
	}
}

// TestDeviceFlow: the page gets what to show, and never the device code.
func TestDeviceFlow(t *testing.T) {
	h := newHouse(t)
	r := send(h.Local(), "POST", "/ui/api/flows", `{"integration":"peer","device":true,"scopes":["write"]}`, "Content-Type", "application/json")
	b := text(t, r)
	for _, want := range []string{`"kind":"device"`, `"user_code":"ABCD-EFGH"`, `"verification_uri":"https://p.test/device"`, `"interval":3600`, `"requested_scopes":["read","write"]`} {
		if !strings.Contains(b, want) {
			t.Errorf("%d, no %s in %s", r.StatusCode, want, b)
		}
	}
	if strings.Contains(b, "device-code") || strings.Contains(b, "authorization_url") {
		t.Errorf("the flow shows %s", b)
	}
	integration := text(t, send(h.Local(), "GET", "/ui/api/integrations/peer", ""))
	if !strings.Contains(integration, `"connect_ways":["browser","paste","device"]`) {
		t.Errorf("the ways of %s", integration)
	}
}

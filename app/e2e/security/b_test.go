// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/lock/logindtest"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// Who an app is, what it may, and who says so.
var sectionB = []requirement{
	{"B1", "each app has a key of 256 bits, kept as a hash, shown once, expiring and rotatable", b1},
	{"B2", "default deny; listings show what was granted only", b2},
	{"B3", "the first draw asks the user: registered name, process, account, scopes, how long", b3},
	{"B4", "what a program says of itself decides nothing", b4},
	{"B5", "registering needs the user: a pairing leaves a bounded entry and no key", b5},
	{"B6", "which of several accounts is meant is never guessed", b6},
	{"B7", "a token holds no more than the grant, unless the user accepted the wider one", b7},
	{"B8", "refresh tokens, client secrets, ID tokens and keys leave by no route", b8},
	{"B9", "an app's key opens no route of the page or the command line", b9},
	{"B10", "100 first draws raise one question; a no is remembered", b10},
	{"B11", "a question ends closed and never holds the request", b11},
	{"B12", "revoking a grant or an app works at once, and says what lives on", b12},
	{"B13", "locked: no token, no record can be opened; wrong passphrases wait longer and longer", b13},
	{"B14", "it locks by itself: after idling, with the screen, before sleep", b14},
	{"B15", "an impossible lifetime causes one refresh, not one per call", b15},
	{"B16", "each grant has its audience: tokens of two are kept apart", b16},
}

// keyShape is 256 bits in base 62.
var keyShape = regexp.MustCompile(`^sp_(app|key)_[0-9A-Za-z]{43,}$`)

func b1(t *testing.T) {
	w := newWorld(t, setup{})
	if !keyShape.MatchString(w.rich) || w.rich == w.poor {
		t.Errorf("keys look like %.9s…", w.rich)
	}
	for path, b := range w.home.Files() {
		if bytes.Contains(b, []byte(w.rich)) || bytes.Contains(b, []byte(w.rich[len("sp_app_"):])) {
			t.Errorf("the key is in %s", path)
		}
	}
	if strings.Contains(w.Log(), w.rich) {
		t.Error("the key is in the log")
	}
	p := w.login(t)
	var apps struct {
		Apps []struct {
			ID, Name  string
			ExpiresAt *time.Time `json:"expires_at"`
		}
	}
	p.do(t, "GET", "/ui/api/apps", nil, &apps)
	for _, a := range apps.Apps {
		if a.ExpiresAt == nil {
			t.Errorf("%s never expires", a.Name)
		}
		if a.Name != "rich" {
			continue
		}
		var fresh struct{ Key string }
		if status := p.do(t, "POST", "/ui/api/apps/"+a.ID+"/key", map[string]any{}, &fresh); status != 201 || !keyShape.MatchString(fresh.Key) {
			t.Fatalf("rotate: %d", status)
		}
		if got := w.Post(w.rich, vendPath, map[string]any{}); got.Status != 401 {
			t.Errorf("the old key: %d", got.Status)
		}
		w.rich = fresh.Key
	}
	w.vend(t)
	var brief struct{ Key string }
	if status := p.do(t, "POST", "/ui/api/apps", map[string]any{"name": "brief", "expires_in": 1}, &brief); status != 201 {
		t.Fatalf("add: %d", status)
	}
	rig.Eventually(t, "the key expires", func() bool { return w.Post(brief.Key, vendPath, map[string]any{}).Status == 401 })
}

func b2(t *testing.T) {
	w := newWorld(t, setup{})
	a := w.Post(w.poor, vendPath, map[string]any{})
	if a.Status != 403 || a.Field("code") != "consent_required" {
		t.Errorf("without a grant: %d %s", a.Status, a.Body)
	}
	for _, path := range []string{"/user_management/users/me/data_providers", "/user_management/users/me/connected_accounts/openid"} {
		if a := w.Do(http.MethodGet, w.poor, path, nil); strings.Contains(string(a.Body), w.conn) || strings.Contains(string(a.Body), "alice") {
			t.Errorf("%s shows %s", path, a.Body)
		}
		if a := w.Do(http.MethodGet, w.rich, path, nil); !strings.Contains(string(a.Body), w.conn) {
			t.Errorf("%s does not show what was granted: %d %s", path, a.Status, a.Body)
		}
	}
	if a := w.Do(http.MethodDelete, w.poor, "/user_management/users/me/connected_accounts/openid", nil); a.Status < 400 {
		t.Errorf("disconnect without a grant: %d", a.Status)
	}
	if a := w.Post(w.poor, vendPath, map[string]any{"connected_account_id": w.conn}); a.Status != 403 {
		t.Errorf("by its id: %d", a.Status)
	}
	w.vend(t)
}

// approval is a question as the page sees it.
type approval struct {
	ID      string
	AppName string `json:"app_name"`
	Program struct {
		UID, PID int
		Exe      string
	}
	Account *struct{ Label string }
	Scopes  []struct{ Name, Title string }
	Expires time.Time `json:"expires_at"`
}

func (p *page) approvals(t *testing.T) []approval {
	t.Helper()
	var out struct{ Approvals []approval }
	if status := p.do(t, "GET", "/ui/api/approvals", nil, &out); status != 200 {
		t.Fatalf("approvals: %d", status)
	}
	return out.Approvals
}

func b3(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.login(t)
	var first struct {
		Code string
		ID   string `json:"approval_id"`
	}
	if err := json.Unmarshal([]byte(w.curl(t, w.poor)), &first); err != nil || first.Code != "consent_required" || first.ID == "" {
		t.Fatalf("the first draw: %v %+v", err, first)
	}
	id := first.ID
	list := p.approvals(t)
	if len(list) != 1 || list[0].ID != id || list[0].AppName != "poor" || list[0].Account == nil || !strings.Contains(list[0].Account.Label, "alice") || len(list[0].Scopes) == 0 || list[0].Expires.IsZero() {
		t.Fatalf("the question is %+v", list)
	}
	const lasts = 2 * time.Second
	begin := time.Now()
	if status := p.do(t, "POST", "/ui/api/approvals/"+id+"/approve", map[string]any{"lasts": "until", "for": lasts / time.Second}, nil); status != 200 && status != 204 {
		t.Fatalf("approve: %d", status)
	}
	if a := w.Post(w.poor, vendPath, map[string]any{}); a.Field("active") != "true" && time.Since(begin) < lasts {
		t.Errorf("after a yes: %d %s", a.Status, a.Body)
	}
	rig.Eventually(t, "the grant ends", func() bool { return w.Post(w.poor, vendPath, map[string]any{}).Status == 403 })
	// A no, on the command line.
	id = w.Post(w.poor, vendPath, map[string]any{}).Field("approval_id")
	if r := w.home.Try("apps", "deny", id); r.Exit != 0 {
		t.Errorf("apps deny: %d %s", r.Exit, r.Stderr)
	}
	if a := w.Post(w.poor, vendPath, map[string]any{}); a.Status != 403 || strings.Contains(string(a.Body), "approval_id") {
		t.Errorf("after a no: %d %s", a.Status, a.Body)
	}
	if list[0].Program.PID == 0 || !strings.HasSuffix(list[0].Program.Exe, "curl") {
		t.Errorf("the question does not say which process asks: %+v", list[0].Program)
	}
}

func b4(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.login(t)
	a := w.Post(w.poor, vendPath, map[string]any{"name": "rich", "app": "rich", "app_name": "rich", "application_hint": "Firefox", "client_id": "rich"})
	if a.Status != 403 {
		t.Errorf("a program that calls itself rich: %d", a.Status)
	}
	req := "POST " + vendPath + " HTTP/1.1\r\nHost: " + w.addr() + "\r\nAuthorization: Bearer " + w.poor + "\r\nUser-Agent: rich\r\nX-App-Name: rich\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	if a := raw(t, w.addr(), req); a.status != 403 {
		t.Errorf("by headers: %d", a.status)
	}
	for _, q := range p.approvals(t) {
		if q.AppName != "poor" {
			t.Errorf("the question is about %q", q.AppName)
		}
	}
	if got := w.home.CLI("audit", "--json", "--decision", "denied"); !strings.Contains(got, `"app_name":"poor"`) || strings.Contains(got, "Firefox") || strings.Contains(got, `"app_name":"rich"`) {
		t.Errorf("the audit says %s", got)
	}
}

// pair asks for a key as a program without one.
func (w *world) pair(t *testing.T, name string) (status int, code, secret string) {
	t.Helper()
	b, _ := json.Marshal(map[string]any{"name": name, "grants": []map[string]string{{"integration": "openid"}}})
	a := raw(t, w.addr(), fmt.Sprintf("POST /apps/pair HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", w.addr(), len(b), b))
	var out struct {
		Code   string
		Secret string `json:"poll_secret"`
		Key    string
	}
	_ = json.Unmarshal([]byte(a.body), &out)
	if strings.Contains(a.body, "sp_app_") {
		t.Errorf("the answer holds a key: %s", a.body)
	}
	return a.status, out.Code, out.Secret
}

func (w *world) collect(t *testing.T, secret string) answer {
	t.Helper()
	return raw(t, w.addr(), "POST /apps/pair/collect HTTP/1.1\r\nHost: "+w.addr()+"\r\nAuthorization: Bearer "+secret+"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
}

func b5(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.login(t)
	pending := 0
	var secrets []string
	for i := range 40 {
		switch status, code, secret := w.pair(t, fmt.Sprintf("malware %d", i)); {
		case status == 201 && code != "" && secret != "":
			pending++
			secrets = append(secrets, secret)
		case status == 429 || status == 409 || status == 503:
		default:
			t.Errorf("pairing %d: %d", i, status)
		}
	}
	if pending == 0 || pending > 20 {
		t.Fatalf("%d of 40 entries wait", pending)
	}
	for _, s := range secrets {
		if a := w.collect(t, s); strings.Contains(a.body, "sp_app_") {
			t.Errorf("a key without the user: %s", a.body)
		}
		if a := w.Post(s, vendPath, map[string]any{}); a.Status != 401 {
			t.Errorf("the secret of a pairing draws: %d", a.Status)
		}
	}
	var list struct {
		Pairings []struct{ Code, Name string }
	}
	p.do(t, "GET", "/ui/api/pairings", nil, &list)
	if len(list.Pairings) != pending {
		t.Fatalf("%d entries are shown, %d wait", len(list.Pairings), pending)
	}
	if status := p.do(t, "POST", "/ui/api/pairings/"+list.Pairings[0].Code+"/deny", map[string]any{}, nil); status != 204 {
		t.Errorf("deny: %d", status)
	}
	if status := p.do(t, "POST", "/ui/api/pairings/"+list.Pairings[1].Code+"/approve", map[string]any{}, nil); status != 204 {
		t.Fatalf("approve: %d", status)
	}
	keys := 0
	var key string
	for _, s := range secrets {
		var out struct{ Key string }
		if _ = json.Unmarshal([]byte(w.collect(t, s).body), &out); out.Key != "" {
			keys++
			key = out.Key
		}
		if a := w.collect(t, s); strings.Contains(a.body, "sp_app_") {
			t.Error("a key is collected twice")
		}
	}
	if keys != 1 || w.Post(key, vendPath, map[string]any{}).Field("active") != "true" {
		t.Errorf("%d keys for one yes", keys)
	}
}

func b6(t *testing.T) {
	w := newWorld(t, setup{})
	second := w.connect(t, "openid", w.op, "bob")
	for _, path := range []string{vendPath, strings.Replace(vendPath, "token", "credentials", 1)} {
		a := w.Post(w.rich, path, map[string]any{})
		if a.Status != 409 || a.Field("code") != "account_selection_required" || !strings.Contains(string(a.Body), w.conn) || !strings.Contains(string(a.Body), second) || strings.Contains(string(a.Body), "access_token\":\"") {
			t.Errorf("two accounts: %d %s", a.Status, a.Body)
		}
	}
	for _, id := range []string{w.conn, second} {
		if a := w.Post(w.rich, vendPath, map[string]any{"connected_account_id": id}); a.Field("active") != "true" {
			t.Errorf("by name: %d %s", a.Status, a.Body)
		}
	}
	if r := w.home.Try("token", "openid"); r.Exit != 2 {
		t.Errorf("`token` with two accounts: %d %s", r.Exit, r.Stdout)
	}
}

func b7(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.login(t)
	var added struct{ Key string }
	narrow := []map[string]any{{"integration": "openid", "scopes": []string{"openid"}}}
	if status := p.do(t, "POST", "/ui/api/apps", map[string]any{"name": "narrow", "grants": narrow}, &added); status != 201 {
		t.Fatalf("add: %d", status)
	}
	a := w.Post(added.Key, vendPath, map[string]any{})
	if a.Field("active") == "true" { // a narrowed token then
		info, ok := w.op.Lookup(a.Field("access_token", "access_token"))
		if !ok || len(info.Scopes) != 1 || info.Scopes[0] != "openid" {
			t.Errorf("the token holds %v", info.Scopes)
		}
	} else if a.Status != 403 {
		t.Errorf("a wider token than granted: %d %s", a.Status, a.Body)
	}
	narrow[0]["accept_wider"] = true
	if status := p.do(t, "POST", "/ui/api/apps", map[string]any{"name": "wide", "grants": narrow}, &added); status != 201 {
		t.Fatalf("add: %d", status)
	}
	if a := w.Post(added.Key, vendPath, map[string]any{}); a.Field("active") != "true" {
		t.Errorf("the accepted wider token: %d %s", a.Status, a.Body)
	}
	b7narrowed(t)
}

// b7narrowed: a provider that narrows on a refresh (RFC 6749 section 6).
func b7narrowed(t *testing.T) {
	w := newOIDCWorld(t)
	key := w.home.AddApp("mailer")
	w.home.CLI("apps", "grant", "mailer", "openid", "--scope", "openid", "--scope", "email")
	a := w.Post(key, vendPath, map[string]any{})
	token := a.Field("access_token", "access_token")
	if active, scope := w.op.Introspect(t, token); !active || scope != "openid email" && scope != "email openid" {
		t.Errorf("the token that was narrowed to openid and email: %t, %q (%d %s)", active, scope, a.Status, a.Body)
	}
	a = w.Post(key, vendPath, map[string]any{"scopes": []string{"openid"}})
	if active, scope := w.op.Introspect(t, a.Field("access_token", "access_token")); !active || scope != "openid" {
		t.Errorf("narrowed further: %t, %q", active, scope)
	}
	if a := w.Post(key, vendPath, map[string]any{"scopes": []string{"profile"}}); a.Status != 403 {
		t.Errorf("beyond the grant: %d %s", a.Status, a.Body)
	}
	all := w.home.AddApp("all", "--all")
	if active, scope := w.op.Introspect(t, w.Post(all, vendPath, map[string]any{}).Field("access_token", "access_token")); !active || !strings.Contains(scope, "profile") {
		t.Errorf("the account's own token: %t, %q", active, scope)
	}
}

func b8(t *testing.T) {
	refresh := "canary-refresh-"
	w := newWorld(t, setup{rules: oauthtest.Rules{Rotate: true, Lives: oauthtest.Lives{Access: time.Hour}, NewToken: func(kind string) string {
		if kind == "refresh" {
			return refresh + oauthtest.Random()
		}
		return oauthtest.Random()
	}}})
	p := w.login(t)
	w.vend(t)
	look := func(where string, body []byte) {
		for _, canary := range []string{refresh, clientSecret, `"id_token"`, `"refresh_token":"`} {
			if bytes.Contains(body, []byte(canary)) {
				t.Errorf("%s shows %q", where, canary)
			}
		}
	}
	fill := strings.NewReplacer("{slug}", "openid", "{user_id}", "me", "{id}", w.conn, "{provider}", "openid", "{key}", "k", "{token}", "t", "{result}", "r", "{file}", "f", "{grant}", "g", "{code}", "c", "{prompt}", "x")
	n := 0
	for _, r := range api.Routes() {
		if r.Method == "DELETE" || r.ID == "lockNow" || r.ID == "logout" || strings.HasSuffix(r.Path, "/events") {
			continue // what would end the test
		}
		path := fill.Replace(r.Path)
		a := w.Do(r.Method, w.rich, path, map[string]any{})
		look("app API "+path, a.Body)
		var body json.RawMessage
		req := map[string]any{}
		if r.Method == "GET" || r.Method == "" {
			_, b := p.read(t, path)
			body = b
		} else {
			p.do(t, r.Method, path, req, &body)
		}
		look("page "+path, body)
		n++
	}
	for _, args := range [][]string{{"status"}, {"apps", "list"}, {"providers"}, {"integrations", "list"}, {"keys", "status"}, {"audit"}, {"audit", "export"}, {"token", "openid"}} {
		r := w.home.Try(append(args, "--json")...)
		look(strings.Join(args, " "), []byte(r.Stdout+r.Stderr))
		n++
	}
	if n < 30 {
		t.Errorf("only %d places were looked at", n)
	}
}

// read is a GET with the session, whatever the type of the answer.
func (p *page) read(t *testing.T, path string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest("GET", p.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Standpipe-Session", p.session)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(resp.Body)
	return resp.StatusCode, b.Bytes()
}

func b9(t *testing.T) {
	w := shared(t)
	n := 0
	for _, r := range api.Routes() {
		if r.Class != "ui" && r.Class != "local" {
			continue
		}
		n++
		path := strings.NewReplacer("{slug}", "openid", "{id}", w.conn, "{grant}", "g", "{code}", "c", "{prompt}", "p").Replace(r.Path)
		if a := raw(t, w.addr(), w.good(r.Method, path, "")); a.status != 404 {
			t.Errorf("%s %s on the app listener: %d", r.Method, path, a.status)
		}
		ui := strings.TrimPrefix(w.UI, "http://")
		withKey := strings.Replace(w.good(r.Method, path, "Standpipe-Session: "+w.rich+"\r\n"), "Host: "+w.addr(), "Host: "+ui, 1)
		if a := raw(t, ui, withKey); a.status != 401 && (r.Class != "local" || a.status != 404 && a.status != 405 && a.status != 403) {
			t.Errorf("%s %s on the page's listener: %d", r.Method, path, a.status)
		}
	}
	if n < 20 {
		t.Errorf("only %d routes", n)
	}
}

func b10(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.login(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for range 100 {
		all.Go(func() {
			a, err := w.Send("POST", w.poor, vendPath, map[string]any{})
			if err != nil || a.Status != 403 {
				t.Errorf("a caller: %v", err)
				if a != nil {
					t.Errorf("%d %s", a.Status, a.Body)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[a.Field("approval_id")] = true
		})
	}
	all.Wait()
	list := p.approvals(t)
	if len(list) != 1 || len(ids) != 1 || !ids[list[0].ID] {
		t.Fatalf("%d questions, ids %v", len(list), ids)
	}
	if status := p.do(t, "POST", "/ui/api/approvals/"+list[0].ID+"/deny", nil, nil); status != 204 {
		t.Errorf("deny: %d", status)
	}
	begin := time.Now()
	a := w.Do("POST", w.poor, vendPath, map[string]any{})
	if a.Status != 403 || time.Since(begin) > 5*time.Second || len(p.approvals(t)) != 0 {
		t.Errorf("after a no: %d after %s, %d questions", a.Status, time.Since(begin), len(p.approvals(t)))
	}
}

func b11(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.login(t)
	req, err := http.NewRequest("POST", w.AppAPI+vendPath, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.poor)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=3600")
	begin := time.Now()
	resp, err := (&http.Client{Timeout: 90 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if took := time.Since(begin); resp.StatusCode != 403 || took > 60*time.Second {
		t.Errorf("nobody answers: %d after %s", resp.StatusCode, took)
	}
	for _, a := range p.approvals(t) {
		if left := time.Until(a.Expires); left > 5*time.Minute {
			t.Errorf("the question stays for %s", left)
		}
	}
}

func b12(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.login(t)
	w.vend(t)
	var apps struct {
		Apps []struct {
			ID, Name string
			Grants   []struct{ ID string }
		}
	}
	p.do(t, "GET", "/ui/api/apps", nil, &apps)
	for _, a := range apps.Apps {
		if a.Name != "rich" {
			continue
		}
		var left struct {
			Outstanding []struct {
				Connection string
				ExpiresAt  *time.Time `json:"expires_at"`
			}
		}
		if status := p.do(t, "DELETE", "/ui/api/apps/"+a.ID+"/grants/"+a.Grants[0].ID, nil, &left); status != 200 || len(left.Outstanding) != 1 || left.Outstanding[0].Connection != w.conn || left.Outstanding[0].ExpiresAt == nil {
			t.Errorf("withdraw: %d %+v", status, left)
		}
		if got := w.Post(w.rich, vendPath, map[string]any{}); got.Status != 403 {
			t.Errorf("after the grant was withdrawn: %d", got.Status)
		}
		if status := p.do(t, "DELETE", "/ui/api/apps/"+a.ID, nil, nil); status != 200 {
			t.Errorf("revoke: %d", status)
		}
	}
	if got := w.Post(w.rich, vendPath, map[string]any{}); got.Status != 401 {
		t.Errorf("after the app was revoked: %d", got.Status)
	}
}

// withPassphrase makes a home whose key comes from a passphrase.
func withPassphrase(t *testing.T) *rig.Home {
	t.Helper()
	h := rig.NewHome(t)
	h.Data = h.Dir + "/sealed"
	h.Env = append(h.Env, "STANDPIPE_DATA="+h.Data)
	h.CLI("keys", "init", "--key", "passphrase-file:"+h.Write("passphrase", "correct horse battery staple\n"))
	return h
}

func b13(t *testing.T) {
	// The tokens that the hub holds bear a mark that its memory is searched for.
	mark := "lock-canary-" + oauthtest.Random() + "-"
	w := newWorld(t, setup{rules: oauthtest.Rules{Rotate: true, Lives: oauthtest.Lives{Access: time.Hour}, NewToken: func(kind string) string {
		return mark + kind + "-" + oauthtest.Random()
	}}})
	p := w.login(t)
	w.vend(t)
	if os.Geteuid() == 0 && inMemory(t, w.PID(), mark) == 0 {
		t.Error("the search finds nothing in an open hub that just handed out a token")
	}
	if status := p.do(t, "POST", "/ui/api/lock", map[string]any{}, nil); status >= 300 {
		t.Fatalf("lock: %d", status)
	}
	b13memory(t, w, mark+"refresh")
	if a := w.Post(w.rich, vendPath, map[string]any{}); a.Status != 423 {
		t.Errorf("locked: %d", a.Status)
	}
	for _, path := range []string{"/ui/api/accounts", "/ui/api/apps", "/ui/api/activity", "/ui/api/connections/" + w.conn, "/ui/api/diagnostics"} {
		if status, _ := p.read(t, path); status != 423 {
			t.Errorf("%s while locked: %d", path, status)
		}
	}
	if r := w.home.Try("token", "openid"); r.Exit == 0 || r.Exit != 3 {
		t.Errorf("`token` while locked: %d", r.Exit)
	}
	if status := p.do(t, "POST", "/ui/api/lock/unlock", map[string]any{}, nil); status >= 300 {
		t.Fatalf("unlock: %d", status)
	}
	w.vend(t)

	// With a passphrase: each wrong one makes the next wait longer, also where
	// nothing is connected yet.
	h := withPassphrase(t)
	if r := h.Try("serve", "--json", "--listen", "127.0.0.1:0", "--ui-listen", "127.0.0.1:0", "--key", "passphrase-file:"+h.Write("wrong", "incorrect horse\n")); r.Exit == 0 || !strings.Contains(r.Stderr, "passphrase") {
		t.Errorf("an empty store was opened with a wrong passphrase: %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
	sealed := &world{home: h, Hub: h.Serve()}
	p = sealed.login(t)
	if status := p.do(t, "POST", "/ui/api/lock", map[string]any{}, nil); status >= 300 {
		t.Fatalf("lock: %d", status)
	}
	var last time.Duration
	for i := range 3 {
		var l struct {
			Locked  bool
			RetryAt *time.Time `json:"retry_at"`
		}
		if status := p.do(t, "POST", "/ui/api/lock/unlock", map[string]any{"passphrase": "wrong"}, nil); status < 400 {
			t.Fatalf("a wrong passphrase opens it: %d", status)
		}
		if status := p.do(t, "GET", "/ui/api/lock", nil, &l); status != 200 || !l.Locked || l.RetryAt == nil {
			t.Fatalf("%+v", l)
		}
		wait := time.Until(*l.RetryAt)
		if wait < last/2 {
			t.Errorf("try %d waits %s, the one before waited %s", i, wait, last)
		}
		last = wait
		if status := p.do(t, "POST", "/ui/api/lock/unlock", map[string]any{"passphrase": "correct horse battery staple"}, nil); status < 400 {
			if time.Now().Before(*l.RetryAt) {
				t.Error("the right one is heard before its time")
			}
			return // the machine was too slow to be refused, and what follows begins anew
		}
		time.Sleep(time.Until(*l.RetryAt) + 100*time.Millisecond)
	}
	if status := p.do(t, "POST", "/ui/api/lock/unlock", map[string]any{"passphrase": "correct horse battery staple"}, nil); status >= 300 {
		t.Errorf("the right one: %d", status)
	}
}

// b13memory: root, against whom nothing is promised, finds no refresh token in a
// locked hub. What Go's memory still holds of what was read before goes with the
// next collections, which come by themselves within some minutes at the latest.
func b13memory(t *testing.T, w *world, mark string) {
	t.Helper()
	if os.Geteuid() != 0 {
		note("B13", "the memory of the locked hub was not searched: only root can read it")
		return
	}
	rig.Eventually(t, "no refresh token is in memory", func() bool { return inMemory(t, w.PID(), mark) == 0 })
}

func b14(t *testing.T) {
	l := logindtest.Start(t, rig.UID())
	w := newWorld(t, setup{home: func(h *rig.Home) { h.Env = append(h.Env, "DBUS_SYSTEM_BUS_ADDRESS="+l.Address) }})
	p := w.login(t)
	state := func() (s struct {
		Locked, Session bool
		Cause           string
	}) {
		t.Helper()
		p.do(t, "GET", "/ui/api/lock", nil, &s)
		return s
	}
	settings := func(idle int, screen, suspend bool) {
		t.Helper()
		if status := p.do(t, "PUT", "/ui/api/lock/settings", map[string]any{"idle": idle, "screen": screen, "suspend": suspend, "background": "stop"}, nil); status >= 300 {
			t.Fatalf("settings: %d", status)
		}
	}
	locks := func(cause string, happens func()) {
		t.Helper()
		happens()
		rig.Eventually(t, "it locks: "+cause, func() bool { s := state(); return s.Locked && s.Cause == cause })
		if a := w.Post(w.rich, vendPath, map[string]any{}); a.Status != 423 {
			t.Errorf("locked by %s: %d", cause, a.Status)
		}
		if status := p.do(t, "POST", "/ui/api/lock/unlock", map[string]any{}, nil); status >= 300 {
			t.Fatalf("unlock after %s: %d", cause, status)
		}
		w.vend(t)
	}
	rig.Eventually(t, "logind is found", func() bool { return state().Session })
	settings(0, true, true)
	locks("screen", func() { l.Lock(logindtest.Theirs); l.Lock(logindtest.Ours) })
	locks("screen", func() { l.Hint(logindtest.Ours, true) })
	delays := 0
	sleeps := func() {
		// The hub asks anew for a delay when the machine is awake.
		rig.Eventually(t, "sleep is delayed", func() bool { return l.Inhibitors() > delays })
		delays = l.Inhibitors()
		l.Sleep(true)
		l.WaitForSleep() // which the hub delays until it is locked
		if s := state(); !s.Locked {
			t.Error("the machine sleeps, and the hub is open")
		}
		l.Sleep(false)
	}
	locks("suspend", sleeps)
	// What is not wished for does not lock, nor does somebody else's screen:
	// signals come in their order, so that it would be the cause.
	settings(0, false, true)
	l.Lock(logindtest.Ours)
	locks("suspend", sleeps)
	settings(0, true, true)
	l.Lock(logindtest.Theirs)
	l.Hint(logindtest.Theirs, true)
	locks("suspend", sleeps)
	settings(1, false, false) // it may lock again as soon as it is unlocked, so that this is the last
	rig.Eventually(t, "it locks: idle", func() bool { s := state(); return s.Locked && s.Cause == "idle" })
	if a := w.Post(w.rich, vendPath, map[string]any{}); a.Status != 423 {
		t.Errorf("locked by idling: %d", a.Status)
	}
}

func b15(t *testing.T) {
	w := newWorld(t, setup{rules: oauthtest.Rules{Rotate: true, ReuseRevokes: true, Lives: oauthtest.Lives{Access: 10 * time.Minute}}})
	w.vend(t)
	before := w.op.Count("refresh_token")
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			a, err := w.Send("POST", w.rich, vendPath, map[string]any{"min_ttl": 3600})
			if err != nil || a.Field("active") != "true" {
				t.Errorf("a caller: %v", err)
				if a != nil {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			}
		})
	}
	all.Wait()
	if n := w.op.Count("refresh_token") - before; n > 1 {
		t.Errorf("%d refreshes", n)
	}
}

func b16(t *testing.T) {
	w := newOIDCWorld(t)
	mail, files := "https://mail.test/", "https://files.test/"
	keys := map[string]string{}
	for _, audience := range []string{mail, files} {
		keys[audience] = w.home.AddApp(audience)
		w.home.CLI("apps", "grant", audience, "openid", "--audience", audience)
	}
	before := w.op.Count("refresh")
	got := map[string]string{}
	for audience, key := range keys {
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]bool{}
		for range 20 {
			wg.Go(func() {
				a, err := w.Send(http.MethodPost, key, vendPath, map[string]any{})
				if err != nil || a.Field("active") != "true" || a.Field("access_token", "audience") != audience {
					t.Errorf("for %s: %v, %+v", audience, err, a)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				seen[a.Field("access_token", "access_token")] = true
			})
		}
		wg.Wait()
		if len(seen) != 1 {
			t.Fatalf("%d tokens for %s", len(seen), audience)
		}
		for token := range seen {
			got[audience] = token
			if aud := audienceOf(t, token); aud != audience {
				t.Errorf("a token for %s is for %s", audience, aud)
			}
		}
	}
	if n := w.op.Count("refresh") - before; n != 2 || got[mail] == got[files] {
		t.Errorf("the provider was asked %d times for two audiences, and the tokens are apart: %t", n, got[mail] != got[files])
	}
	for name, body := range map[string]map[string]any{
		"the other's": {"audience": files}, "by account": {"audience": files, "connected_account_id": w.conn}, "nobody's": {"audience": "https://other.test/"},
	} {
		if a := w.Post(keys[mail], vendPath, body); a.Status != 403 || a.Field("code") != "consent_required" {
			t.Errorf("%s audience: %d %s", name, a.Status, a.Body)
		}
	}
	// Who may have everything may name an audience, and gets the account's own
	// token without.
	all := w.home.AddApp("all", "--all")
	if a := w.Post(all, vendPath, map[string]any{"audience": mail}); a.Field("access_token", "access_token") != got[mail] {
		t.Errorf("the same audience: %d, and another token", a.Status)
	}
	own := w.Post(all, vendPath, map[string]any{}).Field("access_token", "access_token")
	if active, _ := w.op.Introspect(t, own); !active || own == got[mail] || own == got[files] {
		t.Error("the account's own token is gone, or is one of the narrowed")
	}
	for path, b := range w.home.Files() {
		for _, token := range got {
			if bytes.Contains(b, []byte(token)) {
				t.Errorf("a token is in %s", path)
			}
		}
	}
	// Two grants: which of the two is never guessed.
	w.home.CLI("apps", "grant", mail, "openid", "--audience", files)
	if a := w.Post(keys[mail], vendPath, map[string]any{}); a.Status != 400 || !strings.Contains(string(a.Body), files) {
		t.Errorf("two audiences, none named: %d %s", a.Status, a.Body)
	}
	if a := w.Post(keys[mail], vendPath, map[string]any{"audience": files}); a.Field("access_token", "access_token") != got[files] {
		t.Errorf("the audience that was granted since: %d %s", a.Status, a.Body)
	}
	// A question says for what, and a yes is for that.
	asked := w.Post(w.poor, vendPath, map[string]any{"audience": mail}).Field("approval_id")
	w.home.CLI("apps", "approve", asked, "--always")
	if a := w.Post(w.poor, vendPath, map[string]any{"audience": mail}); a.Field("access_token", "access_token") != got[mail] {
		t.Errorf("after a yes: %d %s", a.Status, a.Body)
	}
	if a := w.Post(w.poor, vendPath, map[string]any{"audience": files}); a.Status != 403 {
		t.Errorf("a yes to one audience gave another: %d %s", a.Status, a.Body)
	}
	w.home.CLI("disconnect", w.conn)
	if a := w.Post(keys[files], vendPath, map[string]any{}); a.Field("active") != "false" {
		t.Errorf("after the account was disconnected: %d %s", a.Status, a.Body)
	}
}

// audienceOf reads the claim aud of a JWT.
func audienceOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("the token is no JWT")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Aud string `json:"aud"`
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Aud
}

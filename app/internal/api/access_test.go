// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestBothKindsOfKey asks every endpoint of the app API with either kind of
// key: for the owner that each acts for, and without saying for whom. An
// endpoint that is not in the table fails.
func TestBothKindsOfKey(t *testing.T) {
	type answers struct{ local, localOther, server, serverNobody int }
	table := map[string]struct {
		query, body string // that name the user "ada"
		want        answers
	}{
		"getAccessToken":                  {body: `{"user_id":"ada"}`, want: answers{200, 403, 200, 400}},
		"createDataIntegrationCredential": {body: `{"user_id":"ada"}`, want: answers{200, 403, 200, 400}},
		"authorizeDataIntegration":        {body: `{"user_id":"ada"}`, want: answers{200, 403, 200, 400}},
		"listUserDataProviders":           {want: answers{200, 403, 200, 200}}, // the path names the user
		"getUserConnectedAccount":         {want: answers{200, 403, 200, 200}},
		"createUserConnectedAccount":      {want: answers{403, 403, 409, 409}}, // for servers only; the account is there already
		"updateUserConnectedAccount":      {want: answers{403, 403, 200, 200}},
		"deleteUserConnectedAccount":      {want: answers{204, 403, 204, 404}}, // the fourth finds what the third left
	}
	h := newHouse(t)
	h.connected(hub.Me)
	h.connected(hub.Owner{User: "ada"})
	local, server := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}}), h.app(hub.NewApp{Kind: hub.AppServer})
	app := h.App()
	seen := 0
	for _, r := range api.Routes() {
		if r.Class != "app" {
			continue
		}
		row, ok := table[r.ID]
		if !ok {
			t.Errorf("%s %s (%s) is not tested with both kinds of key", r.Method, r.Path, r.ID)
			continue
		}
		seen++
		ask := func(key, user, body string) int {
			target := strings.NewReplacer("{slug}", "peer", "{user_id}", user).Replace(r.Path)
			resp := send(app, r.Method, target, body, "Content-Type", "application/json", "Authorization", "Bearer "+key)
			return resp.StatusCode
		}
		got := answers{ask(local, "me", "{}"), ask(local, "ada", cmpBody(row.body)), ask(server, "ada", cmpBody(row.body)), ask(server, "ada", "{}")}
		if got != row.want {
			t.Errorf("%s: %+v, want %+v", r.ID, got, row.want)
		}
	}
	if seen != len(table) {
		t.Errorf("%d of %d endpoints are served", seen, len(table))
	}
}

func cmpBody(body string) string {
	if body == "" {
		return "{}"
	}
	return body
}

// TestLockedEverywhere: while the hub is locked, every route answers 423 but
// those that say why, and is back afterwards.
func TestLockedEverywhere(t *testing.T) {
	h := newHouse(t)
	h.connected(hub.Me)
	key := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	code, _ := h.sessions.NewCode()
	session, _, err := h.sessions.Login(context.Background(), code)
	if err != nil {
		t.Fatal(err)
	}
	if r := send(h.Local(), "POST", "/ui/api/lock", "{}", "Content-Type", "application/json"); r.StatusCode != 200 || decode(t, r)["locked"] != true {
		t.Fatalf("lock: %d", r.StatusCode)
	}
	fill := strings.NewReplacer("{slug}", "peer", "{user_id}", "me", "{id}", "x", "{provider}", "peer", "{key}", "k", "{result}", "r", "{token}", "t",
		"{file}", "f", "{code}", "c", "{grant}", "g", "{prompt}", "p", "{path...}", "v1/x")
	locked, open := 0, 0
	for _, r := range api.Routes() {
		target := fill.Replace(r.Path)
		method := r.Method
		if r.Class == "relay" {
			method = "PATCH" // any
		}
		if strings.HasSuffix(r.Path, "/events") || r.Path == "/" || method == "" {
			continue // a stream, and the files of the page
		}
		var resp *http.Response
		switch r.Class {
		case "app", "relay", "callback", "page", "health", "pairing":
			resp = send(h.App(), method, target, "{}", "Content-Type", "application/json", "Authorization", "Bearer "+key)
		case "ui", "login":
			resp = send(h.UI(), method, target, "{}", "Content-Type", "application/json", "Host", uiHost, "Standpipe-Session", session)
		case "local":
			resp = send(h.Local(), method, target, "{}", "Content-Type", "application/json")
		}
		if got := resp.StatusCode == http.StatusLocked; got == r.Always {
			t.Errorf("%s %s answers %d while locked, and it is for always: %v", method, r.Path, resp.StatusCode, r.Always)
		}
		if r.Always {
			open++
		} else {
			locked++
		}
		if r.ID == "logout" { // it works, so log in again
			code, _ := h.sessions.NewCode()
			if session, _, err = h.sessions.Login(context.Background(), code); err != nil {
				t.Fatal(err)
			}
		}
	}
	if locked < 40 || open < 6 {
		t.Errorf("%d routes were locked, %d open", locked, open)
	}
	unlock := func(passphrase string) int {
		return send(h.Local(), "POST", "/ui/api/lock/unlock", `{"passphrase":"`+passphrase+`"}`, "Content-Type", "application/json").StatusCode
	}
	if got := unlock("wrong"); got < 400 {
		t.Errorf("a wrong passphrase: %d", got)
	}
	if got := unlock("open"); got != 429 {
		t.Errorf("the right one at once: %d", got)
	}
	h.clock = h.clock.Add(time.Second)
	if got := unlock("open"); got != 200 {
		t.Errorf("the right one: %d", got)
	}
	if r := send(h.App(), "POST", vendPath, "{}", "Content-Type", "application/json", "Authorization", "Bearer "+key); r.StatusCode != 200 {
		t.Errorf("afterwards: %d", r.StatusCode)
	}
}

func TestFirstDrawByHTTP(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	key := "Bearer " + h.app(hub.NewApp{})
	draw := func(header ...string) *http.Response {
		return send(h.App(), "POST", vendPath, "{}", append(header, "Content-Type", "application/json", "Authorization", key)...)
	}
	local := func(method, path, body string) *http.Response {
		return send(h.Local(), method, path, body, "Content-Type", "application/json")
	}
	r := draw()
	body := decode(t, r)
	question, _ := body["approval_id"].(string)
	if r.StatusCode != 403 || body["code"] != "consent_required" || question == "" {
		t.Fatalf("the first draw: %d %v", r.StatusCode, body)
	}
	list := decode(t, local("GET", "/ui/api/approvals", ""))["approvals"].([]any)
	q := list[0].(map[string]any)
	if len(list) != 1 || q["id"] != question || q["app_name"] != "tester" || q["connection"] != id || q["integration_name"] != "Peer" ||
		q["scopes"].([]any)[0].(map[string]any)["title"] != "Read" {
		t.Errorf("the question is %v", q)
	}
	if r := local("POST", "/ui/api/approvals/"+question+"/approve", `{"lasts":"until","for":600}`); r.StatusCode != 200 {
		t.Fatalf("approve: %d %s", r.StatusCode, text(t, r))
	}
	if r := draw(); r.StatusCode != 200 {
		t.Errorf("after the yes: %d", r.StatusCode)
	}
	apps := decode(t, local("GET", "/ui/api/apps", ""))["apps"].([]any)[0].(map[string]any)
	grant := apps["grants"].([]any)[0].(map[string]any)
	if grant["lasts"] != "until" || grant["expires_at"] == nil || grant["account"] == "" {
		t.Errorf("the grant is %v", grant)
	}
	path := "/ui/api/apps/" + apps["id"].(string)
	withdrawn := decode(t, local("DELETE", path+"/grants/"+grant["id"].(string), ""))["outstanding"].([]any)
	if len(withdrawn) != 1 || withdrawn[0].(map[string]any)["connection"] != id {
		t.Errorf("what lives on: %v", withdrawn)
	}
	gone := decode(t, local("POST", path+"/grants", `{"integration":"peer","connection":"data_installation_gone"}`))
	if gone["code"] != "entity_not_found" || !strings.Contains(gone["message"].(string), "data_installation_gone") || gone["remedy"] == nil {
		t.Errorf("a grant for a connection that there is not: %v", gone)
	}
	begin := time.Now()
	if r := draw("Prefer", "wait=1"); r.StatusCode != 403 || time.Since(begin) < time.Second {
		t.Errorf("it did not wait for the user: %d after %v", r.StatusCode, time.Since(begin))
	}
	if r := local("DELETE", path, ""); r.StatusCode != 200 {
		t.Errorf("revoke: %d", r.StatusCode)
	}
	if r := draw(); r.StatusCode != 401 {
		t.Errorf("after the revocation: %d", r.StatusCode)
	}
}

func TestPairingByHTTP(t *testing.T) {
	h := newHouse(t)
	app := h.App()
	post := func(path, body string, header ...string) *http.Response {
		return send(app, "POST", path, body, append(header, "Content-Type", "application/json")...)
	}
	r := post("/apps/pair", `{"name":"Editor","grants":[{"integration":"peer"}]}`)
	p := decode(t, r)
	code, _ := p["code"].(string)
	secret, _ := p["poll_secret"].(string)
	if r.StatusCode != 201 || code == "" || secret == "" {
		t.Fatalf("pair: %d %v", r.StatusCode, p)
	}
	collect := func(secret string) (int, map[string]any) {
		r := post("/apps/pair/collect", "{}", "Authorization", "Bearer "+secret)
		return r.StatusCode, decode(t, r)
	}
	if status, body := collect(secret); status != 200 || body["status"] != "pending" || body["key"] != nil {
		t.Errorf("before the answer: %d %v", status, body)
	}
	if status, _ := collect(code); status != 401 {
		t.Errorf("the code is no secret: %d", status)
	}
	if r := post("/apps/pair", `{"name":"Editor"}`, "Origin", "http://evil.com"); r.StatusCode != 403 {
		t.Errorf("a web page asks for a key: %d", r.StatusCode)
	}
	if r := post("/apps/pair?access_token=x", `{"name":"Editor"}`); r.StatusCode != 400 {
		t.Errorf("a secret in the query: %d", r.StatusCode)
	}
	if r := send(h.Local(), "POST", "/ui/api/pairings/"+code+"/approve", "{}", "Content-Type", "application/json"); r.StatusCode != 204 {
		t.Fatalf("approve: %d %s", r.StatusCode, text(t, r))
	}
	status, body := collect(secret)
	key, _ := body["key"].(string)
	if status != 200 || body["status"] != "approved" || !strings.HasPrefix(key, "sp_app_") {
		t.Fatalf("collect: %d %v", status, body)
	}
	if status, _ := collect(secret); status != 401 {
		t.Errorf("collected twice: %d", status)
	}
	h.connected(hub.Me)
	if r := post(vendPath, "{}", "Authorization", "Bearer "+key); r.StatusCode != 200 {
		t.Errorf("the key does not draw what was asked for: %d", r.StatusCode)
	}
}

// TestNamedTokenHasACeiling: who was granted the scopes of one of a connection's
// tokens gets no other.
func TestNamedTokenHasACeiling(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	err := h.conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		toks, err := tx.Tokens(id)
		if err != nil {
			return err
		}
		conn, err := tx.Connection(id)
		if err != nil {
			return err
		}
		toks.Current.Name, toks.Current.Scopes = "bot", []string{"chat"}
		toks.Current.Named = map[string]hub.NamedToken{"user": {AccessToken: secret.New("the-user-token"), Scopes: []string{"search"}}}
		conn.Scopes = []string{"chat", "search"}
		if err := tx.PutConnection(conn); err != nil {
			return err
		}
		return tx.PutTokens(toks)
	})
	if err != nil {
		t.Fatal(err)
	}
	bot := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer", Scopes: []string{"chat"}, AcceptWider: false}}})
	all := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	for _, c := range []struct {
		name, key, body string
		status          int
		user            bool
	}{
		{"all: the user's", all, `{"token":"user"}`, 200, true},
		{"all: the bot's", all, `{"token":"bot"}`, 200, false},
		{"bot: the user's", bot, `{"token":"user"}`, 403, false},
		{"bot: the user's, by scope", bot, `{"token":"user","scopes":["chat"]}`, 403, false},
		{"bot: the user's, by account", bot, `{"token":"user","connected_account_id":"` + id + `"}`, 403, false},
		{"bot: one that is not there", bot, `{"token":"admin"}`, 403, false},
	} {
		resp := send(h.App(), "POST", "/data-integrations/peer/token", c.body, "Content-Type", "application/json", "Authorization", "Bearer "+c.key)
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || strings.Contains(string(b), "the-user-token") != c.user {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, b)
		}
	}
}

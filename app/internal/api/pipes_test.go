// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestVend(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	key := "Bearer " + h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	head := []string{"Content-Type", "application/json", "Authorization", key}

	body := decode(t, send(h.App(), "POST", vendPath, "{}", head...))
	token, _ := body["access_token"].(map[string]any)
	if body["active"] != true || token["object"] != "access_token" || token["access_token"] != "live-token" {
		t.Fatalf("body: %v", body)
	}
	if s, _ := token["expires_at"].(string); !strings.HasSuffix(s, "Z") || len(s) != len("2026-11-23T12:00:00.000Z") {
		t.Errorf("expires_at: %v", token["expires_at"])
	}
	if m, ok := token["missing_scopes"].([]any); !ok || len(m) != 0 {
		t.Errorf("missing_scopes: %v", token["missing_scopes"])
	}
	if token["connected_account_id"] != id || token["metadata"].(map[string]any)["instance_url"] != "https://i.test" {
		t.Errorf("our Additions: %v", token)
	}
	if _, leaked := body["error"]; leaked {
		t.Errorf("an active answer has an error: %v", body)
	}

	body = decode(t, send(h.App(), "POST", "/data-integrations/peer/credentials", `{"user_id":"me"}`, head...))
	credential, _ := body["credential"].(map[string]any)
	if credential["auth_method"] != "oauth" || credential["value"] != "live-token" || credential["config"].(map[string]any)["region"] != "eu" {
		t.Errorf("credential: %v", body)
	}
}

func TestInactive(t *testing.T) {
	h := newHouse(t)
	app := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	server := h.app(hub.NewApp{Kind: hub.AppServer})
	none := h.app(hub.NewApp{})
	for _, test := range []struct {
		name, key, body string
		status          int
		want            string
	}{
		{"app, nobody connected", app, `{}`, 200, "not_installed"},
		{"server, a user never seen", server, `{"user_id":"user_1"}`, 200, "not_installed"},
		{"server, no user", server, `{}`, 400, "invalid_request"},
		{"app without a grant", none, `{}`, 403, "consent_required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := send(h.App(), "POST", vendPath, test.body, "Content-Type", "application/json", "Authorization", "Bearer "+test.key)
			body := decode(t, r)
			got := body["code"]
			if r.StatusCode == 200 {
				got = body["error"]
				if body["active"] != false {
					t.Errorf("active: %v", body["active"])
				}
			}
			if test.want == "consent_required" && (len(h.denials) == 0 || h.denials[len(h.denials)-1].Code != hub.CodeConsentRequired) {
				t.Errorf("the denial is not in the audit: %+v", h.denials)
			}
			if r.StatusCode != test.status || got != test.want {
				t.Errorf("%d %v, want %d %s", r.StatusCode, body, test.status, test.want)
			}
		})
	}
}

func TestAccountsAndProviders(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Owner{User: "user_7"})
	key := h.app(hub.NewApp{Kind: hub.AppServer})
	auth := []string{"Authorization", "Bearer " + key}
	get := func(target string) map[string]any { return decode(t, send(h.App(), "GET", target, "", auth...)) }

	account := get("/user_management/users/user_7/connected_accounts/peer")
	if account["id"] != id || account["object"] != "connected_account" || account["connection_role"] != "compatibility" || account["organization_id"] != nil || account["state"] != "connected" {
		t.Errorf("account: %v", account)
	}
	list := get("/user_management/users/user_7/data_providers")
	data, _ := list["data"].([]any)
	if list["object"] != "list" || len(data) != 1 {
		t.Fatalf("providers: %v", list)
	}
	p := data[0].(map[string]any)
	nested, _ := p["connected_account"].(map[string]any)
	for _, field := range []string{"integration_type", "integrationType", "created_at", "createdAt", "credentials_type", "ownership"} {
		if p[field] == nil {
			t.Errorf("data_provider lacks %s", field)
		}
	}
	for _, field := range []string{"userland_user_id", "userlandUserId", "createdAt"} {
		if nested[field] == nil {
			t.Errorf("the nested account lacks %s: %v", field, nested)
		}
	}
	if _, has := list["list_metadata"]; has {
		t.Error("the list has list_metadata")
	}
	if r := send(h.App(), "DELETE", "/user_management/users/user_7/connected_accounts/peer", "", auth...); r.StatusCode != 204 {
		t.Errorf("delete: %d %v", r.StatusCode, decode(t, r))
	}
	if r := send(h.App(), "GET", "/user_management/users/user_7/connected_accounts/peer", "", auth...); r.StatusCode != 404 {
		t.Errorf("after the delete: %d", r.StatusCode)
	}
}

// TestAppsSeeWhatTheyWereGranted: listings show granted connections only.
func TestAppsSeeWhatTheyWereGranted(t *testing.T) {
	h := newHouse(t)
	h.connected(hub.Me)
	for _, test := range []struct {
		name string
		app  hub.NewApp
		want bool
	}{
		{"granted", hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}}, true},
		{"granted another connection", hub.NewApp{Grants: []hub.Grant{{Integration: "peer", Connection: "data_installation_x"}}}, false},
		{"granted nothing", hub.NewApp{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			list := decode(t, send(h.App(), "GET", "/user_management/users/me/data_providers", "", "Authorization", "Bearer "+h.app(test.app)))
			p := list["data"].([]any)[0].(map[string]any)
			if got := p["connected_account"] != nil; got != test.want {
				t.Errorf("the connection is seen: %v, want %v", got, test.want)
			}
		})
	}
}

func TestConnectLink(t *testing.T) {
	h := newHouse(t)
	head := []string{"Content-Type", "application/json", "Authorization", "Bearer " + h.app(hub.NewApp{Kind: hub.AppServer})}
	body := decode(t, send(h.App(), "POST", "/data-integrations/peer/authorize", `{"user_id":"user_<b>9"}`, head...))
	raw, _ := body["url"].(string)
	u, err := url.Parse(raw)
	if err != nil || !strings.HasPrefix(raw, "http://"+listen+"/connect/") {
		t.Fatalf("url: %v", body)
	}
	page := text(t, send(h.App(), "GET", u.Path, ""))
	if !strings.Contains(page, "Peer") || strings.Contains(page, "user_<b>9") || !strings.Contains(page, "user_&lt;b&gt;9") {
		t.Errorf("the page: %s", page)
	}
	if r := send(h.App(), "POST", u.Path, "{}", "Content-Type", "application/json", "Origin", "http://evil.com", "Sec-Fetch-Site", "cross-site"); r.StatusCode != 403 {
		t.Errorf("another site used the link: %d", r.StatusCode)
	}
	opened := decode(t, send(h.App(), "POST", u.Path, "{}", "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"))
	to, err := url.Parse(opened["authorization_url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	back := send(h.App(), "GET", "/callback/peer?code=c&state="+to.Query().Get("state"), "", "Sec-Fetch-Site", "cross-site", "Referer", "https://p.test/")
	result := back.Header.Get("Location")
	if back.StatusCode != 303 || !strings.HasPrefix(result, "/connected/") || strings.ContainsAny(result, "?&") {
		t.Fatalf("the callback answers %d to %q", back.StatusCode, result)
	}
	if r := send(h.App(), "POST", result, `{"binding":"guess"}`, "Content-Type", "application/json"); r.StatusCode != 403 {
		t.Errorf("another browser finished the connection: %d", r.StatusCode)
	}
	if r := send(h.App(), "POST", result, `{"binding":"`+opened["binding"].(string)+`"}`, "Content-Type", "application/json"); r.StatusCode != 200 {
		t.Errorf("the browser cannot finish: %d %v", r.StatusCode, decode(t, r))
	}
	for _, refused := range []string{`{"user_id":"u","return_to":"https://evil.com"}`, `{"user_id":"u","code_challenge":"x"}`, `{}`} {
		if r := send(h.App(), "POST", "/data-integrations/peer/authorize", refused, head...); r.StatusCode != 400 {
			t.Errorf("%s: %d", refused, r.StatusCode)
		}
	}
}

func TestCallbackErrorsAreInert(t *testing.T) {
	h := newHouse(t)
	f, err := h.connect.Start(t.Context(), hub.StartFlow{Integration: "peer", Owner: hub.Me, Initiator: hub.InitiatorUI})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(f.AuthorizationURL)
	q := url.Values{"state": {u.Query().Get("state")}, "error": {"<script>alert(1)</script>"}, "error_description": {`"><img src=x onerror=alert(1)>`}, "next": {"//evil.com"}}
	back := send(h.App(), "GET", "/callback/peer?"+q.Encode(), "")
	if back.StatusCode != 303 {
		t.Fatalf("status %d", back.StatusCode)
	}
	page := text(t, send(h.App(), "GET", back.Header.Get("Location"), ""))
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") || strings.Contains(page, "evil.com") {
		t.Errorf("the page carries what the provider sent: %s", page)
	}
	if !strings.Contains(page, "&lt;script&gt;") {
		t.Errorf("the page does not say what went wrong: %s", page)
	}
}

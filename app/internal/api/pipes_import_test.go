// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestImportByTheContract is the table of the contract: what comes together,
// and with which status. The provider says of every token that it is the same
// account's.
func TestImportByTheContract(t *testing.T) {
	const path = "/user_management/users/user_1/connected_accounts/peer"
	for _, c := range []struct {
		name, before string // before: an import that was made first
		method       string
		query, body  string
		status       int
		field, want  string
	}{
		{"access only", "", "POST", "", `{"access_token":"at"}`, 201, "state", "connected"},
		{"null fields", "", "POST", "", `{"access_token":"at","refresh_token":null,"expires_at":null,"scopes":["read"]}`, 201, "object", "connected_account"},
		{"access, expiry and refresh", "", "POST", "", `{"access_token":"at","refresh_token":"rt","expires_at":"2099-01-01T00:00:00.000Z"}`, 201, "state", "connected"},
		{"no tokens", "", "POST", "", `{}`, 201, "state", "needs_reauthorization"},
		{"a state", "", "POST", "", `{"access_token":"at","state":"needs_reauthorization"}`, 201, "state", "needs_reauthorization"},
		{"access and expiry", "", "POST", "", `{"access_token":"at","expires_at":"2099-01-01T00:00:00.000Z"}`, 422, "code", "unprocessable_entity"},
		{"expiry only", "", "POST", "", `{"expires_at":"2099-01-01T00:00:00.000Z"}`, 422, "code", "unprocessable_entity"},
		{"not a time", "", "POST", "", `{"access_token":"at","expires_at":"tomorrow"}`, 400, "code", "invalid_request"},
		{"another state", "", "POST", "", `{"state":"disconnected"}`, 400, "code", "invalid_request"},
		{"exists", `{"access_token":"at"}`, "POST", "", `{"access_token":"at2"}`, 409, "code", "conflict"},
		{"a further one of the same account", `{"access_token":"at"}`, "POST", "", `{"access_token":"at2","connection_intent":"add"}`, 409, "code", "conflict"},
		{"a further one", `{}`, "POST", "", `{"access_token":"at2","connection_intent":"add"}`, 201, "connection_role", "standard"},
		{"update", `{"access_token":"at"}`, "PUT", "?connection_intent=reauthorize", `{"access_token":"at2"}`, 200, "state", "connected"},
		{"update what needs its user", `{}`, "PUT", "", `{"access_token":"at2"}`, 200, "state", "connected"},
		{"update of the scopes", `{"access_token":"at"}`, "PUT", "", `{"scopes":["write"]}`, 200, "state", "connected"},
		{"update of nothing", "", "PUT", "", `{"access_token":"at"}`, 404, "code", "entity_not_found"},
		{"update by an unknown id", `{"access_token":"at"}`, "PUT", "?connected_account_id=none", `{"access_token":"at2"}`, 404, "code", "entity_not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			head := []string{"Content-Type", "application/json", "Authorization", "Bearer " + h.app(hub.NewApp{Kind: hub.AppServer})}
			if c.before != "" {
				if r := send(h.App(), "POST", path, c.before, head...); r.StatusCode != 201 {
					t.Fatalf("before: %d %v", r.StatusCode, decode(t, r))
				}
			}
			r := send(h.App(), c.method, path+c.query, c.body, head...)
			body := decode(t, r)
			if r.StatusCode != c.status || body[c.field] != c.want {
				t.Errorf("%d %v, want %d with %s %q", r.StatusCode, body, c.status, c.field, c.want)
			}
			if c.status < 300 {
				if got := decode(t, send(h.App(), "GET", path+"?supports_multiple_connections=true&connected_account_id="+body["id"].(string), "", head...)); got["id"] != body["id"] || got["state"] != body["state"] {
					t.Errorf("read back: %v", got)
				}
			}
		})
	}
}

// TestImportIsForServers: a program of the person at this machine has no
// business in putting tokens into the hub, nor a server whose key is limited to
// a connection.
func TestImportIsForServers(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Owner{User: "user_1"})
	for name, app := range map[string]hub.NewApp{
		"a local app with everything":     {All: true},
		"a local app with a grant":        {Grants: []hub.Grant{{Integration: "peer"}}},
		"a server of one connection":      {Kind: hub.AppServer, Grants: []hub.Grant{{Integration: "peer", Connection: id}}},
		"a server of another integration": {Kind: hub.AppServer, Grants: []hub.Grant{{Integration: "other"}}},
	} {
		key := h.app(app)
		for _, method := range []string{"POST", "PUT"} {
			r := send(h.App(), method, "/user_management/users/user_1/connected_accounts/peer", `{"access_token":"at"}`, "Content-Type", "application/json", "Authorization", "Bearer "+key)
			if body := decode(t, r); r.StatusCode != 403 || body["code"] != "forbidden" {
				t.Errorf("%s, %s: %d %v", name, method, r.StatusCode, body)
			}
		}
	}
	if len(h.denials) != 8 || h.denials[0].Action != hub.AuditImport {
		t.Errorf("audited %+v", h.denials)
	}
	key := h.app(hub.NewApp{Kind: hub.AppServer, Grants: []hub.Grant{{Integration: "peer"}}})
	if r := send(h.App(), "POST", "/user_management/users/user_2/connected_accounts/peer", `{"access_token":"at"}`, "Content-Type", "application/json", "Authorization", "Bearer "+key); r.StatusCode != 201 {
		t.Errorf("a server of the integration: %d %v", r.StatusCode, decode(t, r))
	}
	if r := send(h.App(), "POST", "/user_management/users/user_2/connected_accounts/none", `{"access_token":"at"}`, "Content-Type", "application/json", "Authorization", "Bearer "+key); r.StatusCode != 404 {
		t.Errorf("no integration: %d", r.StatusCode)
	}
}

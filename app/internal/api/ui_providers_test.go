// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

const acme = `{"slug":"acme","name":"Acme","authorize_url":"https://p.test/a","token_url":"https://p.test/t",` +
	`"scopes":[{"name":"read","title":"Read things"}],"identity":{"url":"https://p.test/me","subject":"id","picture":"avatar"},"picture_hosts":["images.p.test"]}`

func TestCustomProvider(t *testing.T) {
	h := newHouse(t)
	ask := func(method, path, body string, want int) string {
		t.Helper()
		r := send(h.Local(), method, "/ui/api"+path, body, "Content-Type", "application/json")
		b := text(t, r)
		if r.StatusCode != want {
			t.Errorf("%s %s: %d, want %d: %s", method, path, r.StatusCode, want, b)
		}
		return b
	}
	if b := ask("POST", "/provider-preview", acme, http.StatusOK); !strings.Contains(b, "code_challenge=CODE-CHALLENGE") || !strings.Contains(b, `"hosts":["p.test:443"]`) {
		t.Errorf("preview %s", b)
	}
	ask("GET", "/providers/acme", "", http.StatusNotFound)
	if b := ask("POST", "/providers", acme, http.StatusCreated); !strings.Contains(b, `"custom":true`) || !strings.Contains(b, `"state":"needs_setup"`) {
		t.Errorf("declared %s", b)
	}
	if b := ask("GET", "/providers/acme", "", http.StatusOK); !strings.Contains(b, `"title":"Read things"`) ||
		!strings.Contains(b, `"picture":"avatar"`) || !strings.Contains(b, `"picture_hosts":["images.p.test"]`) {
		t.Errorf("read back %s", b)
	}
	if b := ask("GET", "/accounts", "", http.StatusOK); !strings.Contains(b, `"name":"Acme"`) {
		t.Errorf("accounts %s", b)
	}
	ask("POST", "/providers", acme, http.StatusConflict)
	ask("PUT", "/providers/other", acme, http.StatusBadRequest)
	if b := ask("PUT", "/providers/acme", strings.Replace(acme, `"Acme"`, `"Acme 2"`, 1), http.StatusOK); !strings.Contains(b, "Acme 2") {
		t.Errorf("changed %s", b)
	}
	if b := ask("PUT", "/providers/acme", strings.Replace(acme, "https://p.test/t", "http://p.test/t", 1), http.StatusBadRequest); !strings.Contains(b, `"field":"token_url"`) {
		t.Errorf("wrong %s", b)
	}
	ask("DELETE", "/providers/peer", "", http.StatusNotFound) // a plugin's own

	// It stays as long as an account needs it.
	ask("PUT", "/integrations/acme", `{"credentials":"own","client_id":"id"}`, http.StatusOK)
	id := h.connectedTo("acme", hub.Me)
	if b := ask("DELETE", "/providers/acme", "", http.StatusConflict); !strings.Contains(b, "an account is still connected") {
		t.Errorf("removed %s", b)
	}
	ask("DELETE", "/connections/"+id, `{}`, http.StatusOK)
	ask("DELETE", "/providers/acme", "", http.StatusNoContent)
	ask("GET", "/integrations/acme", "", http.StatusNotFound)
}

func TestCheckIntegration(t *testing.T) {
	h := newHouse(t)
	check := func(body string) *http.Response {
		return send(h.Local(), "POST", "/ui/api/integrations/peer/check", body, "Content-Type", "application/json")
	}
	// Its provider gives a token for anything, which is told.
	b := text(t, check(`{"credentials":"own","client_id":"typed","client_secret":"a-long-enough-secret"}`))
	for _, want := range []string{`"ok":true`, `"step":"page","result":"ok"`, `"step":"token","result":"unclear"`} {
		if !strings.Contains(b, want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if b := text(t, check(`{"credentials":"own","client_id":"https://p.test","client_secret":"a-long-enough-secret"}`)); !strings.Contains(b, `"ok":false`) || strings.Contains(b, "a-long-enough-secret") {
		t.Errorf("a wrong id: %s", b)
	}
	if r := check(`{"credentials":"own","client_id":""}`); r.StatusCode != 400 || decode(t, r)["field"] != "client_id" {
		t.Errorf("no id: %d", r.StatusCode)
	}
}

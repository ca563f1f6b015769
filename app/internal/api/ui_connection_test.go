// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestConnectionDetail(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer", Connection: "data_installation_other"}}})
	r := send(h.Local(), "GET", "/ui/api/connections/"+id, "")
	body := text(t, r)
	if r.StatusCode != 200 || strings.Contains(body, "live-token") {
		t.Fatalf("%d %s", r.StatusCode, body)
	}
	got := decode(t, send(h.Local(), "GET", "/ui/api/connections/"+id, ""))
	if m, _ := got["metadata"].(map[string]any); m["instance_url"] != "https://i.test" {
		t.Errorf("metadata: %v", got["metadata"])
	}
	if apps, _ := got["apps"].([]any); len(apps) != 1 {
		t.Errorf("who may draw: %v", got["apps"])
	}
	if got["renewable"] != false || got["token_type"] != "Bearer" || got["state"] != "connected" {
		t.Errorf("detail: %v", got)
	}
}

func TestConnectionHistory(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	at := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	err := h.conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		return errors.Join(
			tx.Note(id, hub.Moment{Time: at, Cause: hub.CauseAhead}),
			tx.Note(id, hub.Moment{Time: at.Add(time.Hour), Cause: hub.CauseDraw, Code: hub.CodeNeedsReauthorization, Reason: hub.ReasonRevoked}))
	})
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, send(h.Local(), "GET", "/ui/api/connections/"+id, ""))
	want := []any{
		map[string]any{"time": "2026-11-27T10:00:00Z", "cause": "draw", "code": "needs_reauthorization", "reason": "revoked_by_user", "message": hub.ReasonRevoked.Cause()},
		map[string]any{"time": "2026-11-27T09:00:00Z", "cause": "ahead"},
	}
	if !reflect.DeepEqual(got["history"], want) {
		t.Errorf("history: %v", got["history"])
	}
}

// TestConnectionOfOthers: the page shows, renews and reveals what is of the
// person at this machine, and nothing of a product's users.
func TestConnectionOfOthers(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Owner{User: "user_1"})
	for _, call := range [][2]string{{"GET", ""}, {"GET", "/picture"}, {"POST", "/refresh"}, {"POST", "/reveal"}} {
		body := ""
		if call[0] == "POST" {
			body = "{}"
		}
		if r := send(h.Local(), call[0], "/ui/api/connections/"+id+call[1], body, "Content-Type", "application/json"); r.StatusCode != 404 {
			t.Errorf("%v: %d %s", call, r.StatusCode, text(t, r))
		}
	}
}

func TestPicture(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	path := "/ui/api/connections/" + id + "/picture"
	if r := send(h.Local(), "GET", path, ""); r.StatusCode != 404 {
		t.Errorf("before there is one: %d %s", r.StatusCode, text(t, r))
	}
	if err := h.conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		conn, err := tx.Connection(id)
		if err != nil {
			return err
		}
		return tx.PutPicture(id, conn.Account, []byte("a png"))
	}); err != nil {
		t.Fatal(err)
	}
	if got := decode(t, send(h.Local(), "GET", path, "")); got["png"] != "YSBwbmc=" {
		t.Errorf("the picture: %v", got)
	}
	named := decode(t, send(h.Local(), "GET", "/ui/api/connections/"+id, ""))["picture"]
	if name, _ := named.(string); len(name) != 16 {
		t.Errorf("the connection names its picture %v", named)
	}
	if r := send(h.UI(), "GET", path, "", "Host", uiHost); r.StatusCode != 401 {
		t.Errorf("without a session: %d", r.StatusCode)
	}
	if r := send(h.App(), "GET", path, ""); r.StatusCode != 401 && r.StatusCode != 404 {
		t.Errorf("the app API answers %d", r.StatusCode)
	}
}

func TestReveal(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	got := decode(t, send(h.Local(), "POST", "/ui/api/connections/"+id+"/reveal", "{}", "Content-Type", "application/json"))
	if got["access_token"] != "live-token" || got["clear_after"] != float64(30) {
		t.Errorf("revealed: %v", got)
	}
	// The provider of the house is down for refreshes, and gave no refresh token.
	r := send(h.Local(), "POST", "/ui/api/connections/"+id+"/refresh", "{}", "Content-Type", "application/json")
	if r.StatusCode < 400 {
		t.Errorf("renewed nevertheless: %d", r.StatusCode)
	}
}

func TestDiagnosticsNameNobody(t *testing.T) {
	h := newHouse(t)
	id := h.connected(hub.Me)
	report, _ := decode(t, send(h.Local(), "GET", "/ui/api/diagnostics", ""))["text"].(string)
	if !strings.Contains(report, "peer (peer): ready") || !strings.Contains(report, "1 connected") {
		t.Errorf("the report: %s", report)
	}
	for _, secret := range []string{"live-token", "onerror", id, "i.test"} {
		if strings.Contains(report, secret) {
			t.Errorf("the report names %q:\n%s", secret, report)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestActivity(t *testing.T) {
	h := newHouse(t)
	conn := h.connected(hub.Me)
	h.app(hub.NewApp{})
	apps, err := h.access.List(t.Context())
	if err != nil || len(apps) != 1 {
		t.Fatal(apps, err)
	}
	app := apps[0].ID
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 5 {
		e := hub.AuditEntry{
			Time: base.Add(time.Duration(i) * time.Minute), Action: hub.AuditVend, Decision: hub.AuditAllowed, App: app, Connection: conn,
			Latency: 1500 * time.Nanosecond, Scope: "read", Peer: hub.Peer{UID: 1000, PID: 7, Exe: "/bin/x"},
		}
		if i == 3 {
			e = hub.AuditEntry{Time: e.Time, Action: hub.AuditVend, Decision: hub.AuditDenied, App: "app_gone", Subject: "peer", Code: hub.CodeConsentRequired}
		}
		if err := h.activity.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	get := func(query string) (out contract.Activity) {
		t.Helper()
		r := send(h.Local(), "GET", "/ui/api/activity"+query, "")
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d: %s", query, r.StatusCode, text(t, r))
		}
		if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	all := get("")
	if len(all.Entries) != 5 || all.Next != 0 {
		t.Fatalf("got %+v", all)
	}
	newest := all.Entries[0]
	if newest.Seq != 6 || newest.AppName != "tester" || newest.Integration != "peer" || newest.Account == "" || newest.LatencyUS != 1 ||
		newest.Scope != "read" || newest.Peer == nil || newest.Peer.PID != 7 {
		t.Errorf("the newest is %+v", newest)
	}
	if denied := all.Entries[1]; denied.AppName != "" || denied.Code != hub.CodeConsentRequired || denied.Peer != nil {
		t.Errorf("the denial is %+v", denied)
	}
	page := get("?limit=2")
	if len(page.Entries) != 2 || page.Next == 0 {
		t.Fatalf("got %+v", page)
	}
	if page = get(fmt.Sprintf("?limit=9&before=%d", page.Next)); len(page.Entries) != 3 || page.Next != 0 {
		t.Errorf("got %+v", page)
	}
	for query, want := range map[string]int{
		"?app=" + app: 4, "?decision=denied": 1, "?connection=" + conn: 4, "?action=app.add": 0,
		"?since=2026-01-02T03:06:05Z": 3, "?until=2026-01-02T03:06:05Z": 2, "?app=app_gone&decision=allowed": 0,
	} {
		if got := len(get(query).Entries); got != want {
			t.Errorf("%s: %d entries, want %d", query, got, want)
		}
	}
	for _, query := range []string{"?decision=perhaps", "?since=yesterday", "?limit=-1", "?limit=100000", "/export?since=yesterday"} {
		if r := send(h.Local(), "GET", "/ui/api/activity"+query, ""); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", query, r.StatusCode)
		}
	}

	r := send(h.Local(), "GET", "/ui/api/activity/export?decision=allowed", "")
	lines := strings.Split(strings.TrimSuffix(text(t, r), "\n"), "\n")
	var oldest contract.ActivityEntry
	if err := json.Unmarshal([]byte(lines[0]), &oldest); err != nil || len(lines) != 4 || oldest.Seq != 2 || !oldest.Time.Equal(base) {
		t.Errorf("the export is %q", lines)
	}
	if got := r.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("type %s", got)
	}
	check := decode(t, send(h.Local(), "GET", "/ui/api/activity/check", ""))
	if check["ok"] != true || check["entries"] != 5.0 {
		t.Errorf("check says %v", check)
	}
}

// TestActivityNamesAppsThatAreGone: the audit says what a removed app was called,
// in every line that it has, and also of one that is removed later.
func TestActivityNamesAppsThatAreGone(t *testing.T) {
	h := newHouse(t)
	record := func(e hub.AuditEntry) {
		t.Helper()
		e.Decision = hub.AuditAllowed
		if err := h.activity.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, app := range []string{"app_a", "app_b", "app_c"} { // of the last one nothing tells
		record(hub.AuditEntry{Action: hub.AuditVend, App: app})
		if app != "app_c" {
			record(hub.AuditEntry{Action: hub.AuditAppRemove, App: "user", Subject: app, Name: "Tool " + app})
		}
	}
	told := func() (out string) {
		t.Helper()
		for line := range strings.Lines(text(t, send(h.Local(), "GET", "/ui/api/activity/export", ""))) {
			var e contract.ActivityEntry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			out += e.AppName + "/" + e.SubjectName + " "
		}
		return out
	}
	want := "Tool app_a/ You/Tool app_a Tool app_b/ You/Tool app_b / "
	if got := told(); got != want {
		t.Errorf("the export tells %q, want %q", got, want)
	}
	record(hub.AuditEntry{Action: hub.AuditAppRemove, App: "user", Subject: "app_d", Name: "Later"})
	if got := told(); got != want+"You/Later " {
		t.Errorf("after another removal it tells %q", got)
	}
	page := text(t, send(h.Local(), "GET", "/ui/api/activity?app=app_a", ""))
	if !strings.Contains(page, `"app_name":"Tool app_a"`) {
		t.Errorf("the page gets %s", page)
	}
}

// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestOneWindow(t *testing.T) {
	dir, err := os.MkdirTemp("", "w") // a short path: it is a socket's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	first, err := claim(dir, wish{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []wish{{Show: true}, {Link: "standpipe://show"}, {Quit: true}} {
		if _, err := claim(dir, w); !errors.Is(err, errElsewhere) {
			t.Fatalf("a second window: %v", err)
		}
		if got := <-first.wishes; got != w {
			t.Errorf("it was told %+v, want %+v", got, w)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := claim(dir, wish{}) // the socket of the first is still there
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestStateIsRemembered(t *testing.T) {
	dir := t.TempDir()
	s := openState(dir)
	if got := s.get(); !got.Background || !got.Notify || got.Width != 0 {
		t.Errorf("at first: %+v", got)
	}
	if err := s.change(func(s *state) { s.Width, s.Height, s.X, s.Background = 900, 700, 40, false }); err != nil {
		t.Fatal(err)
	}
	if got := openState(dir).get(); got != s.get() || got.Background {
		t.Errorf("at the next start: %+v", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "window.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v %v", info, err)
	}
	for _, bad := range []string{`{`, `{"width":5,"height":5}`, `{"width":900,"height":700,"x":999999}`} {
		if err := os.WriteFile(filepath.Join(dir, "window.json"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := openState(dir).get(); got.Width != 0 || !got.Background {
			t.Errorf("of %s: %+v", bad, got)
		}
	}
}

func TestAutostart(t *testing.T) {
	a := autostart{filepath.Join(t.TempDir(), "autostart", "standpipe.desktop")}
	if a.on() {
		t.Error("on without an entry")
	}
	if err := a.set(true, []string{`/opt/my $programs/100% "x"\y`, "--background"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(a.path)
	if err != nil || !strings.Contains(string(b), `Exec="/opt/my \\$programs/100%% \\"x\\"\\\\y" --background`+"\n") {
		t.Errorf("%v\n%s", err, b)
	}
	if !a.on() {
		t.Error("off")
	}
	off := strings.Replace(string(b), "enabled=true", "enabled=false", 1)
	if err := os.WriteFile(a.path, []byte(off), 0o644); err != nil {
		t.Fatal(err)
	}
	if a.on() {
		t.Error("on, although the desktop switched it off")
	}
	if err := a.set(false, nil); err != nil {
		t.Fatal(err)
	}
	if err := a.set(false, nil); err != nil || a.on() {
		t.Errorf("removed twice: %v", err)
	}
}

func TestLinks(t *testing.T) {
	good := map[string]link{
		"standpipe://show": {},
		"standpipe://account/data_installation_01ABC":      {account: "data_installation_01ABC"},
		"standpipe://callback/github?code=a%2Bb&state=s1":  {callback: "/callback/github?code=a%2Bb&state=s1"},
		"standpipe://callback/github/work?state=s&error=x": {callback: "/callback/github/work?state=s&error=x"},
	}
	for text, want := range good {
		if got, err := parseLink(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{
		"", "https://show", "standpipe://", "standpipe://quit", "standpipe://account/", "standpipe://account/x';alert(1)//",
		"standpipe://account/data_installation_a%22", "standpipe://callback/github?code=only", "standpipe://u@callback/github?state=s",
		"standpipe://callback/github?state=s#f", "standpipe://show?" + strings.Repeat("x", maxLink),
	} {
		if got, err := parseLink(bad); err == nil {
			t.Errorf("%.60s: %+v", bad, got)
		}
	}
}

func TestDeliver(t *testing.T) {
	pending := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !pending || r.URL.Path != "/callback/github" || r.URL.Query().Get("state") != "s" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		pending = false
		w.Header().Set("Location", "/connected/x")
		w.WriteHeader(http.StatusSeeOther)
	}))
	defer srv.Close()
	for n, want := range []bool{true, false} {
		if err := deliver(t.Context(), srv.URL, "/callback/github?state=s&code=secret-code"); (err == nil) != want {
			t.Errorf("delivery %d: %v", n+1, err)
		}
	}
	srv.Close()
	if err := deliver(t.Context(), srv.URL, "/callback/github?state=s&code=secret-code"); err == nil || strings.Contains(err.Error(), "secret-code") {
		t.Errorf("the error: %v", err)
	}
}

// quiet is a hub with one account in trouble and one question.
type quiet struct{}

func (quiet) Accounts(context.Context) (contract.Accounts, error) {
	return contract.Accounts{
		Integrations: []contract.Integration{{Slug: "github", Name: "GitHub"}},
		Connections:  []contract.Connection{{ID: "c1", Integration: "github", Account: contract.Account{Label: "<b>octocat</b>"}, Remedy: "Reauthorize."}},
	}, nil
}
func (quiet) Approvals(context.Context) (contract.Approvals, error) {
	return contract.Approvals{Approvals: []contract.Approval{{ID: "a1", AppName: "editor", IntegrationName: "GitHub"}}}, nil
}
func (quiet) Pairings(context.Context) (contract.Pairings, error) {
	return contract.Pairings{Pairings: []contract.Pairing{{Code: "AB-12", Name: "agent"}, {Code: "old", Approved: true}}}, nil
}

func TestToldOnce(t *testing.T) {
	w := newWatcher(quiet{}, time.Now())
	after := func(e hub.Event) []notice { return w.after(t.Context(), e) }
	trouble := hub.Event{Type: hub.EventNeedsReauthorization, Connection: "c1"}
	got := after(trouble)
	if len(got) != 1 || got[0] != (notice{"GitHub needs you", "<b>octocat</b>: Reauthorize.", "#/?account=c1"}) {
		t.Errorf("told: %+v", got)
	}
	if markup(got[0].body) != "&lt;b&gt;octocat&lt;/b&gt;: Reauthorize." {
		t.Errorf("markup: %s", markup(got[0].body))
	}
	if again := after(trouble); len(again) != 0 {
		t.Errorf("told twice: %+v", again)
	}
	after(hub.Event{Type: hub.EventConnected, Connection: "c1"})
	if anew := after(trouble); len(anew) != 1 {
		t.Errorf("in trouble anew: %+v", anew)
	}

	// A further token is told of by itself, once until the account is connected anew.
	token := hub.Event{Type: hub.EventHealth, Connection: "c1", Detail: "user", Reason: hub.ReasonRevoked}
	if got := after(token); len(got) != 1 || got[0] != (notice{
		"GitHub needs you", `<b>octocat</b>: its token “user” cannot be renewed any more. Reauthorize to bring it back; the rest goes on.`, "#/connections/c1",
	}) {
		t.Errorf("a further token: %+v", got)
	}
	other := token
	other.Detail = "admin"
	for e, want := range map[*hub.Event]int{&token: 0, &other: 1, {Type: hub.EventHealth, Connection: "c1", Detail: "rate_limited"}: 0} {
		if got := after(*e); len(got) != want {
			t.Errorf("%+v: %+v", *e, got)
		}
	}
	after(hub.Event{Type: hub.EventConnected, Connection: "c1"})
	if got := after(token); len(got) != 1 {
		t.Errorf("a further token, in trouble anew: %+v", got)
	}
	for _, typ := range []hub.EventType{hub.EventApproval, hub.EventPairing} {
		if got := after(hub.Event{Type: typ}); len(got) != 1 {
			t.Errorf("%s: %+v", typ, got)
		}
		if got := after(hub.Event{Type: typ}); len(got) != 0 {
			t.Errorf("%s, again: %+v", typ, got)
		}
	}
}

// accounts is a hub with these connections, where nobody asks for anything.
type accounts []contract.Connection

func (a accounts) Accounts(context.Context) (contract.Accounts, error) {
	return contract.Accounts{Connections: a}, nil
}
func (accounts) Approvals(context.Context) (contract.Approvals, error) {
	return contract.Approvals{}, nil
}
func (accounts) Pairings(context.Context) (contract.Pairings, error) {
	return contract.Pairings{}, nil
}

// TestToldOfWhatWasMissed: where events were lost, the user is told of each account
// that came to need them meanwhile, once, and of none that did before.
func TestToldOfWhatWasMissed(t *testing.T) {
	began := time.Now()
	account := func(id string, state hub.State, updated time.Time) contract.Connection {
		return contract.Connection{ID: id, Integration: "github", State: state, UpdatedAt: updated}
	}
	all := accounts{
		account("before", hub.StateNeedsReauthorization, began.Add(-time.Hour)),
		account("well", hub.StateConnected, began.Add(time.Minute)),
		account("heard", hub.StateNeedsReauthorization, began.Add(time.Minute)),
		account("missed", hub.StateNeedsReauthorization, began.Add(time.Minute)),
	}
	w := newWatcher(all, began)
	after := func(e hub.Event) (routes []string) {
		for _, n := range w.after(t.Context(), e) {
			routes = append(routes, n.route)
		}
		return routes
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: it tells of %v, want %v", what, got, want)
		}
	}
	needs := func(id string) hub.Event {
		return hub.Event{Type: hub.EventNeedsReauthorization, Connection: id}
	}
	want("an event", after(needs("heard")), "#/?account=heard")
	want("a gap", after(hub.Event{Type: hub.EventResync}), "#/?account=missed")
	want("another gap", after(hub.Event{Type: hub.EventResync}))
	want("the event comes after all", after(needs("missed")))
	all[3].State = hub.StateConnected
	want("it was reauthorized in a gap", after(hub.Event{Type: hub.EventResync}))
	all[3].State = hub.StateNeedsReauthorization
	want("it needs the user again", after(needs("missed")), "#/?account=missed")
}

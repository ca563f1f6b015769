// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/access"
	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// desk is an Access on the clock of a synctest bubble, with one app.
type desk struct {
	*access.Access
	t     *testing.T
	audit *safeAuditor
	store hub.Store
	app   *hub.App
}

type safeAuditor struct {
	mu sync.Mutex
	auditor
}

func (a *safeAuditor) Record(ctx context.Context, e hub.AuditEntry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.auditor.Record(ctx, e)
}

func (a *safeAuditor) answers() (out []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.entries {
		if e.Action == hub.AuditApproval {
			out = append(out, string(e.Decision))
		}
	}
	return out
}

func newDesk(t *testing.T, policies ...hub.Policy) *desk {
	t.Helper()
	d := &desk{t: t, audit: &safeAuditor{}, store: memstore.New()}
	var mu sync.Mutex
	n := 0
	a, err := access.New(t.Context(), access.Config{
		Store: d.store, Publisher: events.New(), Auditor: d.audit, Now: time.Now, Policies: policies,
		NewID: func(prefix string) string { mu.Lock(); defer mu.Unlock(); n++; return fmt.Sprintf("%s_%d", prefix, n) },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Access = a
	d.app, _, err = a.Add(t.Context(), hub.NewApp{Name: "editor"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func account(id string, scopes ...string) *hub.Connection {
	return &hub.Connection{ID: id, Owner: hub.Me, Integration: "github", State: hub.StateConnected, Scopes: scopes, Account: hub.Account{Login: "login-" + id}}
}

func (d *desk) request(conns ...*hub.Connection) hub.DrawRequest {
	return hub.DrawRequest{SelectRequest: hub.SelectRequest{App: d.app, Owner: hub.Me, Integration: "github", Connections: conns}}
}

// asks expects a question to be raised by a draw, and returns it.
func (d *desk) asks(req hub.DrawRequest) hub.Approval {
	d.t.Helper()
	_, err := d.Draw(d.t.Context(), &req)
	e := hub.AsError(err)
	if e == nil || e.Code != hub.CodeConsentRequired || e.Approval == "" || e.Remedy == "" {
		d.t.Fatalf("a draw that was not granted: %v", err)
	}
	for _, q := range d.Approvals(d.t.Context()) {
		if q.ID == e.Approval {
			return q
		}
	}
	d.t.Fatalf("the question %s does not wait", e.Approval)
	return hub.Approval{}
}

func (d *desk) refused(req hub.DrawRequest, code hub.Code) *hub.Error {
	d.t.Helper()
	_, err := d.Draw(d.t.Context(), &req)
	e := hub.AsError(err)
	if e == nil || e.Code != code || e.Approval != "" {
		d.t.Errorf("got %v, want %s without a question", err, code)
	}
	return e
}

func (d *desk) draws(req hub.DrawRequest) hub.Selection {
	d.t.Helper()
	sel, err := d.Draw(d.t.Context(), &req)
	if err != nil {
		d.t.Fatal(err)
	}
	return sel
}

func (d *desk) approve(id string, yes hub.Approve) *hub.Grant {
	d.t.Helper()
	g, err := d.Approve(d.t.Context(), id, yes)
	if err != nil {
		d.t.Fatal(err)
	}
	return g
}

func TestHundredDrawsRaiseOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		req := d.request(account("a"))
		req.Wait = 30 * time.Second
		var wg sync.WaitGroup
		var mu sync.Mutex
		drawn := 0
		for range 100 {
			wg.Go(func() {
				sel, err := d.Draw(t.Context(), &req)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && sel.Connection.ID == "a" {
					drawn++
				}
			})
		}
		synctest.Wait()
		waiting := d.Approvals(t.Context())
		if len(waiting) != 1 {
			t.Fatalf("%d questions", len(waiting))
		}
		q := waiting[0]
		if q.App != d.app.ID || q.AppName != "editor" || q.Connection != "a" || q.ExpiresAt.Sub(q.CreatedAt) != 2*time.Minute {
			t.Errorf("the question is %+v", q)
		}
		d.approve(q.ID, hub.Approve{Lasts: hub.LastsAlways})
		wg.Wait()
		if drawn != 100 {
			t.Errorf("%d of 100 that waited were let through", drawn)
		}
		if len(d.Approvals(t.Context())) != 0 {
			t.Error("the question waits on")
		}
		if _, err := d.Approve(t.Context(), q.ID, hub.Approve{}); hub.AsError(err).Code != hub.CodeNotFound {
			t.Errorf("answered again: %v", err)
		}
	})
}

func TestHowLongItIsAllowed(t *testing.T) {
	for _, c := range []struct {
		yes   hub.Approve
		after time.Duration // it holds until then
		times int           // and so often; 0: any
		lock  bool          // a lock ends it
	}{
		{hub.Approve{}, 0, 1, true},
		{hub.Approve{Lasts: hub.LastsOnce}, 0, 1, true},
		{hub.Approve{Lasts: hub.LastsUntil, For: 10 * time.Minute}, 10 * time.Minute, 0, false},
		{hub.Approve{Lasts: hub.LastsUntilLock}, 0, 0, true},
		{hub.Approve{Lasts: hub.LastsAlways}, 0, 0, false},
	} {
		t.Run(string(c.yes.Lasts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				req := d.request(account("a"))
				g := d.approve(d.asks(req).ID, c.yes)
				if sel := d.draws(req); sel.Rule != g.ID {
					t.Errorf("the rule is %q, want %q", sel.Rule, g.ID)
				}
				if c.times == 1 {
					d.asks(req)
					return
				}
				d.draws(req)
				if c.after > 0 {
					time.Sleep(c.after - time.Second)
					d.draws(req)
					time.Sleep(time.Second)
					d.asks(req)
					return
				}
				time.Sleep(100 * 24 * time.Hour)
				d.draws(req)
				d.Locked()
				if c.lock {
					d.asks(req)
				} else {
					d.draws(req)
				}
			})
		})
	}
}

func TestSilenceIsANo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		req := d.request(account("a"))
		req.Wait = time.Hour // more than anybody waits
		begin := time.Now()
		d.asks(req)
		if waited := time.Since(begin); waited != 30*time.Second {
			t.Errorf("the caller waited %v", waited)
		}
		req.Wait = 0
		time.Sleep(2*time.Minute - 30*time.Second)
		synctest.Wait()
		if n := len(d.Approvals(t.Context())); n != 0 {
			t.Errorf("%d questions are left", n)
		}
		if e := d.refused(req, hub.CodeConsentRequired); e.Wait() <= 0 || e.Wait() > time.Minute {
			t.Errorf("wait %v", e.Wait())
		}
		time.Sleep(time.Minute)
		d.asks(req)
		if got := d.audit.answers(); !slices.Equal(got, []string{"denied"}) {
			t.Errorf("audited %v", got)
		}
	})
}

func TestNoCoolsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		a, b := d.request(account("a")), d.request(account("b"))
		waiting := a
		waiting.Wait = 30 * time.Second
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { _, err = d.Draw(t.Context(), &waiting) })
		synctest.Wait()
		q := d.Approvals(t.Context())[0]
		if err := d.Deny(t.Context(), q.ID); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if e := hub.AsError(err); e == nil || e.Code != hub.CodeConsentRequired || e.Approval != "" {
			t.Errorf("who waited got %v", err)
		}
		d.refused(a, hub.CodeConsentRequired)
		d.asks(b) // another account is another question
		time.Sleep(time.Minute)
		d.asks(a)
	})
}

func TestQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		raised := 0
		for app := range 20 {
			other, _, err := d.Add(t.Context(), hub.NewApp{Name: fmt.Sprint("app", app)})
			if err != nil {
				t.Fatal(err)
			}
			for conn := range 10 {
				req := d.request(account(fmt.Sprint(conn)))
				req.App = other
				_, err := d.Draw(t.Context(), &req)
				switch e := hub.AsError(err); e.Code {
				case hub.CodeConsentRequired:
					raised++
				case hub.CodeTooManyRequests:
				default:
					t.Fatal(err)
				}
			}
			if app == 0 && raised != 4 {
				t.Errorf("one app raised %d questions", raised)
			}
		}
		if raised != 32 || len(d.Approvals(t.Context())) != 32 {
			t.Errorf("%d questions", raised)
		}
		d.Locked()
		if n := len(d.Approvals(t.Context())); n != 0 {
			t.Errorf("%d questions wait behind the lock", n)
		}
		d.asks(d.request(account("a"))) // a lock is no no
	})
}

func TestWhichAccountIsNotGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		req := d.request(account("a"), account("b"))
		q := d.asks(req)
		if q.Connection != "" || len(q.Choices) != 2 {
			t.Fatalf("the question is %+v", q)
		}
		_, err := d.Approve(t.Context(), q.ID, hub.Approve{Lasts: hub.LastsAlways})
		if e := hub.AsError(err); e.Code != hub.CodeAccountSelection || len(e.Choices) != 2 {
			t.Errorf("approved without a choice: %v", err)
		}
		if _, err := d.Approve(t.Context(), q.ID, hub.Approve{Lasts: hub.LastsAlways, Connection: "c"}); hub.AsError(err).Code != hub.CodeInvalid {
			t.Errorf("approved another account: %v", err)
		}
		d.approve(q.ID, hub.Approve{Lasts: hub.LastsAlways, Connection: "b"})
		if sel := d.draws(req); sel.Connection.ID != "b" {
			t.Errorf("drew from %s", sel.Connection.ID)
		}
		req.Connection = "nobody-has-this"
		d.refused(req, hub.CodeNotFound)

		// Nothing connected yet: the yes is for what will be.
		fresh := newDesk(t)
		fresh.approve(fresh.asks(fresh.request()).ID, hub.Approve{Lasts: hub.LastsAlways})
		fresh.refused(fresh.request(), hub.CodeNotInstalled)
		fresh.draws(fresh.request(account("a")))

		named := newDesk(t).request(account("a"))
		named.Connection = "made-up"
		newDesk(t).refused(named, hub.CodeConsentRequired)
	})
}

// TestScopes is the table of what becomes of scopes.
func TestScopes(t *testing.T) {
	for _, c := range []struct {
		name    string
		grant   hub.Grant
		has     []string // the connection
		asks    []string // the app
		narrows bool     // the provider
		want    []string // what the token is narrowed to
		asked   bool     // the user is asked
		wider   []string // and told that the token would hold this beyond
	}{
		{name: "no ceiling, nothing asked", has: []string{"r", "w"}},
		{name: "no ceiling, fewer asked, the provider narrows", has: []string{"r", "w"}, asks: []string{"r"}, narrows: true, want: []string{"r"}},
		{name: "no ceiling, fewer asked, it does not", has: []string{"r", "w"}, asks: []string{"r"}},
		{name: "ceiling, the provider narrows", grant: hub.Grant{Scopes: []string{"r"}}, has: []string{"r", "w"}, narrows: true, want: []string{"r"}},
		{name: "ceiling, it does not", grant: hub.Grant{Scopes: []string{"r"}}, has: []string{"r", "w"}, asked: true, wider: []string{"w"}},
		{name: "ceiling, it does not, wider accepted", grant: hub.Grant{Scopes: []string{"r"}, AcceptWider: true}, has: []string{"r", "w"}},
		{name: "ceiling as wide as the connection", grant: hub.Grant{Scopes: []string{"r", "w"}}, has: []string{"r", "w"}},
		{name: "ceiling wider than the connection", grant: hub.Grant{Scopes: []string{"r", "w", "x"}}, has: []string{"r", "w"}, narrows: true},
		{name: "asks for more than the ceiling", grant: hub.Grant{Scopes: []string{"r"}}, has: []string{"r", "w"}, asks: []string{"w"}, narrows: true, asked: true},
		{name: "the connection got more since", grant: hub.Grant{Scopes: []string{"r"}}, has: []string{"r", "admin"}, asked: true, wider: []string{"admin"}},
		{name: "nobody knows what the connection has, narrows", grant: hub.Grant{Scopes: []string{"r"}}, narrows: true, want: []string{"r"}},
		{name: "nobody knows what the connection has", grant: hub.Grant{Scopes: []string{"r"}}, asked: true},
		{name: "asks in part for what the connection lacks", has: []string{"r", "w"}, asks: []string{"r", "x"}, narrows: true, want: []string{"r"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				c.grant.Integration = "github"
				if _, err := d.Grant(t.Context(), d.app.ID, c.grant); err != nil {
					t.Fatal(err)
				}
				req := d.request(account("a", c.has...))
				req.Scopes, req.Narrows = c.asks, c.narrows
				if c.asked {
					if q := d.asks(req); !slices.Equal(q.Wider, c.wider) {
						t.Errorf("wider %v, want %v", q.Wider, c.wider)
					}
					return
				}
				if sel := d.draws(req); !slices.Equal(sel.Scopes, c.want) {
					t.Errorf("narrowed to %v, want %v", sel.Scopes, c.want)
				}
			})
		})
	}
}

// TestAudience is the table of what a token has to be for.
func TestAudience(t *testing.T) {
	x, y := hub.Grant{Audience: "https://x"}, hub.Grant{Audience: "https://y"}
	for _, c := range []struct {
		name   string
		grants []hub.Grant
		asks   string
		cannot bool // the provider issues none
		want   string
		code   hub.Code // of a refusal
		asked  bool     // the user is asked
	}{
		{name: "granted, not named", grants: []hub.Grant{x}, want: "https://x"},
		{name: "granted and named", grants: []hub.Grant{x}, asks: "https://x", want: "https://x"},
		{name: "another is granted", grants: []hub.Grant{x}, asks: "https://y", asked: true},
		{name: "both granted, one named", grants: []hub.Grant{x, y}, asks: "https://y", want: "https://y"},
		{name: "both granted, none named", grants: []hub.Grant{x, y}, code: hub.CodeInvalid},
		{name: "one, and all", grants: []hub.Grant{x, {}}},
		{name: "all, one named", grants: []hub.Grant{{}}, asks: "https://y", want: "https://y"},
		{name: "the provider issues none", grants: []hub.Grant{x}, cannot: true, code: hub.CodeInvalid},
		{name: "nor on request", grants: []hub.Grant{{}}, asks: "https://y", cannot: true, code: hub.CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				for _, g := range c.grants {
					g.Integration = "github"
					if _, err := d.Grant(t.Context(), d.app.ID, g); err != nil {
						t.Fatal(err)
					}
				}
				req := d.request(account("a"))
				req.Audience, req.NarrowsAudience = c.asks, !c.cannot
				switch {
				case c.asked:
					q := d.asks(req)
					if q.Audience != c.asks {
						t.Errorf("the question is about %q", q.Audience)
					}
					d.approve(q.ID, hub.Approve{Lasts: hub.LastsAlways})
					if sel := d.draws(req); sel.Audience != c.asks {
						t.Errorf("after a yes for %q", sel.Audience)
					}
				case c.code != "":
					d.refused(req, c.code)
				default:
					if sel := d.draws(req); sel.Audience != c.want {
						t.Errorf("for %q, want %q", sel.Audience, c.want)
					}
				}
			})
		})
	}
	d := newDesk(t)
	for _, bad := range []string{"x", "/x", "https://x#y", "https://x y", "https:", strings.Repeat("https://x/", 60)} {
		if _, err := d.Grant(t.Context(), d.app.ID, hub.Grant{Integration: "github", Audience: bad}); hub.AsError(err).Code != hub.CodeInvalid {
			t.Errorf("a grant for %.20q: %v", bad, err)
		}
	}
}

func TestAnswerWithScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		req := d.request(account("a", "r", "w"))
		id := d.asks(req).ID
		_, err := d.Approve(t.Context(), id, hub.Approve{Lasts: hub.LastsAlways, Scopes: []string{"r"}})
		if e := hub.AsError(err); e.Code != hub.CodeInvalid || e.Field != "accept_wider" {
			t.Errorf("a ceiling that the provider cannot keep: %v", err)
		}
		g := d.approve(id, hub.Approve{Lasts: hub.LastsAlways})
		if !slices.Equal(g.Scopes, []string{"r", "w"}) {
			t.Errorf("the ceiling is %v: what the account gets later was granted too", g.Scopes)
		}
		d.asks(d.request(account("a", "r", "w", "admin")))

		d = newDesk(t)
		req.App, req.Scopes, req.Narrows = d.app, []string{"r", "w"}, true
		id = d.asks(req).ID
		if _, err := d.Approve(t.Context(), id, hub.Approve{Scopes: []string{"r", "x"}}); hub.AsError(err).Field != "scopes" {
			t.Errorf("more than was asked for: %v", err)
		}
		d.approve(id, hub.Approve{Lasts: hub.LastsAlways, Scopes: []string{"r"}})
		d.refused(req, hub.CodeConsentRequired) // and is not asked again at once
		req.Scopes = nil
		if sel := d.draws(req); !slices.Equal(sel.Scopes, []string{"r"}) {
			t.Errorf("narrowed to %v", sel.Scopes)
		}
	})
}

func TestOnceIsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		req := d.request(account("a"))
		d.approve(d.asks(req).ID, hub.Approve{Lasts: hub.LastsOnce})
		var wg sync.WaitGroup
		var mu sync.Mutex
		var got []hub.Selection
		for range 20 {
			wg.Go(func() {
				if sel, err := d.Draw(t.Context(), &req); err == nil {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, sel)
				}
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("one token was allowed, %d were drawn", len(got))
		}
		d.GiveBack(d.app.ID, got[0]) // there was no token after all
		d.draws(req)
		d.asks(req)
	})
}

func TestPolicies(t *testing.T) {
	allow := hub.Policy{Name: "job", App: "editor", Integration: "github", Scopes: []string{"r"}, AcceptWider: true}
	deny := hub.Policy{Name: "never", App: "editor", Connection: "b", Deny: true}
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, allow, deny)
		if sel := d.draws(d.request(account("a", "r", "w"))); sel.Rule != "policy:job" {
			t.Errorf("the rule is %q", sel.Rule)
		}
		if _, err := d.Grant(t.Context(), d.app.ID, hub.Grant{Integration: "github", Connection: "b"}); err != nil {
			t.Fatal(err)
		}
		d.refused(d.request(account("b")), hub.CodeConsentRequired)
		if d.May(d.app, account("b")) || !d.May(d.app, account("a")) {
			t.Error("May and Draw do not agree")
		}
		if sel := d.draws(d.request(account("a"), account("b"))); sel.Connection.ID != "a" {
			t.Errorf("drew from %s", sel.Connection.ID)
		}
		other := d.request(account("a"))
		var err error
		other.App, _, err = d.Add(t.Context(), hub.NewApp{Name: "other"})
		if err != nil {
			t.Fatal(err)
		}
		d.asks(other)

		// A second app of that name: the policy means neither of them any more.
		if _, err := d.Rename(t.Context(), other.App.ID, "editor"); err != nil {
			t.Fatal(err)
		}
		d.asks(d.request(account("a")))
		byID := newDesk(t, hub.Policy{Name: "job", App: "app_1", Integration: "github"})
		if _, _, err := byID.Add(t.Context(), hub.NewApp{Name: "editor"}); err != nil {
			t.Fatal(err)
		}
		byID.draws(byID.request(account("a")))
	})
}

func TestRelayIsNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		if _, err := d.Grant(t.Context(), d.app.ID, hub.Grant{Integration: "github", Mode: hub.GrantRelay}); err != nil {
			t.Fatal(err)
		}
		d.asks(d.request(account("a")))
		if d.May(d.app, account("a")) {
			t.Error("who may use the relay may know of the account's token")
		}
		req := d.request(account("a"))
		req.Relay = true
		d.draws(req)

		// A yes to a call is for calls; a token that was granted may be used too.
		d = newDesk(t)
		req.App = d.app
		q := d.asks(req)
		if g := d.approve(q.ID, hub.Approve{Lasts: hub.LastsAlways}); !q.Relay || g.Mode != hub.GrantRelay {
			t.Errorf("asked for the relay, granted %q", g.Mode)
		}
		d.draws(req)
		token := d.request(account("a"))
		d.approve(d.asks(token).ID, hub.Approve{Lasts: hub.LastsAlways})
		d.draws(token)
		d.draws(req)
	})
}

func TestAnswerWithoutAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		req := d.request(account("a"))
		id := d.asks(req).ID
		d.audit.mu.Lock()
		d.audit.err = context.DeadlineExceeded
		d.audit.mu.Unlock()
		if _, err := d.Approve(t.Context(), id, hub.Approve{Lasts: hub.LastsAlways}); err == nil {
			t.Error("approved without an audit")
		}
		if err := d.Deny(t.Context(), id); err == nil {
			t.Error("denied without an audit")
		}
		if q := d.asks(req); q.ID != id {
			t.Error("the question did not wait on")
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestOwner(t *testing.T) {
	g := newGate(t)
	local, server := &hub.App{Kind: hub.AppLocal}, &hub.App{Kind: hub.AppServer}
	for _, c := range []struct {
		name               string
		app                *hub.App
		user, organization string
		shared             bool
		want               hub.Owner
		code               hub.Code
	}{
		{name: "local, nobody named", app: local, want: hub.Me},
		{name: "local, me", app: local, user: "me", want: hub.Me},
		{name: "local, another", app: local, user: "ada", code: hub.CodeForbidden},
		{name: "local, organization", app: local, organization: "acme", code: hub.CodeForbidden},
		{name: "local, shared", app: local, shared: true, code: hub.CodeForbidden},
		{name: "server, nobody named", app: server, code: hub.CodeInvalid},
		{name: "server, user", app: server, user: "ada", want: hub.Owner{User: "ada"}},
		{name: "server, me is just a name", app: server, user: "me", want: hub.Me},
		{name: "server, member", app: server, user: "ada", organization: "acme", want: hub.Owner{User: "ada", Organization: "acme"}},
		{name: "server, shared", app: server, user: "ada", organization: "acme", shared: true, want: hub.Owner{Organization: "acme", Shared: true}},
		{name: "server, shared by nobody", app: server, user: "ada", shared: true, code: hub.CodeInvalid},
		{name: "unknown kind", app: &hub.App{Kind: "x"}, user: "ada", code: hub.CodeForbidden},
	} {
		got, err := g.Owner(c.app, c.user, c.organization, c.shared)
		if c.code != "" {
			if e := hub.AsError(err); e == nil || e.Code != c.code {
				t.Errorf("%s: got %v, %v, want %s", c.name, got, err, c.code)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", c.name, got, err)
		}
	}
}

// TestNotInstalled: who is not the person at this machine cannot connect an
// account in the window.
func TestNotInstalled(t *testing.T) {
	g := newGate(t)
	for owner, want := range map[hub.Owner]string{hub.Me: "standpipe connect github", {User: "ada"}: "/data-integrations/github/authorize"} {
		_, err := g.Select(hub.SelectRequest{App: &hub.App{Kind: hub.AppServer, All: true}, Owner: owner, Integration: "github"})
		if e := hub.AsError(err); e.Code != hub.CodeNotInstalled || !strings.Contains(e.Remedy, want) {
			t.Errorf("%v: %+v", owner, e)
		}
	}
}

// TestRemedyNamesTheField: a call through the hub names its account in a header.
func TestRemedyNamesTheField(t *testing.T) {
	g := newGate(t)
	conns := []*hub.Connection{
		{ID: "a", Owner: hub.Me, Integration: "github", State: hub.StateConnected}, {ID: "b", Owner: hub.Me, Integration: "github", State: hub.StateConnected},
	}
	app := &hub.App{Kind: hub.AppLocal, All: true}
	for relay, want := range map[bool]string{false: "connected_account_id", true: "X-Relay-Connection"} {
		for named, code := range map[string]hub.Code{"": hub.CodeAccountSelection, "zz": hub.CodeNotFound} {
			_, err := g.Select(hub.SelectRequest{App: app, Owner: hub.Me, Integration: "github", Connection: named, Connections: conns, Relay: relay})
			if e := hub.AsError(err); e.Code != code || !strings.Contains(e.Remedy, want) {
				t.Errorf("%v, %q: %+v", relay, named, e)
			}
		}
	}
}

// TestSelect is the decision table of both kinds of keys.
func TestSelect(t *testing.T) {
	g := newGate(t)
	conn := func(id string, edit ...func(*hub.Connection)) *hub.Connection {
		c := &hub.Connection{ID: id, Owner: hub.Me, Integration: "github", State: hub.StateConnected, Account: hub.Account{Login: "login-" + id}}
		for _, f := range edit {
			f(c)
		}
		return c
	}
	compat := func(c *hub.Connection) { c.Compatibility = true }
	a, b := conn("a", compat), conn("b")
	broken := conn("broken", func(c *hub.Connection) { c.State = hub.StateNeedsReauthorization })
	ending := conn("ending", func(c *hub.Connection) { c.State = hub.StateDisconnected })
	slack := conn("slack", func(c *hub.Connection) { c.Integration = "slack" })
	hers := conn("hers", func(c *hub.Connection) { c.Owner = hub.Owner{User: "ada"} })

	any, onlyA, onlySlack, gone := hub.Grant{ID: "g-any", Integration: "github"}, hub.Grant{ID: "g-a", Integration: "github", Connection: "a"},
		hub.Grant{ID: "g-slack", Integration: "slack"}, hub.Grant{ID: "g-gone", Integration: "github", Connection: "gone"}

	for _, c := range []struct {
		name     string
		kind     hub.AppKind
		all      bool
		grants   []hub.Grant
		conns    []*hub.Connection
		named    string
		multiple bool
		want     string // id of the connection
		rule     string
		code     hub.Code
		choices  int
	}{
		{name: "default deny", conns: []*hub.Connection{a}, code: hub.CodeConsentRequired},
		{name: "default deny, nothing connected", code: hub.CodeConsentRequired},
		{name: "default deny, by name", conns: []*hub.Connection{a}, named: "a", code: hub.CodeConsentRequired},
		{name: "default deny, unknown name", named: "zz", code: hub.CodeConsentRequired},
		{name: "another integration's grant", grants: []hub.Grant{onlySlack}, conns: []*hub.Connection{a, slack}, code: hub.CodeConsentRequired},
		{name: "another owner's", all: true, conns: []*hub.Connection{hers}, code: hub.CodeNotInstalled},
		{name: "another integration's connection", all: true, conns: []*hub.Connection{slack}, code: hub.CodeNotInstalled},
		{name: "one, by integration", grants: []hub.Grant{any}, conns: []*hub.Connection{a}, want: "a", rule: "g-any"},
		{name: "one, by all", all: true, conns: []*hub.Connection{b}, want: "b", rule: "all"},
		{name: "the only one granted of two", grants: []hub.Grant{onlyA}, conns: []*hub.Connection{a, b}, want: "a", rule: "g-a"},
		{name: "the narrowest grant is named", grants: []hub.Grant{any, onlyA}, conns: []*hub.Connection{a}, want: "a", rule: "g-a"},
		{name: "two, no name", grants: []hub.Grant{any}, conns: []*hub.Connection{a, b}, code: hub.CodeAccountSelection, choices: 2},
		{name: "two, no name, multiple", grants: []hub.Grant{any}, conns: []*hub.Connection{a, b}, multiple: true, code: hub.CodeAccountSelection, choices: 2},
		{name: "two, one of them needs its user: still no guess", grants: []hub.Grant{any}, conns: []*hub.Connection{a, broken}, code: hub.CodeAccountSelection, choices: 2},
		{name: "two, named", grants: []hub.Grant{any}, conns: []*hub.Connection{a, b}, named: "b", want: "b", rule: "g-any"},
		{name: "named, not granted", grants: []hub.Grant{onlyA}, conns: []*hub.Connection{a, b}, named: "b", code: hub.CodeConsentRequired},
		{name: "named, unknown", grants: []hub.Grant{any}, conns: []*hub.Connection{a}, named: "zz", code: hub.CodeNotFound},
		{name: "granted, nothing connected", grants: []hub.Grant{any}, code: hub.CodeNotInstalled},
		{name: "granted one that is gone", grants: []hub.Grant{gone}, code: hub.CodeNotInstalled},
		{name: "granted one that is gone, another is there", grants: []hub.Grant{gone}, conns: []*hub.Connection{a}, code: hub.CodeConsentRequired},
		{name: "one that is being disconnected", grants: []hub.Grant{any}, conns: []*hub.Connection{ending}, code: hub.CodeNotInstalled},
		{name: "one that needs its user", grants: []hub.Grant{any}, conns: []*hub.Connection{broken}, want: "broken", rule: "g-any"},

		{name: "server: the compatibility slot", kind: hub.AppServer, all: true, conns: []*hub.Connection{a, b}, want: "a", rule: "all"},
		{name: "server: the slot is empty", kind: hub.AppServer, all: true, conns: []*hub.Connection{b}, code: hub.CodeNotInstalled},
		{name: "server: a standard one by name needs the flag", kind: hub.AppServer, all: true, conns: []*hub.Connection{a, b}, named: "b", code: hub.CodeNotFound},
		{name: "server: a standard one by name", kind: hub.AppServer, all: true, conns: []*hub.Connection{a, b}, named: "b", multiple: true, want: "b", rule: "all"},
		{name: "server: multiple, no name, one", kind: hub.AppServer, all: true, conns: []*hub.Connection{b}, multiple: true, want: "b", rule: "all"},
		{name: "server: multiple, no name, two", kind: hub.AppServer, all: true, conns: []*hub.Connection{a, b}, multiple: true, code: hub.CodeAccountSelection, choices: 2},
		{name: "server: nothing", kind: hub.AppServer, all: true, code: hub.CodeNotInstalled},
		{name: "server: limited", kind: hub.AppServer, grants: []hub.Grant{onlySlack}, conns: []*hub.Connection{a}, code: hub.CodeConsentRequired},
		{name: "server: limited to it", kind: hub.AppServer, grants: []hub.Grant{any}, conns: []*hub.Connection{a}, want: "a", rule: "g-any"},
	} {
		t.Run(c.name, func(t *testing.T) {
			app := &hub.App{Name: "editor", Kind: hub.AppLocal, All: c.all, Grants: c.grants}
			if c.kind != "" {
				app.Kind = c.kind
			}
			got, err := g.Select(hub.SelectRequest{
				App: app, Owner: hub.Me, Integration: "github", Connection: c.named, Multiple: c.multiple, Connections: c.conns,
			})
			if c.code == "" {
				if err != nil || got.Connection.ID != c.want || got.Rule != c.rule {
					t.Fatalf("got %+v, %v", got, err)
				}
				return
			}
			e := hub.AsError(err)
			if e == nil || e.Code != c.code || got.Connection != nil {
				t.Fatalf("got %+v, %v, want %s", got, err, c.code)
			}
			if len(e.Choices) != c.choices {
				t.Errorf("choices %+v", e.Choices)
			}
			if e.Remedy == "" && c.code != hub.CodeNotFound {
				t.Error("no remedy")
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// transport is a way in which the page reaches the hub.
type transport struct {
	name string
	// open shows the page and returns it with a person at the system browser,
	// who signs in at the sandbox as login when the page sent them there.
	open func(t *testing.T, h *rig.Home) (page *rig.Page, consent func(login string))
}

// The window hosts the hub itself where none runs, and attaches to one that does.
var transports = []transport{
	{"browser", func(t *testing.T, h *rig.Home) (*rig.Page, func(string)) {
		hub := h.Serve("--listen", listenOf(h))
		page := h.Chromium()
		page.Goto(hub.UILink)
		return page, func(login string) {
			page.Tab("http://127.0.0.1:" + sandboxPort(h))
			asDemoUser(login)(page)
			page.See("h1", "One step left")
			page.CloseTab()
			page.Tab(hub.UI)
		}
	}},
	{"window", openWindow},
	{"window-attached", func(t *testing.T, h *rig.Home) (*rig.Page, func(string)) {
		h.Serve("--listen", listenOf(h))
		return openWindow(t, h)
	}},
}

func openWindow(t *testing.T, h *rig.Home) (*rig.Page, func(string)) {
	page, opened := h.Window()
	count := 0
	return page, func(login string) {
		var url string
		url, count = rig.OpenedURL(t, opened, count)
		browser := h.Chromium()
		browser.Goto(url)
		asDemoUser(login)(browser)
		browser.See("h1", "One step left")
	}
}

func id(testid string) string { return fmt.Sprintf("[data-testid=%q]", testid) }

// TestPage walks the accounts page from nothing to a disconnected account, in a
// browser and in the native window. The page is never reloaded.
func TestPage(t *testing.T) {
	t.Parallel()
	for _, way := range transports {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			h := rig.NewHome(t)
			sandbox := h.Sandbox()
			h.Configure(fmt.Sprintf("listen = \"127.0.0.1:%d\"\nsandbox = %q\n", rig.FreePort(t), sandbox))
			page, consent := way.open(t, h)

			// Nothing is set up yet. The form shows what to register for an app of
			// one's own; the sandbox needs nothing.
			page.See(id("first-run"), "GitHub")
			page.Press(id("nav-providers"))
			page.Press(id("provider-github"))
			page.Press(id("credentials-own"))
			if uri := page.Value(id("redirect-uri")); uri != "http://"+listenOf(h)+"/callback/github" {
				t.Errorf("the form shows the redirect URI %q", uri)
			}
			page.Press(id("credentials-sandbox"))
			page.Press(id("save"))
			page.Press(id("nav-accounts"))

			// Connect, at the provider in the system browser, confirm here.
			page.Press(id("connect-github"))
			page.Press(id("start"))
			consent("octocat-demo")
			page.See(id("flow-account-label"), "octocat-demo")
			if got := connections(h); len(got) != 0 {
				t.Errorf("connected before the confirmation: %+v", got)
			}
			page.Press(id("confirm"))
			page.See(id("row-github"), "octocat-demo")
			page.See(id("row-github"), "Connected")
			first := connections(h)
			if len(first) != 1 || first[0].Account.Login != "octocat-demo" {
				t.Fatalf("the command line sees %+v", first)
			}
			if token := h.CLI("token", "github"); !strings.HasPrefix(token, "gho_") {
				t.Errorf("the token is %q", token)
			}

			// Another account, connected from a terminal, appears by itself.
			connect(t, h, h.Chromium(), []string{"github"}, asDemoUser("hubot-demo"))
			page.See(id("row-github"), "hubot-demo")
			page.Shot("accounts-" + way.name)

			// "Not my account" connects nothing.
			page.Press(id("connect-github"))
			page.Press(id("start"))
			consent("octocat-demo")
			page.Press(id("not-my-account"))
			page.Gone(id("connect-dialog"))
			if n := len(connections(h)); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}

			// Disconnecting asks first and says what happened at the provider.
			page.Press(id("more-" + first[0].ID))
			page.Press(id("disconnect-" + first[0].ID))
			page.Press(id("disconnect-confirm"))
			page.Gone(id("connection-" + first[0].ID))
			if got := connections(h); len(got) != 1 || got[0].Account.Login != "hubot-demo" {
				t.Errorf("after the disconnect: %+v", got)
			}
			h.CLI("disconnect", connections(h)[0].ID)
			page.Gone(id("account-" + first[0].ID))
			page.See(id("row-github"), "Connect")
		})
	}
}

// TestSessionEnds: a page without a session says how to get one.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	hub := h.Serve()
	page := h.Chromium()
	page.Goto(hub.UI)
	page.See(id("session-ended"), "This session has ended")
	if command := page.Value(id("open-command")); command != "standpipe open" {
		t.Errorf("the page tells to run %q", command)
	}
	page.Goto(hub.UILink)
	page.Reload() // the address differs in its fragment only
	page.See("h1", "Accounts")
	if a := page.Address(); strings.Contains(a, "code=") {
		t.Errorf("the code stays in the address: %s", a)
	}
	other := h.Chromium()
	other.Goto(hub.UILink)
	other.See(id("session-ended-reason"), "used before")
}

func connections(h *rig.Home) []connection {
	var status struct{ Connections []connection }
	r := h.Try("status", "--json")
	rig.Decode(h, r.Stdout, &status)
	return status.Connections
}

func listenOf(h *rig.Home) string { return h.Setting("listen") }
func sandboxPort(h *rig.Home) string {
	s := h.Setting("sandbox")
	return s[strings.LastIndex(s, ":")+1:]
}

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestTwoTabs: two pages of one hub follow each other.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "github")
	page := w.page()
	left, right := page.Tabs()
	right()
	w.show(page)
	page.See(id("state-github"), "Not connected")

	left()
	page.Press(id("connect-github"))
	page.Press(id("start"))
	left()
	w.consent(page.Value(id("authorization-url")), "octocat-demo")
	page.See(id("flow-account-label"), "octocat-demo")
	right()
	page.Gone(id("connect-dialog")) // what the other one connects is its own matter
	left()
	page.Press(id("confirm"))
	page.See(id("row-github"), "octocat-demo")
	right()
	page.See(id("row-github"), "octocat-demo")
	c := connections(w.h)[0]

	// The same question in both; answered in one, it goes away in the other.
	key := w.h.AddApp("editor")
	if a := w.ask(key, "github"); a.Field("code") != "consent_required" {
		t.Fatalf("a first draw: %d %s", a.Status, a.Body)
	}
	page.See(id("approval-dialog"), "editor")
	left()
	page.See(id("approval-dialog"), "editor")
	page.Press("label:has(" + id("approval-always") + ")")
	page.Press(id("approval-allow"))
	page.Gone(id("approval-dialog"))
	right()
	page.Gone(id("approval-dialog"))
	if a := w.ask(key, "github"); a.Status != 200 {
		t.Errorf("allowed in one tab: %d %s", a.Status, a.Body)
	}

	// The account that one looks at ends in the other.
	page.Hash("#/connections/" + c.ID)
	page.See("h1", "octocat-demo")
	left()
	page.Press(id("more-" + c.ID))
	page.Press(id("disconnect-" + c.ID))
	page.Press(id("disconnect-confirm"))
	page.Gone(id("connection-" + c.ID))
	right()
	page.Gone(id("detail-token"))
	page.Hash("#/")
	page.See(id("state-github"), "Not connected")

	// The session of one tab is not that of the other.
	page.Hash("#/settings")
	page.Press(id("logout"))
	page.See(id("session-ended"), "")
	left()
	page.Reload()
	page.See(id("state-github"), "Not connected")
}

// TestReload: whoever loads the page again in the middle goes on there, on each
// transport.
func TestReload(t *testing.T) {
	t.Parallel()
	for _, way := range transports {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, "")
			page, _ := way.open(t, w.h)
			w.setUp("github")
			page.Press(id("connect-github"))
			w.begin(page)
			before := page.Value(id("authorization-url"))
			page.Reload()
			page.See(id("flow-waiting"), "")
			if after := page.Value(id("authorization-url")); after != before {
				t.Errorf("a reload made %s of %s", after, before)
			}
			w.consent(before, "octocat-demo")
			page.See(id("flow-account-label"), "octocat-demo")
			page.Reload()
			page.See(id("flow-account-label"), "octocat-demo")
			if n := len(connections(w.h)); n != 0 {
				t.Errorf("%d connections before the confirmation", n)
			}
			page.Press(id("confirm"))
			page.See(id("row-github"), "octocat-demo")
			page.Reload()
			page.See(id("row-github"), "octocat-demo")
			page.Gone(id("connect-dialog"))

			// Cancelled is cancelled, after a reload too.
			page.Press(id("connect-github"))
			w.begin(page)
			page.Press(id("cancel"))
			page.Reload()
			page.See(id("row-github"), "octocat-demo")
			page.Gone(id("connect-dialog"))
		})
	}
}

// TestKeyboard goes from the first run to the first token without a mouse. Each
// stop of the Tab key must show that it has the focus.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	page := w.page()
	page.See(id("first-run"), "")

	// The first stop leads past the navigation.
	page.Keys(rig.Tab)
	page.Focus(".skip")
	page.Keys(rig.Enter)
	page.Focus("main")
	page.TabTo(id("first-connect"))
	page.Keys(rig.Enter)
	page.See(id("connect-dialog"), "")
	page.Until("the focus in the dialog", `return document.querySelector("dialog").contains(document.activeElement)`)
	page.Keys(rig.Escape)
	page.Gone(id("connect-dialog"))
	page.Focus("main, " + id("first-connect"))

	page.TabTo(id("connect-github"))
	page.Keys(rig.Enter)
	page.TabTo(id("start"))
	page.Keys(rig.Enter)
	page.Tab(w.sandbox)
	page.TabTo("button[value=octocat-demo]")
	page.Keys(rig.Enter)
	page.See("body", "Authorize")
	page.TabTo("button[value=authorize]")
	page.Keys(rig.Enter)
	page.See("h1", "One step left")
	page.CloseTab()
	page.Tab(w.UI)
	page.See(id("flow-account-label"), "octocat-demo")
	page.Until("the focus in the dialog", `return document.querySelector("dialog").contains(document.activeElement)`)
	page.TabTo(id("confirm"))
	page.Keys(rig.Enter)
	page.See(id("row-github"), "octocat-demo")
	c := connections(w.h)[0]
	page.Focus(id("account-" + c.ID)) // the row whose button it was is another one now

	// A dialog and a menu give the focus back.
	page.TabTo(id("more-" + c.ID))
	page.Keys(rig.Enter)
	page.Focus(id("details-" + c.ID))
	page.Keys(rig.ArrowDown, rig.ArrowDown)
	page.Focus(id("disconnect-" + c.ID))
	page.Keys(rig.Escape)
	page.Focus(id("more-" + c.ID))
	page.Keys(rig.ArrowDown)
	page.Focus(id("details-" + c.ID))
	page.Keys(rig.ArrowDown, rig.ArrowDown, rig.Enter)
	page.See(id("disconnect-dialog"), "octocat-demo")
	page.Keys(rig.Escape)
	page.Gone(id("disconnect-dialog"))
	page.Focus(id("more-" + c.ID))

	page.Run("document.activeElement.blur()", nil)
	page.TabTo(id("nav-apps"))
	page.Keys(rig.Enter)
	page.See("h1", "Apps")
	page.Focus("main")
	page.TabTo(id("add-app"))
	page.Keys(rig.Enter)
	page.TabTo(id("app-name"))
	page.Write("Ünser Skript 1")
	page.TabTo(id("app-grant-github"))
	page.Keys(rig.Space)
	page.TabTo(id("app-save"))
	page.Keys(rig.Enter)
	key := page.Value(id("app-key"))
	page.TabTo(id("key-done"))
	page.Keys(rig.Enter)
	page.Gone(id("add-app-dialog"))
	page.Focus(id("add-app"))
	page.See("main", "Ünser Skript 1")
	if token := w.ask(key, "github").Field("access_token", "access_token"); len(token) < 20 {
		t.Errorf("the first token is %q", token)
	}

	// A question has the refusal under the finger: Enter alone gives nothing.
	asker := w.h.AddApp("asker")
	w.ask(asker, "github")
	page.See(id("approval-dialog"), "asker")
	page.Focus(id("approval-deny"))
	page.Keys(rig.Enter)
	page.Gone(id("approval-dialog"))
	if a := w.ask(asker, "github"); a.Status == 200 {
		t.Errorf("Enter on a question gave a token")
	}
}

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// widths are those of a small phone, a phone, a tablet and two desktops.
var widths = []int{320, 375, 768, 1280, 1600}

// slowest returns the longest animation or transition of anything on the page,
// in seconds.
const slowest = `
	const seconds = (list) => Math.max(...list.split(",").map((d) => parseFloat(d) * (d.trim().endsWith("ms") ? 0.001 : 1)));
	let most = 0;
	for (const e of document.querySelectorAll("*"))
		for (const part of [null, "::before", "::after"]) {
			const s = getComputedStyle(e, part);
			most = Math.max(most, seconds(s.transitionDuration), seconds(s.animationDuration));
		}
	return most`

// inspect looks at what is on the screen as different people see it: in light
// and in dark, with motion switched off, and at each width.
func inspect(t *testing.T, page *rig.Page, screen string) {
	t.Helper()
	var still float64
	for _, scheme := range []string{"light", "dark"} {
		page.Media(scheme, "prefers-reduced-motion", "reduce")
		for _, found := range page.Axe() {
			t.Errorf("%s, %s: axe: %s", screen, scheme, found)
		}
	}
	if page.Run(slowest, &still); still > 0.001 {
		t.Errorf("%s: something moves for %v s where no motion is wished", screen, still)
	}
	for _, width := range widths {
		page.Size(width, 800, 1)
		wrong := page.Layout()
		for _, found := range wrong {
			t.Errorf("%s, %d px: %s", screen, width, found)
		}
		if len(wrong) > 0 {
			page.Shot(fmt.Sprintf("screen-%s-%d", screen, width))
		}
	}
	page.Size(1280, 800, 1)
}

// TestScreens looks at every screen and dialog of a hub on which much has
// happened.
func TestScreens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "approvals { timeout = \"10m\" }\nintegration \"gitlab\" {\n  credentials = \"public\"\n  client_id = \"0123\"\n}\n", "github", "google", "slack")
	octocat, hubot := w.connect("github", "octocat-demo"), w.connect("github", "hubot-demo")
	ada := w.connect("google", "ada.demo@example.test")
	key := w.h.AddApp("backup script", "--grant", "github")
	asker := w.h.AddApp("an editor with quite a long name that somebody gave it")
	w.h.CLI("token", "github", "--account", "octocat-demo")
	page := w.h.Chromium()
	page.Size(1280, 800, 1)

	page.Goto(w.UI)
	page.See(id("session-ended"), "This session has ended")
	inspect(t, page, "ended")
	w.show(page)

	// What waits for the person.
	w.flip("github", "revoke", "login=hubot-demo")
	w.renew("github", "hubot-demo")
	w.flip("google", "break", "how=503")
	w.renew("google", ada.ID)
	page.See(id("state-"+hubot.ID), "Needs reauthorization")
	page.See(id("health-"+ada.ID), "Google")
	inspect(t, page, "accounts")
	page.Press(id("more-" + octocat.ID))
	page.See(id("details-"+octocat.ID), "Details")
	inspect(t, page, "menu")
	page.Press(id("disconnect-" + octocat.ID))
	page.See(id("disconnect-dialog"), "octocat-demo")
	inspect(t, page, "disconnect")
	page.Press(id("disconnect-cancel"))
	page.Gone(id("disconnect-dialog"))

	for _, c := range []struct{ screen, id, see string }{
		{"details", octocat.ID, "octocat-demo"}, {"details-reauthorize", hubot.ID, "needs you"}, {"details-trouble", ada.ID, "stays connected"},
	} {
		page.Hash("#/connections/" + c.id)
		page.See("main", c.see)
		page.See("main", "Facts")
		inspect(t, page, c.screen)
	}

	page.Hash("#/providers")
	page.See(id("provider-github"), "GitHub")
	inspect(t, page, "providers")
	for _, slug := range []string{"github", "salesforce", "slack", "microsoft"} {
		page.Hash("#/integrations/" + slug)
		page.Press(id("credentials-own"))
		page.See(id("setup-form"), "Client secret")
		inspect(t, page, "setup-"+slug)
	}
	page.Hash("#/integrations/gitlab")
	page.See(id("from-file"), "configuration file")
	inspect(t, page, "setup-from-file")

	page.Hash("#/apps")
	page.See("main", "backup script")
	inspect(t, page, "apps")
	page.Press(id("add-app"))
	page.See(id("add-app-dialog"), "Add an app")
	inspect(t, page, "add-app")
	page.Fill(id("app-name"), "new")
	page.Press(id("app-save"))
	page.See(id("add-app-dialog"), "The key of new")
	inspect(t, page, "key")
	page.Press(id("key-done"))
	page.Gone(id("add-app-dialog"))
	app := appID(t, w.h, "backup script")
	for _, dialog := range []string{"grant", "rotate", "revoke"} {
		page.Press(id("more-" + app))
		page.Press(id(dialog + "-" + app))
		page.See("dialog[open] h2", "")
		inspect(t, page, dialog)
		page.Keys(rig.Escape)
		page.Gone("dialog[open]")
	}
	page.Hash("#/activity")
	page.See("main", "connected the GitHub account octocat-demo")
	inspect(t, page, "activity")
	page.Hash("#/settings")
	page.See("main", "Data folder")
	inspect(t, page, "settings")
	page.Media("light", "forced-colors", "active")
	var marked bool
	if page.Run(`return getComputedStyle(document.querySelector("[type=radio]:checked + span")).outlineStyle === "solid"`, &marked); !marked {
		t.Error("settings: where the system sets the colours, nothing shows which choice is taken")
	}
	page.Press(id("diagnose"))
	page.See(id("diagnostics"), "standpipe")
	inspect(t, page, "diagnostics")

	// Questions come up over whatever is there.
	if a := w.ask(asker, "google"); a.Field("code") != "consent_required" {
		t.Fatalf("a first draw: %d %s", a.Status, a.Body)
	}
	page.See(id("approval-dialog"), "an editor with quite a long name")
	inspect(t, page, "approval")
	page.Press(id("approval-deny"))
	page.Gone(id("approval-dialog"))
	if a := w.Post("", "/apps/pair", map[string]any{"name": "Terminal", "grants": []map[string]any{{"integration": "github"}}}); a.Status != 201 {
		t.Fatalf("pair: %d %s", a.Status, a.Body)
	}
	page.See(id("pairing-dialog"), "Terminal")
	inspect(t, page, "pairing")
	page.Press(id("pairing-deny"))
	page.Gone(id("pairing-dialog"))
	if a := w.ask(key, "github"); a.Status == 200 {
		t.Errorf("a token of two accounts was given: %s", a.Body)
	}

	page.Hash("#/no-such-page")
	page.See("h1", "There is no such page")
	inspect(t, page, "no-such-page")
}

// TestFirstScreens looks at what a newcomer sees, and at each step of connecting.
func TestFirstScreens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	page := w.page()
	page.Size(1280, 800, 1)
	page.See(id("first-run"), "GitHub")
	inspect(t, page, "first-run")
	var moves float64
	page.Media("light")
	page.Press(id("first-connect"))
	page.See(id("connect-dialog"), "Connect GitHub")
	if page.Run(slowest, &moves); moves == 0 {
		t.Error("nothing moves at all: the look at motion sees nothing")
	}
	inspect(t, page, "connect")
	w.begin(page)
	page.See(id("flow-waiting"), "browser")
	inspect(t, page, "waiting")
	page.Press(id("paste-toggle"))
	inspect(t, page, "waiting-paste")
	w.consent(page.Value(id("authorization-url")), "octocat-demo")
	page.See(id("flow-account-label"), "octocat-demo")
	inspect(t, page, "confirm")
	page.Press(id("not-my-account"))
	page.Gone(id("connect-dialog"))

	page.Press(id("connect-github"))
	page.Press("label:has(" + id("way-device") + ")")
	page.Press(id("start"))
	page.See(id("flow-device"), "")
	inspect(t, page, "device")
	page.Press(id("cancel"))
	page.Gone(id("connect-dialog"))

	// Another account than the one that is to be reauthorized.
	c := w.connect("github", "octocat-demo")
	w.flip("github", "revoke", "login=octocat-demo")
	w.renew("github", "octocat-demo")
	page.Press(id("reauthorize-" + c.ID))
	w.begin(page)
	w.consent(page.Value(id("authorization-url")), "hubot-demo")
	page.See(id("flow-replaces"), "octocat-demo")
	inspect(t, page, "other-account")
	page.Press(id("not-my-account"))
	page.Gone(id("connect-dialog"))

	// A provider that breaks in the middle.
	page.Press(id("connect-github"))
	w.begin(page)
	w.flip("github", "break", "how=html")
	w.consent(page.Value(id("authorization-url")), "octocat-demo")
	page.See(id("flow-failed"), "")
	inspect(t, page, "failed")
}

// appID is the id of an app by its name.
func appID(t *testing.T, h *rig.Home, name string) string {
	t.Helper()
	var list struct{ Apps []struct{ ID, Name string } }
	h.JSON(&list, "apps", "list")
	for _, a := range list.Apps {
		if a.Name == name {
			return a.ID
		}
	}
	t.Fatalf("there is no app %q in %+v", name, list)
	return ""
}

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestRows takes the rows of the accounts page from state to state and back,
// on each transport, without a reload.
func TestRows(t *testing.T) {
	t.Parallel()
	for _, way := range transports {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, "")
			page, _ := way.open(t, w.h)
			w.setUp("github", "google")
			state := func(c connection) string { return id("state-" + c.ID) }

			page.See(id("state-github"), "Not connected")
			w.connectHere(page, id("connect-github"), "octocat-demo")
			page.See(id("row-github"), "octocat-demo")
			octocat := connections(w.h)[0]
			page.See(state(octocat), "Connected")
			hubot := w.connect("github", "hubot-demo")
			page.See(state(hubot), "Connected")

			// Withdrawn at the provider; one click mends it.
			w.flip("github", "revoke", "login=hubot-demo")
			w.renew("github", "hubot-demo")
			page.See(state(hubot), "Needs reauthorization")
			page.See(id("remedy-"+hubot.ID), "Reauthorize.")
			page.See(id("attention"), "GitHub: hubot-demo needs you.")
			page.See(id("nav-accounts-count"), "1")
			page.See(state(octocat), "Connected")
			w.connectHere(page, id("attention-fix"), "hubot-demo")
			page.Gone(id("attention"))
			page.See(state(hubot), "Connected")
			if n := len(connections(w.h)); n != 2 {
				t.Errorf("%d connections after a reauthorization, want 2", n)
			}

			// Access tokens that end early are renewed, and nobody hears of it.
			w.flip("github", "expire", "login=hubot-demo")
			if r := w.h.Try("token", "github", "--account", "hubot-demo", "--renew"); r.Exit != 0 {
				t.Errorf("renewing an expired token: %s", r.Stderr)
			}
			page.See(state(hubot), "Connected")

			// The provider is down, in each way; the account stays connected. (One that
			// asks to wait is not asked before its time.)
			for _, how := range []string{"503", "html", "broken-connection", "rate-limit"} {
				w.flip("github", "break", "how="+how)
				w.renew("github", "octocat-demo")
				page.See(state(octocat), "Connected, with trouble")
				page.See(id("health-"+octocat.ID), "GitHub")
				w.flip("github", "heal")
				if how == "rate-limit" {
					continue
				}
				w.renew("github", "octocat-demo")
				page.Until("the end of the trouble "+how, `return document.querySelector(arguments[0])?.textContent.trim() === "Connected"`, state(octocat))
			}

			// A permission that was left out, and granted later.
			w.connectHere(page, id("connect-google"), "ada.demo@example.test", "calendar")
			page.See(id("row-google"), "Connected, permissions missing")
			var ada connection
			for _, c := range connections(w.h) {
				if c.Account.Email == "ada.demo@example.test" {
					ada = c
				}
			}
			page.See(id("missing-"+ada.ID), "calendar")
			w.connectHere(page, id("reauthorize-"+ada.ID), "ada.demo@example.test")
			page.Gone(id("missing-" + ada.ID))
			page.See(state(ada), "Connected")

			// Switched off: nothing connects, nothing is lost.
			w.h.CLI("integrations", "set", "github", "--disable")
			page.See(id("state-github"), "Disabled")
			page.See(id("row-github"), "hubot-demo")
			page.Gone(id("connect-github"))
			w.h.CLI("integrations", "set", "github", "--enable")
			page.See(id("connect-github"), "Add another account")

			// Disconnected, one after the other.
			for _, c := range []connection{octocat, hubot, ada} {
				w.h.CLI("disconnect", c.ID)
				page.Gone(id("connection-" + c.ID))
			}
			page.See(id("state-github"), "Not connected")
		})
	}
}

// reasons are all for which a connection can need the user.
var reasons = []hub.Reason{
	hub.ReasonRevoked, hub.ReasonRefreshExpired, hub.ReasonRefreshMissing, hub.ReasonScopeMissing, hub.ReasonClientInvalid, hub.ReasonAccountMismatch,
	hub.ReasonPolicy, hub.ReasonProviderUninstalled, hub.ReasonAnswerLost, hub.ReasonUnknown, hub.ReasonMoved, hub.ReasonRestored,
}

// TestReasons shows a connection for each reason, as the store holds them, and
// those whose integration or plugin has gone.
func TestReasons(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	fill := buildFill(t, h)
	config := ""
	h.Write("secret", "bench")
	for n, reason := range reasons {
		slug := fmt.Sprintf("oidc-%d", n)
		config += fmt.Sprintf("integration %q {\n  provider = \"openid\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  config = { issuer = \"https://issuer.example\" }\n}\n", slug)
		h.Fill(fill, "-integration", slug, "-owner", "me", "-reason", string(reason))
	}
	config += "integration \"no-plugin\" {\n  provider = \"never-heard-of\"\n  client_id = \"x\"\n  client_secret = file(\"secret\")\n}\n"
	h.Fill(fill, "-integration", "no-plugin", "-owner", "me")
	h.Fill(fill, "-integration", "gone", "-owner", "me")
	h.Configure(config)
	hubProcess := h.Serve()
	page := h.Chromium()
	page.Goto(hubProcess.UILink)

	page.See(id("attention"), "11 other accounts")
	for n, reason := range reasons {
		c := fmt.Sprintf("data_installation_oidc-%d-0", n)
		page.See(id("state-"+c), "Needs reauthorization")
		page.See(id("remedy-"+c), reason.Remedy())
		page.See(id("reauthorize-"+c), "Reauthorize")
	}
	page.See(id("row-no-plugin"), "Unavailable")
	page.See(id("problem-no-plugin"), "never-heard-of")
	page.See(id("problem-gone"), "no longer set up here")
	for _, slug := range []string{"no-plugin", "gone"} {
		page.See(id("account-data_installation_"+slug+"-0"), "user-0@example.com")
		page.Gone(id("connect-" + slug))
	}
	page.Press("label:has(" + id("filter-attention") + ")")
	page.Gone(id("row-gone"))
	page.Press("label:has(" + id("filter-all") + ")")

	// What a file sets up wrongly is no matter of the page's: it points there.
	page.Press(id("settings-oidc-4"))
	page.See(id("from-file"), "configuration file")
	page.Hash("#/")
	page.See(id("attention"), "other accounts")
	inspect(t, page, "reasons")
}

// TestAwayAndBack: a page that loses the hub says so, keeps what it knew, and
// goes on by itself.
func TestAwayAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "github")
	c := w.connect("github", "octocat-demo")
	page := w.page()
	page.See(id("state-"+c.ID), "Connected")

	page.Network(false)
	page.See(id("offline"), "")
	page.See(id("row-github"), "octocat-demo")
	inspect(t, page, "offline")
	page.Press(id("connect-github"))
	page.Press(id("start"))
	page.See(id("connect-error"), "")
	page.Press(id("cancel"))
	later := w.connect("github", "hubot-demo")
	page.Network(true)
	page.Gone(id("offline"))
	page.See(id("state-"+later.ID), "Connected")

	// The same with a hub that is started anew: the session outlives it.
	ui := strings.TrimPrefix(w.UI, "http://")
	w.Stop()
	page.See(id("offline"), "")
	page.See(id("row-github"), "octocat-demo")
	w.Hub = w.h.Serve("--listen", listenOf(w.h), "--ui-listen", strings.TrimSuffix(ui, "/"))
	page.Gone(id("offline"))
	w.h.CLI("disconnect", later.ID)
	page.Gone(id("connection-" + later.ID))
}

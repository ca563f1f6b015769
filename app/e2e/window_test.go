// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestWindow is the window's life on a desktop: it is closed and goes on, tells
// what needs the person, comes back by a click, a second start or a link, and
// ends when it is told to. Both as the hub itself and attached to one.
func TestWindow(t *testing.T) {
	t.Parallel()
	for _, way := range transports[1:] {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, "")
			notes := w.h.Notifications()
			page, _ := way.open(t, w.h)
			w.setUp("github")
			w.connectHere(page, id("connect-github"), "octocat-demo")
			c := connections(w.h)[0]
			shown := func(is string) {
				t.Helper()
				page.Until("a window that is "+is, "return document.visibilityState === arguments[0]", is)
			}
			shown("visible")

			// Closing hides; that is told, once.
			w.h.CloseWindow()
			shown("hidden")
			if n := notes.Next(0); !strings.Contains(n.Title, "background") {
				t.Errorf("the first close tells %+v", n)
			}
			if n := len(connections(w.h)); n != 1 {
				t.Errorf("behind the closed window there are %d connections", n)
			}

			// An account that needs the person is told, once, and a click shows it.
			w.flip("github", "revoke", "login=octocat-demo")
			w.renew("github", "octocat-demo")
			n := notes.Next(1)
			if n.Title != "GitHub needs you" || !strings.Contains(n.Body, "octocat-demo") || len(n.Actions) < 2 || n.Actions[0] != "default" {
				t.Errorf("it is told as %+v", n)
			}
			notes.Click(n.ID)
			shown("visible")
			page.See(id("state-"+c.ID), "Needs reauthorization")
			page.Focus(id("account-" + c.ID))
			w.renew("github", "octocat-demo")
			w.h.CloseWindow()
			shown("hidden")

			// So is a further token of an account whose others go on.
			w.h.CLI("integrations", "set", "slack", "--credentials", "sandbox", "--scope", "chat:write", "--scope", "user:users:read")
			p, answer := w.h.Converse("connect", "slack", "--no-browser", "--json")
			var f flow
			p.Line(decodeURL(&f))
			fmt.Fprintln(answer, w.answer(f.AuthorizationURL, "ada.demo"))
			slack := connected(p)
			w.flip("slack", "revoke", "login=ada.demo")
			renew := func() { w.h.Try("token", "slack", "--token", "user", "--renew") }
			renew()
			n = notes.Next(2)
			if n.Title != "Slack needs you" || !strings.Contains(n.Body, `its token “user”`) {
				t.Errorf("a further token is told as %+v", n)
			}
			renew()
			notes.Click(n.ID)
			shown("visible")
			page.See(id("token-lost-"+slack.ID), "“user”")
			page.Hash("#/")
			w.h.CloseWindow()
			shown("hidden")

			// A second start brings it up, and is no second one.
			w.h.Again()
			shown("visible")
			w.h.CloseWindow()
			shown("hidden")
			w.h.Again("standpipe://account/" + c.ID)
			shown("visible")
			page.Focus(id("account-" + c.ID))
			if all := notes.All(); len(all) != 3 {
				t.Errorf("it told %+v", all)
			}

			// A provider's answer that comes as a link.
			page.Press(id("reauthorize-" + c.ID))
			w.begin(page)
			callback := w.answer(page.Value(id("authorization-url")), "octocat-demo")
			w.h.CloseWindow()
			shown("hidden")
			w.h.Again("standpipe:/" + callback.RequestURI())
			shown("visible")
			page.See(id("flow-account-label"), "octocat-demo")
			page.Press(id("confirm"))
			page.See(id("state-"+c.ID), "Connected")

			// Quitting ends it, and a hub that was its own; one that was there stays.
			w.h.Again("--quit")
			rig.Eventually(t, "the end of the window", func() bool { return !w.h.WindowRuns() })
			link := w.h.Try("open", "--no-browser")
			if stays := way.name == "window-attached"; (link.Exit == 0) != stays {
				t.Errorf("after the end of the window the hub answers %d: %s%s", link.Exit, link.Stdout, link.Stderr)
			}
		})
	}
}

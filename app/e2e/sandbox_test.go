// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// asDemoUser signs in at the sandbox's GitHub and authorizes.
func asDemoUser(login string) func(*rig.Page) {
	return func(page *rig.Page) {
		page.Press(fmt.Sprintf("button[name=login][value=%s]", login))
		page.Press("button[name=decision][value=authorize]")
		page.See("h1", "") // whatever the hub's page says; the command line knows
	}
}

// TestSandbox is a newcomer's first minute, on the command line: nothing is
// registered anywhere, and everything survives a restart of both programs.
func TestSandbox(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	sandbox := h.Sandbox()
	h.Configure(fmt.Sprintf("sandbox = %q\n", sandbox))
	hub := h.Serve()
	h.CLI("integrations", "set", "github", "--credentials", "sandbox")
	page := h.Chromium()
	c := connect(t, h, page, []string{"github"}, asDemoUser("octocat-demo"))
	if c.Account.Login != "octocat-demo" {
		t.Errorf("connected as %+v", c.Account)
	}
	page.See("h1", "connected")
	key := h.AddApp("demo", "--grant", "github")
	const path = "/data-integrations/github/token"
	first := token(t, hub, key, path)

	hub.Stop()
	hub = h.Serve()
	if again := token(t, hub, key, path); again != first {
		t.Error("a restart changed the token")
	}

	t.Run("several accounts are never guessed between", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		connect(t, h, h.Chromium(), []string{"github"}, asDemoUser("hubot-demo"))
		a := hub.Post(key, path, map[string]any{})
		if a.Status != 409 || a.Field("code") != "account_selection_required" {
			t.Errorf("two accounts: %d %s", a.Status, a.Body)
		}
		a = hub.Post(key, path, map[string]any{"connected_account_id": c.ID})
		if a.Field("access_token", "access_token") != first {
			t.Errorf("the selected account: %d %s", a.Status, a.Body)
		}
		if r := h.Try("token", "github"); r.Exit != 2 {
			t.Errorf("`token` with two accounts ended with %d: %s%s", r.Exit, r.Stdout, r.Stderr)
		}
		if got := h.CLI("token", "github", "--account", "octocat-demo"); got != first+"\n" {
			t.Errorf("`token --account` printed %q", got)
		}
	})

	t.Run("denied", func(t *testing.T) {
		h := h.In(t)
		p := h.Start("connect", "github", "--no-browser", "--json")
		var f flow
		p.Line(decodeURL(&f))
		page := h.Chromium()
		page.Goto(f.AuthorizationURL)
		page.Press("button[name=login][value=hubot-demo]")
		page.Press("button[name=decision][value=cancel]")
		page.See("h1", "not connected")
		page.See("#remedy", "again")
		<-p.Done()
	})
}

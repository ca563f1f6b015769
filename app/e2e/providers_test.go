// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
)

// as presses the button of an account on a page of vercel-labs/emulate.
func as(field, value string) func(*rig.Page) {
	return func(page *rig.Page) {
		page.Press(fmt.Sprintf("form:has(input[name=%s][value=%q]) button", field, value))
		page.See("h1", "connected")
	}
}

// TestEmulatedProviders connects Google, Slack and Microsoft in Chromium, as a
// third party plays them, and hands the vended tokens to the vendors' own
// clients.
func TestEmulatedProviders(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	port := rig.FreePort(t)
	loopback, localhost := fmt.Sprintf("http://127.0.0.1:%d/callback/", port), fmt.Sprintf("http://localhost:%d/callback/", port)
	em := rig.StartEmulated(t, loopback+"google", localhost+"slack", localhost+"microsoft")
	h.Write("client.secret", rig.EmulatedSecret)
	// The declared provider is pointed elsewhere by an overlay of the user's.
	h.Write("providers/microsoft.hcl", fmt.Sprintf(`provider "microsoft" {
  authorize_url = "%[1]s/oauth2/v2.0/authorize"
  token_url     = "%[1]s/oauth2/v2.0/token"
  identity { url = "%[1]s/v1.0/me" }
}
`, em.Microsoft))
	var config strings.Builder
	for slug, more := range map[string]string{
		"google":    fmt.Sprintf("scopes = [\"openid\", \"email\", \"profile\", \"https://www.googleapis.com/auth/gmail.readonly\"]\n  config = { issuer = %q }", em.Google),
		"slack":     fmt.Sprintf("scopes = [\"user:users:read\"]\n  config = { base_url = %q }", em.Slack),
		"microsoft": "scopes = [\"User.Read\", \"offline_access\"]",
	} {
		fmt.Fprintf(&config, "integration %q {\n  credentials = \"own\"\n  client_id = %q\n  client_secret = file(\"client.secret\")\n  network = \"private\"\n  %s\n}\n", slug, rig.EmulatedClient, more)
	}
	h.Configure(config.String())
	hub := h.Serve("--listen", fmt.Sprintf("127.0.0.1:%d", port))
	key := h.AddApp("reader", "--grant", "google", "--grant", "slack", "--grant", "microsoft")
	page := h.Chromium()

	t.Run("google", func(t *testing.T) {
		h, hub, page := h.In(t), hub.In(t), page.In(t)
		if c := connect(t, h, page, []string{"google"}, as("email", "alice@example.test")); c.Account.Email != "alice@example.test" {
			t.Errorf("connected as %+v", c.Account)
		}
		var mailbox struct {
			Email  string
			Labels int
		}
		rig.Script(t, &mailbox, token(t, hub, key, "/data-integrations/google/token"), "gmail.mjs", em.Google)
		if mailbox.Email != "alice@example.test" || mailbox.Labels == 0 {
			t.Errorf("@googleapis/gmail reads %+v", mailbox)
		}
		// Twice, since a refresh brings no refresh token: the first goes on working.
		if first, second := h.CLI("token", "google", "--renew"), h.CLI("token", "google", "--renew"); first == second {
			t.Error("a renewed token is the old one")
		}
	})
	t.Run("slack", func(t *testing.T) {
		h, hub, page := h.In(t), hub.In(t), page.In(t)
		connect(t, h, page, []string{"slack"}, func(page *rig.Page) {
			page.Press("form:last-of-type button") // alice; ids are made up at each start
			page.See("h1", "connected")
		})
		// The emulated Slack gives a bot token too, whatever was asked for.
		for name, want := range map[string]string{"": "hub-bot", "user": "alice"} {
			a := hub.Post(key, "/data-integrations/slack/token", map[string]any{"token": name})
			if a.Field("active") != "true" {
				t.Fatalf("token %q: %d %s", name, a.Status, a.Body)
			}
			var who struct{ User, Team string }
			rig.Script(t, &who, a.Field("access_token", "access_token"), "slack.mjs", em.Slack)
			if who.User != want || who.Team != "Acme" {
				t.Errorf("@slack/web-api is %+v with the token %q, want %s", who, name, want)
			}
		}
	})
	t.Run("microsoft", func(t *testing.T) {
		h, hub, page := h.In(t), hub.In(t), page.In(t)
		if c := connect(t, h, page, []string{"microsoft"}, as("email", "alice@example.test")); c.Account.Email != "alice@example.test" {
			t.Errorf("connected as %+v", c.Account)
		}
		token(t, hub, key, "/data-integrations/microsoft/token")
	})
}

// TestSandboxProviders connects every provider of the sandbox from the command
// line: by browser, by a pasted address, by a code.
func TestSandboxProviders(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	port := rig.FreePort(t)
	sandbox := h.Sandbox("--callback", fmt.Sprintf("http://localhost:%d/callback/salesforce", port))
	h.Configure(fmt.Sprintf("sandbox = %q\nintegration \"google-work\" {\n  provider    = \"google\"\n  credentials = \"sandbox\"\n}\n", sandbox))
	hub := h.Serve("--listen", fmt.Sprintf("127.0.0.1:%d", port))
	for _, slug := range []string{"github", "google", "salesforce"} {
		h.CLI("integrations", "set", slug, "--credentials", "sandbox")
	}
	h.CLI("integrations", "set", "slack", "--credentials", "sandbox", "--scope", "chat:write", "--scope", "user:users:read")
	key := h.AddApp("reader", "--grant", "github", "--grant", "google", "--grant", "slack", "--grant", "salesforce")

	t.Run("jsforce asks again when it is refused", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		ada := sandboxtest.New(sandbox, "salesforce", "ada@demo.example.test")
		connect(t, h, h.Chromium(), []string{"salesforce"}, func(page *rig.Page) {
			page.Press(`button[name=login][value="ada@demo.example.test"]`)
			page.Press("button[name=decision][value=authorize]")
			page.See("h1", "connected")
		})
		a := hub.Post(key, "/data-integrations/salesforce/token", map[string]any{})
		first, instance := a.Field("access_token", "access_token"), a.Field("access_token", "metadata", "instance_url")
		if a.Field("access_token", "expiry_source") != "introspected" || instance != sandbox+"/salesforce" {
			t.Errorf("the vended token: %s", a.Body)
		}
		ask := func(token string) (out struct {
			Records, Refreshes int
			Token              string
		}) {
			stdin, err := json.Marshal(map[string]string{"key": key, "token": token, "instance": instance})
			if err != nil {
				t.Fatal(err)
			}
			rig.Script(t, &out, string(stdin), "jsforce.mjs", hub.AppAPI)
			return out
		}
		if got := ask(first); got.Records != 1 || got.Refreshes != 0 {
			t.Errorf("with a live token: %+v", got)
		}
		if err := ada.Flip("expire", nil); err != nil {
			t.Fatal(err)
		}
		rig.Eventually(t, "the token is old enough to be reported", func() bool {
			got := ask(first)
			return got.Records == 1 && got.Refreshes > 0 && got.Token != first
		})
	})

	t.Run("slack by a pasted address", func(t *testing.T) {
		h := h.In(t)
		ada := sandboxtest.New(sandbox, "slack", "ada.demo")
		p, answer := h.Converse("connect", "--no-browser", "--json", "slack")
		var f flow
		p.Line(decodeURL(&f))
		address, err := ada.Consent(f.AuthorizationURL)
		if err != nil || !strings.HasPrefix(address, "https://localhost/callback/slack?") {
			t.Fatalf("the browser ends at %q, %v", address, err)
		}
		fmt.Fprintln(answer, address)
		connected(p)
		bot, user := h.CLI("token", "slack"), h.CLI("token", "slack", "--token", "user")
		if !strings.HasPrefix(bot, "xoxe.xoxb-") || !strings.HasPrefix(user, "xoxe.xoxp-") {
			t.Errorf("the tokens begin with %.10q and %.10q", bot, user)
		}
		if renewed := h.CLI("token", "slack", "--token", "user", "--renew"); renewed == user || h.CLI("token", "slack") != bot {
			t.Error("renewing the user's token does not renew it, or renews the bot's")
		}
	})

	t.Run("github by a code", func(t *testing.T) {
		h := h.In(t)
		c := connectDevice(h, "github", func(d device) {
			if d.VerificationURI != sandbox+"/github/login/device" {
				t.Errorf("the flow shows %+v", d)
			}
			page := h.Chromium()
			page.Goto(d.VerificationURI)
			page.Fill("input[name=user_code]", strings.ToLower(d.UserCode))
			page.Press("button.primary")
			page.Press("button[name=login][value=hubot-demo]")
			page.Press("button[name=decision][value=authorize]")
			page.See("h1", "Device connected")
		})
		if c.Account.Login != "hubot-demo" {
			t.Errorf("connected as %+v", c.Account)
		}
	})

	t.Run("google, and a scope more", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		grace := sandboxtest.New(sandbox, "google", "grace.demo@example.test")
		const tasks = "https://www.googleapis.com/auth/tasks"
		first := agree(t, h, hub, grace.Consent, "google")
		more := agree(t, h, hub, grace.Consent, "google", "--reauthorize", first.ID, "--scope", tasks)
		a := hub.Post(key, "/data-integrations/google/token", map[string]any{})
		if more.ID != first.ID || !strings.Contains(a.Field("access_token", "scopes"), tasks) {
			t.Errorf("after the upgrade of %s: %s %s", first.ID, more.ID, a.Body)
		}
		h.CLI("token", "google", "--renew") // the refresh token of the first consent goes on working
	})

	t.Run("google, ended as a whole", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		ada := sandboxtest.New(sandbox, "google", "ada.demo@example.test")
		one, two := agree(t, h, hub, ada.Consent, "google"), agree(t, h, hub, ada.Consent, "google-work")
		r := h.Try("disconnect", one.ID, "--json")
		if r.Exit != 3 || !strings.Contains(r.Stdout+r.Stderr, "grant_shared") || !strings.Contains(r.Stdout+r.Stderr, two.ID) {
			t.Fatalf("a revocation that ends another connection is not asked about: %+v", r)
		}
		h.CLI("token", "google-work")
		page := h.Chromium()
		page.Goto(hub.UILink)
		page.Press(id("more-" + one.ID))
		page.Press(id("disconnect-" + one.ID))
		page.Press(id("disconnect-confirm"))
		page.See(id("disconnect-dialog"), "ada.demo@example.test (")
		page.Press(id("grant-revoke"))
		page.Gone(id("connection-" + one.ID))
		page.See(id("state-"+two.ID), "Needs reauthorization")
		if r := h.Try("token", "google-work"); r.Exit != 3 {
			t.Errorf("a token of what ended too: %+v", r)
		}
		// The other account of the same client is not touched.
		h.CLI("token", "google", "--account", "grace.demo@example.test", "--renew")
	})
}

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestSandboxScreens looks at the sandbox's own pages as at the hub's: a newcomer
// sees them first.
func TestSandboxScreens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "github", "google", "slack", "salesforce")
	page := w.h.Chromium()
	page.Size(1280, 800, 1)
	show := func(screen, path, see string) {
		t.Helper()
		page.Goto(w.sandbox + path)
		page.See("main", see)
		inspect(t, page, "sandbox-"+screen)
	}
	show("index", "/", "Played here")

	// Each provider's sign-in and consent, to where its request leads.
	for _, provider := range []struct{ slug, login, consent string }{
		{"github", "octocat-demo", "Authorize"}, {"google", "ada.demo@example.test", "calendar"}, {"slack", "", "Authorize"}, {"salesforce", "", "Authorize"},
	} {
		page.Goto(w.begun(provider.slug))
		page.See("h1", "Sign in to")
		if provider.login != "" { // the two that differ in the length of names
			inspect(t, page, "sandbox-login-"+provider.slug)
		}
		account := "button[name=login]"
		if provider.login != "" {
			account += "[value='" + provider.login + "']"
		}
		page.Press(account)
		page.See("main", provider.consent)
		inspect(t, page, "sandbox-consent-"+provider.slug)
		page.Press("button[value=cancel]")
		page.See("h1", "not connected")
	}

	// The accounts with their switches, as they are and after one was pressed.
	c := w.connect("github", "octocat-demo")
	show("home-google", "/google/", "Accounts")
	show("home-github", "/github/", "Granted to the app")
	page.Press("form[action$='/sandbox/expire'] button")
	page.See("[role=status]", "have expired")
	page.Press("form[action$='/sandbox/break'] button")
	page.See("main", "out of order")
	inspect(t, page, "sandbox-trouble")
	page.Press("form[action$='/sandbox/heal'] button")
	page.See("main", "in order")
	w.h.CLI("disconnect", c.ID)

	show("problem", "/github/login/oauth/authorize?client_id=nobody", "no application with this client ID")
}

// TestSandboxDevice enters the code of a device without a mouse, first a wrong
// one.
func TestSandboxDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "github")
	p := w.h.Start("connect", "github", "--device", "--json")
	var f struct {
		Device struct {
			UserCode        string `json:"user_code"`
			VerificationURI string `json:"verification_uri"`
		}
	}
	p.Line(func(line json.RawMessage) bool { return json.Unmarshal(line, &f) == nil && f.Device.UserCode != "" })
	page := w.h.Chromium()
	page.Size(1280, 800, 1)
	page.Goto(f.Device.VerificationURI)
	page.See("h1", "Connect a device")
	page.Focus("input[name=user_code]")
	inspect(t, page, "sandbox-device")
	page.Write("WRON-GONE")
	page.Keys(rig.Enter)
	page.See("[role=alert]", "No app shows this code")
	inspect(t, page, "sandbox-device-wrong")

	page.Focus("input[name=user_code]")
	page.Refill("input[name=user_code]", f.Device.UserCode)
	page.TabTo("form button")
	page.Keys(rig.Enter)
	page.See("h1", "Sign in to")
	page.TabTo("button[value=octocat-demo]")
	page.Keys(rig.Enter)
	page.See("h1", "Authorize")
	inspect(t, page, "sandbox-device-consent")
	page.TabTo("button[value=authorize]")
	page.Keys(rig.Enter)
	page.See("h1", "Device connected")
	inspect(t, page, "sandbox-device-done")
	var c connection
	p.Line(func(line json.RawMessage) bool { return json.Unmarshal(line, &c) == nil && c.State == "connected" })
	if c.Account.Login != "octocat-demo" {
		t.Errorf("connected as %+v", c.Account)
	}
}

// begun begins a connection and returns where it leads.
func (w *world) begun(slug string) string {
	w.t.Helper()
	var f flow
	w.h.Start("connect", slug, "--no-browser", "--json").Line(decodeURL(&f))
	return f.AuthorizationURL
}

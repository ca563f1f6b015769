// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestCustomProvider declares oidc-provider on the page by its issuer alone, sees
// where the browser would be sent, finds out that a secret is wrong before
// anybody goes there, connects, and takes it all away again. The command line
// knows it as any other provider.
func TestCustomProvider(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	op := rig.StartOIDC(t, "http://"+listen+"/callback/acme-id", "ACCESS_TTL=600")
	h.Configure("")
	hub := h.Serve("--listen", listen)
	page := h.Chromium()
	page.Goto(strings.TrimSpace(h.CLI("open", "--no-browser")))
	page.See("h1", "")

	page.Hash("#/providers")
	page.Press(id("custom-provider"))
	page.Press(id("custom-save"))
	page.See(id("custom-issuer-error"), "Enter the issuer")
	page.Fill(id("custom-name"), "Acme ID")
	page.Fill(id("custom-description"), "Sign in at Acme.")
	page.Fill(id("custom-issuer"), op.Issuer)
	page.See(id("custom-issuer-error"), "Without https")
	page.Press(id("custom-private"))
	page.See(id("custom-preview-place"), op.Issuer+"/auth")
	page.See(id("preview-code_challenge_method"), "S256")
	page.See(id("custom-hosts"), strings.TrimPrefix(op.Issuer, "http://"))
	page.Press(id("custom-save"))

	// The set-up: a test tells a wrong secret from a right one, and saves nothing.
	page.See("h1", "Acme ID")
	page.Fill(id("client-id"), rig.OIDCClient)
	page.Fill(id("client-secret"), "not the right secret")
	page.Press(id("check"))
	page.See(id("check-page"), "Good")
	page.See(id("check-token"), "does not take the client ID or its secret")
	page.See(id("client-secret-error"), "does not take")
	empty(page, id("client-secret"))
	page.Fill(id("client-secret"), rig.OIDCSecret)
	page.Gone(id("checks"))
	page.Press(id("check"))
	page.See(id("check-token"), "refused the made-up code, as it should")
	page.See(id("checks-verdict"), "it works")
	page.Press(id("save"))
	page.See(id("row-acme-id"), "Not connected")

	p := h.Start("connect", "acme-id", "--no-browser", "--json")
	var f flow
	p.Line(decodeURL(&f))
	resp, err := http.Get(op.Approve(t, f.AuthorizationURL, "alice"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	c := connected(p)
	if c.Account.Email != "alice@example.test" {
		t.Errorf("connected as %+v", c.Account)
	}
	page.See(id("account-"+c.ID), "alice")

	// It outlives a restart.
	hub.Stop()
	hub = h.Serve("--listen", listen)
	if got := token(t, hub, h.AddApp("demo", "--grant", "acme-id"), "/data-integrations/acme-id/token"); got == "" {
		t.Error("no token after a restart")
	}
	rig.Eventually(t, "`providers` to know it", func() bool { return strings.Contains(h.CLI("providers"), "acme-id") })

	// As a file it is the same on the page and at the command line. Where the file
	// is, it wins, and that is said; without the file, what it hid is back.
	page.Goto(strings.TrimSpace(h.CLI("open", "--no-browser")))
	page.See("h1", "Accounts")
	page.Hash("#/integrations/acme-id")
	page.Press(id("provider-as-file"))
	page.See(id("provider-file"), `provider "acme-id" {`)
	inspect(t, page, "provider-file")
	file := h.CLI("provider", "export", "acme-id")
	var shown string
	if page.Run("return document.querySelector(arguments[0]).textContent", &shown, id("provider-file")); shown != file {
		t.Errorf("the page shows\n%s\nand the command line\n%s", shown, file)
	}
	kept := h.Write("providers/acme-id.hcl", file)
	if r := h.Try("provider", "check", kept); r.Exit != 0 || !strings.Contains(r.Stderr, "in clear") {
		t.Errorf("the suite on the file: %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
	page.Hash("#/providers")
	if said := h.CLI("provider", "reload"); !strings.Contains(said, "New or changed: acme-id") {
		t.Errorf("a new file: %s", said)
	}
	page.Hash("#/integrations/acme-id")
	page.See(id("hides-custom"), kept)
	inspect(t, page, "provider-hidden")
	if r := h.Try("providers"); !strings.Contains(r.Stderr, kept) {
		t.Errorf("`providers` does not say that a file wins: %s%s", r.Stdout, r.Stderr)
	}
	if r := h.Try("doctor"); !strings.Contains(r.Stdout, "acme-id.hcl declares a provider that was declared in the window too") {
		t.Errorf("doctor does not say that a file wins: %s%s", r.Stdout, r.Stderr)
	}

	// A file that is wrong changes nothing, and the page says what is wrong.
	h.Write("providers/acme-id.hcl", strings.Replace(file, "issuer", "isuer", 1))
	if r := h.Try("provider", "reload"); r.Exit != 1 || !strings.Contains(r.Stdout, "Nothing is different") || !strings.Contains(r.Stderr, "isuer") {
		t.Errorf("a wrong file: %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
	page.Hash("#/")
	page.See(id("notice"), "isuer")
	h.CLI("token", "acme-id")
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	h.CLI("provider", "reload")
	page.Gone(id("notice"))

	// It is there as long as an account needs it.
	page.Hash("#/custom/acme-id")
	page.Press(id("custom-remove"))
	page.Press(id("remove-confirm"))
	page.See(id("remove-error"), "still connected")
	h.CLI("disconnect", c.ID)
	page.Press(id("remove-confirm"))
	page.See("h1", "Providers")
	page.Gone(id("provider-acme-id"))
	if list := h.CLI("providers"); strings.Contains(list, "acme-id") {
		t.Errorf("`providers` still knows it: %s", list)
	}
}

// empty takes out what was typed into a field.
func empty(page *rig.Page, css string) {
	page.Run("const e = document.querySelector(arguments[0]); e.value = ''; e.dispatchEvent(new Event('input', { bubbles: true }))", nil, css)
}

// TestChecks: the sandbox's providers, each with its plugin, pass their test, and
// one that is broken does not; nothing is connected by it.
func TestChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "github", "google", "slack", "salesforce")
	for _, slug := range []string{"github", "google", "slack", "salesforce"} {
		var got struct {
			OK     bool
			Checks []struct{ Step, Result, Message string }
		}
		w.h.JSON(&got, "integrations", "check", slug)
		if !got.OK || len(got.Checks) != 4 {
			t.Errorf("%s: %+v", slug, got)
		}
		for _, c := range got.Checks {
			if c.Result != "ok" {
				t.Errorf("%s: %+v", slug, c)
			}
		}
	}
	w.h.CLI("integrations", "set", "github", "--set", "base_url=https://127.0.0.1:1", "--credentials", "own", "--client-id", "0123",
		"--client-secret-file", w.h.Write("github.secret", "a secret of some length"))
	if r := w.h.Try("integrations", "check", "github"); r.Exit == 0 {
		t.Errorf("a check of what cannot work: %s%s", r.Stdout, r.Stderr)
	}
	if list := w.h.CLI("status", "--json"); strings.Contains(list, "data_installation_") {
		t.Errorf("a check connected something: %s", list)
	}
}

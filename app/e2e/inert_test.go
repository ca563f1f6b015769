// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// evil runs where a page takes text for markup. It is as long as nobody's name.
const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>javascript:window.pwned=1 ` +
	`"><svg onload=window.pwned=1>` + "aWordWithoutAnyBlank_aWordWithoutAnyBlank_aWordWithoutAnyBlank"

// evilProvider is a declared provider that puts it wherever a provider may put
// text. Addresses that are none of the web are refused when the file is read.
const evilProvider = `
provider "evil" {
  name        = %[2]q
  description = %[2]q
  icon        = file("evil.svg")
  setup_steps = [%[2]q]
  warnings    = [%[2]q]
  scope "openid" {
    title    = %[2]q
    required = true
  }
  config "extra" {
    label       = %[2]q
    description = %[2]q
    example     = %[2]q
  }
  issuer = "%[1]s"
  redirect {}
  identity { from = "id_token" }
  revoke = "token"
  revocation {}
  revoke_note = %[2]q
  remedies = { revoked_by_user = %[2]q }
  error {
    on      = ["refresh"]
    code    = "invalid_grant"
    as      = "reauthorization_required"
    reason  = "revoked_by_user"
    message = %[2]q
  }
}
`

// TestInert: names, texts and icons of a provider are text and pictures, and
// however long they are, the page stays in shape.
func TestInert(t *testing.T) {
	t.Parallel()
	op, err := oauthtest.Start(oauthtest.Options{
		Clients: []oauthtest.Client{{ID: "evil", Secret: "evil-secret-0123456789", RedirectURIs: []string{"http://127.0.0.1/callback/evil"}, AnyPort: true}},
		Users:   []oauthtest.User{{Subject: "1", Login: evil, Name: evil, Email: evil}},
		Rules:   oauthtest.Rules{Rotate: true, Lives: oauthtest.Lives{Access: time.Hour}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	w := prepare(t, "integration \"evil\" {\n  client_id = \"evil\"\n  client_secret = file(\"evil.secret\")\n  network = \"private\"\n}\n")
	w.h.Write("evil.secret", "evil-secret-0123456789")
	providers := filepath.Join(w.h.Dir, "providers")
	if err := os.Mkdir(providers, 0o755); err != nil {
		t.Fatal(err)
	}
	w.h.Write("providers/evil.hcl", fmt.Sprintf(evilProvider, op.URL, evil))
	w.h.Write("providers/evil.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>&lt;img src=x onerror=window.pwned=1&gt;</title><circle r="9"/></svg>`)
	worse := w.h.Write("providers/worse.hcl", strings.NewReplacer(`"evil"`, `"worse"`, "evil.svg", "worse.svg").Replace(fmt.Sprintf(evilProvider, op.URL, evil)))
	w.h.Write("providers/worse.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=1</script></svg>`)
	if r := w.h.Try("provider", "check", worse); r.Exit == 0 || !strings.Contains(r.Stdout+r.Stderr, "icon") {
		t.Errorf("an icon with a script in it is not told of: %s%s", r.Stdout, r.Stderr)
	}
	w.Hub = w.h.Serve("--listen", listenOf(w.h))
	page := w.page()
	page.Size(1280, 800, 1)
	look := func(screen, css string) {
		t.Helper()
		page.See(css, `<img src=x onerror="window.pwned=1">`)
		var made []string
		page.Run(`const own = [...document.querySelectorAll("script")].filter((s) => !s.src && s.textContent).map((s) => s.outerHTML);
			return [...own, ...[...document.querySelectorAll("img[onerror], svg[onload], svg script, iframe, a[href^='javascript:' i]")].map((e) => e.outerHTML),
				...(window.pwned ? ["it ran"] : [])]`, &made)
		for _, m := range made {
			t.Errorf("%s: %s", screen, m)
		}
		inspect(t, page, "inert-"+screen)
	}

	page.Hash("#/providers")
	look("providers", id("provider-evil"))
	page.Gone(id("provider-worse"))
	page.Hash("#/integrations/evil")
	look("setup", id("setup-form"))
	page.Hash("#/")
	look("row", id("row-evil"))
	page.Press(id("connect-evil"))
	look("connect", id("connect-dialog"))
	w.begin(page)
	browser := w.h.Chromium()
	browser.Goto(page.Value(id("authorization-url")))
	browser.Press("button[value=authorize]")
	browser.See("h1", "One step left")
	look("confirm", id("flow-account"))
	page.Press(id("confirm"))
	page.Gone(id("connect-dialog"))
	c := connections(w.h)[0]
	look("account", id("connection-"+c.ID))
	page.Hash("#/connections/" + c.ID)
	look("details", "main")

	// The provider's own words of a failure.
	op.RevokeUser(evil)
	w.renew("evil", c.ID)
	page.See("main", "needs you")
	look("reauthorize", id("remedy-"+c.ID))
	page.Hash("#/activity")
	look("activity", "main")
	page.Hash("#/")
	page.Press(id("connect-evil"))
	w.begin(page)
	browser.Goto(page.Value(id("authorization-url")))
	browser.Press("button[value=cancel]")
	page.See(id("flow-failed"), "")
	inspect(t, page, "inert-failed")
	page.Press(id("cancel"))

	// What an app calls itself.
	if a := w.Post("", "/apps/pair", map[string]any{"name": evil[:60], "grants": []map[string]any{{"integration": "evil"}}}); a.Status != 201 {
		t.Fatalf("pair: %d %s", a.Status, a.Body)
	}
	look("pairing", id("pairing-dialog"))
	var pages []string
	browser.Run("return window.pwned ? ['it ran'] : []", &pages)
	if len(pages) > 0 {
		t.Errorf("the hub's own page: %v", pages)
	}
}

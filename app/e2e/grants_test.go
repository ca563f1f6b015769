// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestGrantsOnThePage makes the grants that give less than a token, by keyboard:
// one for the relay only, one for a single resource server and one for some
// scopes. What the page
// made is what the apps get, of a provider that can do both.
func TestGrantsOnThePage(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	op := rig.StartOIDC(t, "http://"+listen+"/callback/openid", "ACCESS_TTL=600", "ROTATE=never")
	op.Narrows(h)
	hub := h.Serve("--listen", listen)
	p := h.Start("connect", "openid", "--no-browser", "--json")
	var f flow
	p.Line(decodeURL(&f))
	resp, err := http.Get(op.Approve(t, f.AuthorizationURL, "alice"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	rig.Eventually(t, "the account", func() bool { return len(connections(h)) == 1 })

	caller, mailer := h.AddApp("caller"), h.AddApp("mailer")
	page := h.Chromium()
	page.Goto(strings.TrimSpace(h.CLI("open", "--no-browser")))
	page.See("h1", "Accounts")
	page.Hash("#/apps")
	open := func(app string) {
		t.Helper()
		page.Press(id("more-" + app))
		page.Press(id("grant-" + app))
		page.See(id("grant-dialog"), "What may")
	}
	save := func() {
		t.Helper()
		page.TabTo(id("grant-save"))
		page.Keys(rig.Enter)
	}
	// choose takes an option of a list, which the driver's keys do not open.
	choose := func(list, value string) {
		t.Helper()
		page.Run(`const e = document.querySelector(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event("change", { bubbles: true }))`, nil, id(list), value)
	}

	// Relay only: the hub's answer, and no token.
	app := appID(t, h, "caller")
	open(app)
	page.TabTo(id("grant-mode-token"))
	page.Keys(rig.ArrowDown)
	inspect(t, page, "grant-relay")
	save()
	page.See(id("app-"+app), "relay only, no token")
	if a := hub.Do(http.MethodGet, caller, "/relay/openid/me", nil); a.Status != 200 || a.Field("sub") != "alice" {
		t.Errorf("a call through the relay: %d %s", a.Status, a.Body)
	}
	const vend = "/data-integrations/openid/token"
	if a := hub.Post(caller, vend, map[string]any{}); a.Status != 403 || a.Field("code") != "consent_required" {
		t.Errorf("a token for the relay's app: %d %s", a.Status, a.Body)
	}
	page.See(id("approval-dialog"), "caller") // it is asked instead
	page.Press(id("approval-deny"))
	page.Gone(id("approval-dialog"))

	// One resource server, in a token that says so.
	app = appID(t, h, "mailer")
	open(app)
	choose("grant-audience", "another…")
	page.Fill(id("grant-audience-other"), "mail")
	inspect(t, page, "grant-audience")
	save()
	page.See(id("grant-error"), "is no absolute URI")
	choose("grant-audience", "https://mail.test/")
	save()
	page.See(id("app-"+app), "for https://mail.test/ only")
	var claims struct{ Aud string }
	if a := hub.Post(mailer, vend, map[string]any{}); a.Status != 200 {
		t.Errorf("a token for one resource server: %d %s", a.Status, a.Body)
	} else if parts := strings.Split(a.Field("access_token", "access_token"), "."); len(parts) != 3 {
		t.Error("the token is no JWT")
	} else if b, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || json.Unmarshal(b, &claims) != nil || claims.Aud != "https://mail.test/" {
		t.Errorf("the token is for %q (%v)", claims.Aud, err)
	}
	if a := hub.Post(mailer, vend, map[string]any{"audience": "https://files.test/"}); a.Status != 403 {
		t.Errorf("a token for another resource server: %d %s", a.Status, a.Body)
	}
	page.Press(id("approval-deny"))

	// A ceiling of scopes, in a token that holds no more.
	reader := h.AddApp("reader")
	app = appID(t, h, "reader")
	open(app)
	choose("grant-scopes", "some")
	save()
	page.See(id("grant-scopes-error"), "at least one")
	for _, scope := range []string{"openid", "email"} {
		page.TabTo(id("grant-scope-" + scope))
		page.Keys(" ")
	}
	inspect(t, page, "grant-scopes")
	save()
	page.See(id("app-"+app), "only openid, email")
	if a := hub.Post(reader, vend, map[string]any{}); a.Status != 200 || a.Field("access_token", "scopes") != `["openid","email"]` {
		t.Errorf("a token for some scopes: %d, good for %s", a.Status, a.Field("access_token", "scopes"))
	}

	// A program that pairs gets what it asked for, not more.
	pair := hub.Post("", "/apps/pair", map[string]any{"name": "Pair", "grants": []map[string]any{{"integration": "openid", "mode": "relay"}}})
	page.See(id("pairing-dialog"), "relay only, no token")
	page.Press(id("pairing-allow"))
	var key string
	rig.Eventually(t, "the paired program's key", func() bool {
		key = hub.Post(pair.Field("poll_secret"), "/apps/pair/collect", map[string]any{}).Field("key")
		return strings.HasPrefix(key, "sp_app_")
	})
	if a := hub.Do(http.MethodGet, key, "/relay/openid/me", nil); a.Status != 200 {
		t.Errorf("the paired program's call: %d %s", a.Status, a.Body)
	}
	if a := hub.Post(key, vend, map[string]any{}); a.Status != 403 {
		t.Errorf("a token for a paired program that asked for the relay: %d %s", a.Status, a.Body)
	}
}

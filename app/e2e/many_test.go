// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestManyAccounts: with sixty accounts of fifteen providers the page is
// searched and filtered. What that costs the browser is in the log.
func TestManyAccounts(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	fill := buildFill(t, h)
	h.Write("secret", "bench")
	config := ""
	for n := range 15 {
		slug := fmt.Sprintf("idp-%02d", n)
		config += fmt.Sprintf("integration %q {\n  provider = \"openid\"\n  description = \"The directory number %d\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  config = { issuer = \"https://issuer.example\" }\n}\n", slug, n)
		args := []string{"-integration", slug, "-owner", "me", "-n", "4", "-pictures"}
		if n == 7 {
			args = append(args, "-reason", "revoked_by_user")
		}
		h.Fill(fill, args...)
	}
	h.Configure(config)
	hub := h.Serve()
	page := h.Chromium()
	page.Goto(hub.UILink)
	rows := func(what string, want int) {
		t.Helper()
		page.Until(fmt.Sprintf("%d accounts after %s", want, what), `return document.querySelectorAll("li[data-testid^=connection-]").length === arguments[0]`, want)
	}
	rows("loading", 60)
	page.Until("60 pictures", `return [...document.querySelectorAll("[data-testid^=picture-]")].filter((e) => e.complete && e.naturalWidth).length === 60`)

	// Long tasks are those of more than 50 ms, which a person feels.
	page.Run(`window.long = []; new PerformanceObserver((l) => long.push(...l.getEntries().map((e) => Math.round(e.duration)))).observe({entryTypes: ["longtask"]})`, nil)
	before := page.Metrics()
	measure := func(what string) {
		t.Helper()
		var long []int
		page.Run("const l = long; long = []; return l", &long)
		now := page.Metrics()
		t.Logf("%-28s layouts %3.0f, styles %3.0f, script %4.0f ms, long tasks (ms) %v", what,
			now["LayoutCount"]-before["LayoutCount"], now["RecalcStyleCount"]-before["RecalcStyleCount"], 1000*(now["ScriptDuration"]-before["ScriptDuration"]), long)
		before = now
	}

	page.Run(`return new Promise((done) => { let y = 0; const step = () => { scrollTo(0, y += 200); y < document.body.scrollHeight ? requestAnimationFrame(step) : done() }; step() })`, nil)
	measure("scrolling to the end")
	page.Fill(id("search"), "number 7")
	rows("searching for a description", 4)
	measure("searching")
	page.Refill(id("search"), "nobody at all")
	page.See(id("no-match"), "nobody at all")
	page.Refill(id("search"), "user-3@example.com")
	rows("searching for an account", 15)
	page.Refill(id("search"), "idp-11 user-2@")
	rows("searching for a provider and an account", 1)
	page.Refill(id("search"), "")
	rows("no search", 60)
	measure("searching, and no more")
	page.Press("label:has(" + id("filter-attention") + ")")
	rows("filtering", 4)
	page.Press("label:has(" + id("filter-all") + ")")
	rows("filtering no more", 60)
	measure("filtering")

	// An event draws anew what changed, and leaves alone who is typing.
	page.Fill(id("search"), "idp-0")
	page.Run(`document.querySelectorAll("li[data-testid^=row-]").forEach((e) => (e.kept = true))`, nil)
	h.CLI("disconnect", "data_installation_idp-03-0")
	page.Gone(id("connection-data_installation_idp-03-0"))
	measure("one account goes")
	var kept int
	page.Run(`return [...document.querySelectorAll("li[data-testid^=row-]")].filter((e) => e.kept).length`, &kept)
	if kept < 9 {
		t.Errorf("of ten rows %d were kept when an account of one went", kept)
	}
	if got := page.Value(id("search")); got != "idp-0" {
		t.Errorf("the search lost what was typed: %q", got)
	}
	page.Focus(id("search"))
	inspect(t, page, "many")
}

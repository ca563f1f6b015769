// SPDX-License-Identifier: Apache-2.0

//go:build screenshots

package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestScreenshots takes the pictures of the documentation, of a hub on which
// things have happened, in light and in dark: tools/screenshots.sh. They are of
// two pixels for one.
func TestScreenshots(t *testing.T) {
	w := newWorld(t, "approvals { timeout = \"10m\" }\n")
	page := w.page()
	page.See(id("first-run"), "GitHub")
	shoot(t, page, "first-run", 1100, 640)

	w.setUp("github", "google", "salesforce", "slack")
	octocat := w.connect("github", "octocat-demo")
	w.connect("github", "hubot-demo")
	w.connect("google", "ada.demo@example.test")
	w.connect("salesforce", "ada@demo.example.test")
	backup := w.h.AddApp("Backup script", "--grant", "github:"+octocat.ID)
	w.h.AddApp("Calendar widget", "--grant", "google")
	editor := w.h.AddApp("Editor", "--grant", "salesforce")
	for range 2 {
		w.ask(backup, "github")
		w.ask(editor, "salesforce")
	}
	w.flip("github", "revoke", "login=hubot-demo")
	w.renew("github", "hubot-demo")

	page.Hash("#/")
	page.See(id("attention"), "hubot-demo")
	page.See(id("row-salesforce"), "Connected")
	for _, c := range connections(w.h) {
		picture(page, c)
	}
	shoot(t, page, "accounts", 1100, 860)
	page.Hash("#/connections/" + octocat.ID)
	page.See("main", "drew a token")
	picture(page, octocat)
	shoot(t, page, "details", 1100, 980)
	page.Hash("#/providers")
	page.See(id("provider-slack"), "Slack")
	shoot(t, page, "providers", 1100, 760)
	page.Hash("#/activity")
	page.See("main", "drew a token")
	shoot(t, page, "activity", 1100, 760)
	page.Hash("#/apps")
	page.See("main", "Calendar widget")
	// Asked by a program of the hub's user, whom the kernel knows.
	if out, err := w.h.Command("curl", "-sS", "-H", "Authorization: Bearer "+editor, "-H", "Content-Type: application/json", "-d", "{}",
		w.AppAPI+"/data-integrations/google/token").CombinedOutput(); err != nil {
		t.Fatalf("curl: %v %s", err, out)
	}
	page.See(id("approval-dialog"), "Editor")
	shoot(t, page, "approval", 1100, 760)
}

// shoot writes docs/screenshots/NAME-{light,dark}.png.
func shoot(t *testing.T, page *rig.Page, name string, width, height int) {
	t.Helper()
	dir := filepath.Join(rig.Root(), "docs", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		page.Media(scheme, "prefers-reduced-motion", "reduce")
		page.Size(width, height, 2)
		page.Run("document.activeElement?.blur()", nil)
		shot, err := page.Screenshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			t.Fatal(err)
		}
		var small bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, paletted(picture)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), small.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// paletted is a picture in its 256 most frequent colours, which for a page of
// few colours is the same to the eye and a third of the size.
func paletted(picture image.Image) image.Image {
	b := picture.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA) }
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return count[b] - count[a] })
	var colours color.Palette
	for _, c := range all[:min(len(all), 256)] {
		colours = append(colours, c)
	}
	index := map[color.RGBA]uint8{}
	for c := range count {
		index[c] = uint8(colours.Index(c))
	}
	out := image.NewPaletted(b, colours)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return out
}

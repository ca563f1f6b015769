// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestWindowKilled: a window that was the hub and was killed is in nobody's way,
// neither by the files that it left nor by what it had started. The next start is
// the hub again: the window, by a link, or `serve`.
func TestWindowKilled(t *testing.T) {
	t.Parallel()
	// Its tokens live for so long that no answer of the provider is lost with a hub.
	l := newLane(t, hosts["window"], &outcomes{table: map[string]map[string]int{}}, time.Hour)
	page, _ := l.h.Window()
	page.See(id("account-"+l.conn.ID), "alice")
	l.renew(l.h.WindowHub())
	l.crash()

	page, _ = l.h.Window("standpipe://account/" + l.conn.ID)
	page.Focus(id("account-" + l.conn.ID))
	l.renew(l.h.WindowHub())
	if folders, _ := filepath.Glob(filepath.Join(l.h.Data, "run", "plugins", "p[0-9]*-*")); len(folders) != 1 {
		t.Errorf("folders of plugins: %v, want that of the second window alone", folders)
	}
	l.crash()

	l.h.Again("--quit") // there is none, which is what was asked for
	if r := l.h.Try("open", "--no-browser"); r.Exit == 0 {
		t.Errorf("a page of a dead window: %s", r.Stdout)
	}
	hub := l.serve(l.h.Product.Standpipe).Announced()
	used(t, hub, l.op, l.key, answered(t, hub, l.key))
}

// renew has the token renewed, for which the hub starts the plugin: as soon as it
// is old enough for that.
func (l *lane) renew(hub *rig.Hub) {
	l.t.Helper()
	old := tokenOf(l.t, answered(l.t, hub, l.key))
	var a *rig.Answer
	rig.Eventually(l.t, "the token is renewed", func() bool {
		a = hub.Post(l.key, vendOpenID, map[string]any{"refused_token": old})
		return tokenOf(l.t, a) != old
	})
	used(l.t, hub, l.op, l.key, a)
}

// crash kills the window. What it had started, the page's processes and a plugin,
// ends with it; its files stay.
func (l *lane) crash() {
	l.t.Helper()
	helpers := l.h.CrashWindow()
	ofPage := func(p rig.Helper) bool { return strings.HasPrefix(p.Name, "WebKit") }
	ofHub := func(p rig.Helper) bool { return !ofPage(p) }
	if !slices.ContainsFunc(helpers, ofPage) || !slices.ContainsFunc(helpers, ofHub) {
		l.t.Fatalf("of a window with its page and a plugin there is only %v", helpers)
	}
	for _, p := range helpers {
		rig.Eventually(l.t, "the end of "+p.Name, func() bool { return !p.Lives() })
	}
	for _, name := range []string{"window.sock", "window.lock", "hub.sock", "hub.json"} {
		if found, _ := filepath.Glob(filepath.Join(l.h.Dir, "run", "standpipe", "*", name)); len(found) != 1 {
			l.t.Errorf("%s was not left, and is in nobody's way for that reason", name)
		}
	}
}

// TestToldAfterCut: what a window finds out when it starts after a power cut, it
// tells whoever is at the desktop, however long the desktop takes to show it.
func TestToldAfterCut(t *testing.T) {
	t.Parallel()
	const point = "refresh.after-answer"
	l := newLane(t, hosts["window"], &outcomes{table: map[string]map[string]int{}}, accessTTL)
	l.die(point)
	time.Sleep(accessTTL) // without power: the token that was there has expired
	if err := syscall.Kill(l.screen.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	hub := l.window(l.h.Product.Desktop).Announced()
	if a := l.ask(hub, point); a.Field("error") != "needs_reauthorization" {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if err := syscall.Kill(l.screen.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	l.toldOnce(point, 0)
	hub.Stop()
}

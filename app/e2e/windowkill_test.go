// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestWindowKilled: a window that was the hub and was killed is in nobody's way,
// neither by the files that it left nor by what it had started. The next start is
// the hub again: the window, by a link, or `serve`.
func TestWindowKilled(t *testing.T) {
	t.Parallel()
	l := newLane(t, hosts["window"], &outcomes{table: map[string]map[string]int{}})
	page, _ := l.h.Window()
	page.See(id("account-"+l.conn.ID), "alice")
	token(t, l.h.WindowHub(), l.key, vendOpenID)
	l.crash()

	page, _ = l.h.Window("standpipe://account/" + l.conn.ID)
	page.Focus(id("account-" + l.conn.ID))
	second := l.h.WindowHub()
	used(t, second, l.op, l.key, answered(t, second, l.key))
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
	l := newLane(t, hosts["window"], &outcomes{table: map[string]map[string]int{}})
	l.die(point)
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

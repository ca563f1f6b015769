// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// resetDone is what `standpipe keys reset --json` prints.
type resetDone struct {
	Replaced     string
	Integrations []struct {
		Slug    string
		Missing []string
	}
	Apps     []struct{ ID, Name string }
	Accounts []struct{ Integration, Account string }
}

// TestLostPassphrase: somebody forgets the passphrase, and has neither a
// recovery key nor a backup. Apps and integrations are there after a reset, and
// what to reconnect is known; a copy of the data folder tells nobody of it.
func TestLostPassphrase(t *testing.T) {
	t.Parallel()
	h, hub, page := deskHub(t, "12s")
	var app struct{ ID, Key string }
	h.JSON(&app, "apps", "add", "canary-editor", "--grant", "github")
	h.CLI("integrations", "set", "slack", "--credentials", "own", "--client-id", "canary-client", "--scope", "users:read",
		"--client-secret-file", h.Write("secret", "canary-secret\n"))
	h.CLI("integrations", "set", "google", "--credentials", "sandbox", "--disable")
	if a := hub.Post(app.Key, vendGitHub, map[string]any{}); a.Status != 200 {
		t.Fatalf("before: %d %s", a.Status, a.Body)
	}
	hub.Stop()

	words := []string{"canary", "octocat", "github", "slack"}
	for path, b := range h.Files() {
		for _, w := range words {
			if name := filepath.Base(path); bytes.Contains(b, []byte(w)) && name != "plugins.lock" {
				t.Errorf("%s tells of %q", path, w)
			}
		}
	}
	keys, _ := filepath.Glob(filepath.Join(h.Dir, ".local/state/standpipe/inventory-*.key"))
	if len(keys) != 1 {
		t.Fatalf("the keys of inventories: %v", keys)
	}
	if info, err := os.Stat(keys[0]); err != nil || info.Mode() != 0o600 {
		t.Errorf("%s: %v, %v", keys[0], info.Mode(), err)
	}

	// The passphrase is lost.
	h.Write("wrong", "correct hearse\n")
	if r := h.Try("doctor", "--key", "passphrase-file:wrong"); r.Exit != 78 || !strings.Contains(r.Stdout, "keeps 3 integrations, 1 apps and the list of 1 accounts") {
		t.Errorf("doctor: %+v", r)
	}
	if r := h.Try("keys", "reset", "--yes", "--apps", "keep"); r.Exit == 0 || !strings.Contains(r.Stderr, "passphrase-file:PATH") {
		t.Errorf("without a new passphrase: %+v", r)
	}
	h.Write("new", "battery staple\n")
	var done resetDone
	h.JSON(&done, "keys", "reset", "--yes", "--apps", "keep", "--key", "passphrase-file:new")
	if len(done.Integrations) != 3 || len(done.Apps) != 1 || done.Apps[0].ID != app.ID || len(done.Accounts) != 1 {
		t.Fatalf("kept: %+v", done)
	}
	if a := done.Accounts[0]; a.Integration != "github" || a.Account != "oc…" {
		t.Errorf("to reconnect: %+v", a)
	}
	for _, in := range done.Integrations {
		if got := strings.Join(in.Missing, " "); in.Slug == "slack" && got != "client_secret scopes" || in.Slug != "slack" && got != "" {
			t.Errorf("%s lacks %q", in.Slug, got)
		}
	}

	// The app is known, and may draw nothing.
	hub = h.Serve()
	draw := func(key string) *rig.Answer {
		return hub.Post(key, vendGitHub, map[string]any{"standpipe": map[string]any{"wait": 0}})
	}
	if a := draw(app.Key); a.Status != 403 || a.Field("code") != "consent_required" {
		t.Errorf("before the account is back: %d %s", a.Status, a.Body)
	}
	if a := draw(app.Key + "x"); a.Status != 401 {
		t.Errorf("a wrong key: %d %s", a.Status, a.Body)
	}
	if r := h.Try("status"); r.Exit != 3 || !strings.Contains(r.Stderr, "To be connected again: github oc…") {
		t.Errorf("status: %+v", r)
	}
	var list []struct {
		Slug, State, Problem string
		ClientID             string `json:"client_id"`
	}
	rig.Eventually(t, "the plugins were asked what they serve", func() bool {
		list = nil
		h.JSON(&list, "integrations", "list")
		for _, in := range list {
			if in.Slug == "slack" {
				return in.State != "unavailable"
			}
		}
		return false
	})
	for _, in := range list {
		want := map[string]string{"slack": "needs_setup", "github": "ready", "google": "disabled"}[in.Slug]
		if want != "" && in.State != want || in.Slug == "slack" && (in.ClientID != "canary-client" || !strings.Contains(in.Problem, "secret")) {
			t.Errorf("%+v", in)
		}
	}
	h.CLI("integrations", "set", "slack", "--client-secret-file", h.Write("secret", "canary-secret\n"))

	// Reconnected: it is not told of any more, and the app needs a grant.
	connect(t, h, page, []string{"github"}, asDemoUser("octocat-demo"))
	if out := h.CLI("connections", "lost"); strings.Contains(out, "github") {
		t.Errorf("lost still: %s", out)
	}
	if a := draw(app.Key); a.Status != 403 || a.Field("code") != "consent_required" {
		t.Errorf("without a grant: %d %s", a.Status, a.Body)
	}
	h.CLI("apps", "grant", app.ID, "github")
	if a := draw(app.Key); a.Status != 200 {
		t.Errorf("with one: %d %s", a.Status, a.Body)
	}
	if out := h.CLI("audit", "--json"); !strings.Contains(out, "store.reset") {
		t.Error("the audit does not tell of the reset")
	}
	h.CLI("audit", "verify")
	if r := h.Try("doctor"); strings.Contains(r.Stdout, "ERROR") || !strings.Contains(r.Stdout, "an inventory is kept") && !strings.Contains(r.Stdout, "inventory is written") {
		t.Errorf("doctor: %+v", r)
	}
}

// TestResetPowerCut kills a reset at each of its steps. What is there afterwards
// is the lost store, and the reset can be made, or the new one with all of it.
func TestResetPowerCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		point string
		done  bool
	}{
		{"restore.staged:kill", false},
		{"restore.built:kill", false},
		{"restore.before-commit:kill", false},
		{"restore.after-commit:kill", true},
		{"restore.moving-old:kill:1", true},
		{"restore.moving-old:kill:2", true},
		{"restore.moving-old:kill:3", true},
		{"restore.moving-old:kill:4", true}, // between two files of the audit
		{"restore.moving-old:kill:5", true},
		{"restore.old-moved:kill", true},
		{"restore.moving-in:kill:1", true},
		{"restore.moving-in:kill:5", true},
		{"restore.moved-in:kill", true},
	} {
		t.Run(c.point, func(t *testing.T) {
			h := rig.NewHome(t)
			h.AddApp("canary", "--all")
			audit, key, found := filepath.Join(h.Data, "audit.jsonl"), filepath.Join(h.Dir, "master.key"), filepath.Join(h.Dir, "found.key")
			if err := os.Rename(audit, audit+".1"); err != nil { // as when it is full
				t.Fatal(err)
			}
			h.AddApp("another", "--all")
			if err := os.Rename(key, found); err != nil {
				t.Fatal(err)
			}
			args := []string{"keys", "reset", "--yes", "--apps", "keep", "--key", "file:new.key"}
			cut(t, h, c.point, args...)
			if r := h.Try("apps", "list"); (r.Exit == 0) != c.done {
				t.Errorf("after the kill: %+v", r)
			}
			if !c.done {
				h.CLI(args...)
			}
			if got := h.CLI("apps", "list"); !strings.Contains(got, "canary") {
				t.Errorf("the app is gone: %s", got)
			}
			if got := auditOf(h); !slices.Equal(got, []string{"store.reset"}) {
				t.Errorf("the new audit: %v", got)
			}
			left, _ := filepath.Glob(filepath.Join(h.Data, "replaced-*"))
			if len(left) != 1 {
				t.Fatalf("the lost store is not kept once: %v", left)
			}
			// The key turns up.
			if err := os.Rename(found, key); err != nil {
				t.Fatal(err)
			}
			if got := auditOf(h, "--data", left[0]); !slices.Equal(got, []string{"app.add", "app.add"}) {
				t.Errorf("the audit of the lost store: %v", got)
			}
		})
	}
}

// auditOf are the actions that the audit has, which must be whole, oldest first.
func auditOf(h *rig.Home, flags ...string) (actions []string) {
	h.CLI(append(flags, "audit", "verify")...)
	for line := range strings.Lines(h.CLI(append(flags, "audit", "export")...)) {
		var e struct{ Action string }
		rig.Decode(h, line, &e)
		actions = append(actions, e.Action)
	}
	return actions
}

// TestInventoryPowerCut kills a command between the two files of an inventory.
func TestInventoryPowerCut(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.AddApp("first", "--all")
	cut(t, h, "inventory.written:kill", "apps", "add", "second")
	var done resetDone
	h.JSON(&done, "keys", "reset", "--yes", "--apps", "keep")
	if len(done.Apps) != 2 {
		t.Errorf("kept: %+v", done)
	}
}

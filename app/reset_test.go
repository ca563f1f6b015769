// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func keepApps([]hub.KeptApp) (bool, error) { return true, nil }

// lived is a machine whose hub ran and kept an inventory, of one app, one
// account and one integration.
func lived(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.born("one")
	a := m.open()
	if _, _, err := a.access.Add(t.Context(), hub.NewApp{Name: "editor", All: true}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

// open opens the hub of a machine as a command does.
func (m *machine) open() *App {
	m.t.Helper()
	a, err := Open(m.t.Context(), m.options())
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

func (m *machine) options() Options {
	return Options{Data: m.data, Config: m.config(), Plugins: []string{m.dir}, Offline: true}
}

// config is the configuration file of a machine, which is made where it is
// missing.
func (m *machine) config() string {
	path := filepath.Join(m.dir, "standpipe.hcl")
	if _, err := os.Stat(path); err != nil {
		m.write("standpipe.hcl", "")
	}
	return path
}

func (m *machine) write(name, content string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) lose(name string) {
	m.t.Helper()
	if err := os.RemoveAll(filepath.Join(m.dir, name)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) move(from, to string) {
	m.t.Helper()
	if err := os.Rename(filepath.Join(m.dir, from), filepath.Join(m.dir, to)); err != nil {
		m.t.Fatal(err)
	}
}

// wantAudit opens the hub of a data folder, and wants its audit to be whole and
// to tell of this.
func (m *machine) wantAudit(data string, want ...hub.AuditAction) {
	m.t.Helper()
	opts := m.options()
	opts.Data = data
	a, err := Open(m.t.Context(), opts)
	if err != nil {
		m.t.Fatal(err)
	}
	defer a.Close()
	if r, err := a.audit.Verify(m.t.Context()); err != nil || len(r.Problems) > 0 {
		m.t.Errorf("verify: %+v, %v", r.Problems, err)
	}
	var got []hub.AuditAction
	for r, err := range a.audit.Read(m.t.Context(), hub.AuditFilter{}) {
		if err != nil {
			m.t.Error(err)
		}
		got = append(got, r.Action)
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("the audit tells of %v, want %v", got, want)
	}
}

// auditFiles names the files of the audit in a folder, which must be nobody
// else's.
func (m *machine) auditFiles(dir string) (names []string) {
	m.t.Helper()
	paths, _ := filepath.Glob(filepath.Join(dir, "audit.jsonl*"))
	for _, path := range append(paths, dir) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			m.t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

// TestReset: with an inventory there is something to begin from, whatever kind
// of key was lost and whatever is the new one.
func TestReset(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(m *machine)
		key  string // the new one, in the machine's folder
	}{
		"key file":           {func(m *machine) { m.lose("key") }, ""},
		"header":             {func(m *machine) { m.lose("data/vault.json") }, "file:other"},
		"damaged header":     {func(m *machine) { m.write("data/vault.json", "{") }, "file:other"},
		"emptied store":      {func(m *machine) { m.lose("data/store") }, "file:other"},
		"to a passphrase":    {func(m *machine) { m.lose("key") }, "passphrase-file:phrase"},
		"nothing but itself": {func(m *machine) { m.lose("key"); m.lose("data/store"); m.lose("data/vault.json") }, "file:other"},
	} {
		t.Run(name, func(t *testing.T) {
			m := lived(t)
			m.write("phrase", "correct horse\n")
			c.lose(m)
			opts := m.options()
			if kind, path, ok := strings.Cut(c.key, ":"); ok {
				opts.Key = kind + ":" + filepath.Join(m.dir, path)
			}
			done, err := Reset(t.Context(), opts, ResetOptions{Apps: keepApps})
			if err != nil {
				t.Fatal(err)
			}
			if len(done.Kept.Apps) != 1 || done.Kept.Count() != 1 || done.Kept.Accounts[0].Integration != "acme" {
				t.Errorf("kept: %+v", done.Kept)
			}
			a := m.open()
			defer a.Close()
			apps, _ := a.access.List(t.Context())
			lost, err := a.lost.List(t.Context())
			if len(apps) != 1 || apps[0].Name != "editor" || apps[0].All || err != nil || lost.Count() != 1 {
				t.Errorf("apps %+v, lost %+v, %v", apps, lost, err)
			}
			if n := a.allNotices(t.Context()); len(n) != 1 || !strings.Contains(n[0].Message, "acme") {
				t.Errorf("notices: %+v", n)
			}
		})
	}
}

// TestResetKeepsWhatIsWanted: the person decides about apps; and a reset that
// fails changes nothing.
func TestResetKeepsWhatIsWanted(t *testing.T) {
	m := lived(t)
	before := m.states()
	failed := errors.New("nobody answered")
	if _, err := Reset(t.Context(), m.options(), ResetOptions{Apps: func([]hub.KeptApp) (bool, error) { return false, failed }}); !errors.Is(err, failed) {
		t.Errorf("unanswered: %v", err)
	}
	m.write("data/inventory", "\x01 of an attacker, who would have an app put back")
	if _, err := Reset(t.Context(), m.options(), ResetOptions{Apps: keepApps}); err == nil || !strings.Contains(hub.AsError(err).Remedy, "--empty") {
		t.Errorf("tampered: %v", err)
	}
	if after := m.states(); len(after) != len(before) {
		t.Errorf("before %v, after %v", before, after)
	}
	if err := m.open().Close(); err != nil { // the hub starts with it
		t.Error(err)
	}
}

func TestResetWithoutApps(t *testing.T) {
	m := lived(t)
	done, err := Reset(t.Context(), m.options(), ResetOptions{Apps: func(list []hub.KeptApp) (bool, error) { return len(list) != 1, nil }})
	if err != nil || len(done.Kept.Apps) != 0 || done.Kept.Count() != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	a := m.open()
	if apps, _ := a.access.List(t.Context()); len(apps) > 0 {
		t.Errorf("an app is back: %+v", apps)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if done, err = Reset(t.Context(), m.options(), ResetOptions{Empty: true}); err != nil || done.Kept.Count() != 0 || done.Replaced == "" {
		t.Errorf("nothing kept: %+v, %v", done, err)
	}
}

// TestResetPutsTheAuditAside: what was sealed for the lost key goes with the lost
// store, and is whole there should the key turn up. The audit that begins is
// whole too, and says why it begins.
func TestResetPutsTheAuditAside(t *testing.T) {
	m := lived(t)
	m.move("data/audit.jsonl", "data/audit.jsonl.1") // as when it is full
	a := m.open()
	a.vault.Lock()
	if err := a.audit.Record(t.Context(), hub.AuditEntry{Action: hub.AuditLock, Decision: hub.AuditAllowed, App: "user"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	m.move("key", "found")
	opts := m.options()
	opts.Key = "file:" + filepath.Join(m.dir, "other")
	done, err := Reset(t.Context(), opts, ResetOptions{Apps: keepApps})
	if err != nil {
		t.Fatal(err)
	}
	m.wantAudit(m.data, hub.AuditReset)
	if got := m.auditFiles(m.data); !slices.Equal(got, []string{"audit.jsonl"}) {
		t.Errorf("the new audit is in %v", got)
	}
	if got := m.auditFiles(done.Replaced); !slices.Equal(got, []string{"audit.jsonl", "audit.jsonl.1"}) {
		t.Errorf("aside lie %v", got)
	}
	a = m.open()
	if f := checkReplaced(t.Context(), a); !strings.Contains(f[0].Detail, "with the audit of their time: "+done.Replaced) {
		t.Errorf("doctor: %+v", f)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}

	m.move("found", "key")
	m.wantAudit(done.Replaced, hub.AuditAppAdd, hub.AuditLock)
}

// TestNoInventory: who wants none has none, and one that there was is removed.
func TestNoInventory(t *testing.T) {
	m := lived(t)
	found := func() (out []string) {
		for _, pattern := range []string{"data/inventory", "state/standpipe/*"} {
			paths, _ := filepath.Glob(filepath.Join(m.dir, pattern))
			out = append(out, paths...)
		}
		return out
	}
	if len(found()) != 2 {
		t.Fatalf("an inventory: %v", found())
	}
	m.write("standpipe.hcl", "vault { inventory = false }\n")
	a := m.open()
	if _, _, err := a.access.Add(t.Context(), hub.NewApp{Name: "another"}); err != nil {
		t.Fatal(err)
	}
	if f := checkInventory(t.Context(), a); f[0].Status != "ok" {
		t.Errorf("doctor: %+v", f)
	}
	if err := a.Close(); err != nil || len(found()) != 0 {
		t.Errorf("left: %v, %v", found(), err)
	}

	// A key that others can read is not used, and doctor says how to mend it.
	m.write("standpipe.hcl", "")
	if err := m.open().Close(); err != nil {
		t.Fatal(err)
	}
	keys, _ := filepath.Glob(filepath.Join(m.dir, "state/standpipe/*.key"))
	if len(keys) != 1 {
		t.Fatalf("keys: %v", keys)
	}
	if err := os.Chmod(keys[0], 0o644); err != nil {
		t.Fatal(err)
	}
	a = m.open()
	if f := checkInventory(t.Context(), a); f[0].Status == "ok" || !strings.Contains(f[0].Remedy, "chmod 600") {
		t.Errorf("doctor: %+v", f)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}

	// Where it cannot be written, the hub works all the same, and doctor tells.
	m.write("standpipe.hcl", "")
	m.lose("state")
	m.write("state", "a file where the folder should be")
	a = m.open()
	defer a.Close()
	if _, _, err := a.access.Add(t.Context(), hub.NewApp{Name: "third"}); err != nil {
		t.Fatal(err)
	}
	if err := a.inventory.Close(); err != nil || a.inventory.Err() == nil {
		t.Errorf("close: %v, told: %v", err, a.inventory.Err())
	}
	if f := checkInventory(t.Context(), a); f[0].Status == "ok" {
		t.Errorf("doctor: %+v", f)
	}
}

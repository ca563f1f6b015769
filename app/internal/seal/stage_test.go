// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/keychain"
)

// settled makes a store that has been used: keys, and a file where the
// database would be.
func settled(t *testing.T, dir string, v *Vault, content string) {
	t.Helper()
	if err := os.MkdirAll(StoreDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(StoreDir(dir), "db"), content)
	if err := v.Settle(); err != nil {
		t.Fatal(err)
	}
}

// wantStore opens what is in dir and wants it to be the store of an id, with
// that content.
func wantStore(t *testing.T, dir, id, content string) {
	t.Helper()
	v, err := Open(dir, Source{})
	if err != nil {
		t.Fatal(err)
	}
	if v.StoreID() != id {
		t.Errorf("the store is %s, want %s", v.StoreID(), id)
	}
	if b, err := os.ReadFile(filepath.Join(StoreDir(dir), "db")); err != nil || string(b) != content {
		t.Errorf("the database: %q, %v; want %q", b, err, content)
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestStageAndInstall(t *testing.T) {
	for _, kind := range []string{"keychain", "file", "passphrase-file", "credential"} {
		t.Run(kind, func(t *testing.T) {
			useKeychain(t)
			work := t.TempDir()
			dir, arg := filepath.Join(work, "data"), kind
			switch kind {
			case "file":
				arg += ":" + filepath.Join(work, "key")
			case "passphrase-file":
				arg += ":" + write(t, filepath.Join(work, "phrase"), "open sesame\n")
			case "credential":
				t.Setenv("CREDENTIALS_DIRECTORY", work)
				write(t, filepath.Join(work, "name"), strings.Repeat("k", keySize))
				arg += ":name"
			}
			old := mustInit(t, dir, source(t, arg))
			settled(t, dir, old, "old")

			v, _, err := Stage(dir, source(t, arg))
			if err != nil {
				t.Fatal(err)
			}
			settled(t, Incoming(dir), v, "new")
			wantStore(t, dir, old.StoreID(), "old")
			if err := Prove(dir); err != nil {
				t.Fatal(err)
			}
			replaced, err := Install(dir)
			if err != nil {
				t.Fatal(err)
			}
			wantStore(t, dir, v.StoreID(), "new")
			wantStore(t, replaced, old.StoreID(), "old")
			got := slices.DeleteFunc(names(t, dir), func(n string) bool { return n == "anchor" }) // where it lies nowhere better
			if len(got) != 3 {                                                                    // store, vault.json, replaced-…
				t.Errorf("left: %v", got)
			}
		})
	}
}

func TestInstallIntoAnEmptyFolder(t *testing.T) {
	k := useKeychain(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	v, _, err := Stage(dir, Source{})
	if err != nil {
		t.Fatal(err)
	}
	settled(t, Incoming(dir), v, "new")
	if err := Prove(dir); err != nil {
		t.Fatal(err)
	}
	if replaced, err := Install(dir); err != nil || replaced != "" {
		t.Fatalf("replaced %q, %v", replaced, err)
	}
	wantStore(t, dir, v.StoreID(), "new")
	if len(k.items) != 3 { // the key, the anchor, and which store the folder holds
		t.Errorf("the keychain has %d items", len(k.items))
	}
}

// TestDiscard leaves nothing: no folder, no key file, no item.
func TestDiscard(t *testing.T) {
	k := useKeychain(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	for _, s := range []string{"keychain", "file:" + key} {
		_, discard, err := Stage(dir, source(t, s))
		if err != nil {
			t.Fatal(err)
		}
		discard()
	}
	if got := names(t, dir); len(got) != 0 || len(k.items) != 0 {
		t.Errorf("left %v, and %d items in the keychain", got, len(k.items))
	}
	if _, err := os.Lstat(key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the key file: %v", err)
	}
}

// TestResume builds each state in which a kill can leave the folder by going so
// far and no further, and wants the old store before the commit and the new one
// after it.
func TestResume(t *testing.T) {
	move := func(from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	steps := []struct {
		name string
		do   func(*testing.T, string)
	}{
		{"staged", func(*testing.T, string) {}},
		{"committed", move("incoming", "restored-T")},
		{"old header away", move("vault.json", "replaced-T/vault.json")},
		{"old store away", move("store", "replaced-T/store")},
		{"arriving", move("restored-T", "arriving-T")},
		{"new header in", move("arriving-T/vault.json", "vault.json")},
		{"new store in", move("arriving-T/store", "store")},
		{"done", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "arriving-T")); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for n, last := range steps {
		t.Run(last.name, func(t *testing.T) {
			k := useKeychain(t)
			dir := filepath.Join(t.TempDir(), "data")
			old := mustInit(t, dir, Source{})
			settled(t, dir, old, "old")
			v, _, err := Stage(dir, Source{})
			if err != nil {
				t.Fatal(err)
			}
			settled(t, Incoming(dir), v, "new")
			for _, step := range steps[:n+1] {
				step.do(t, dir)
			}
			for range 2 { // again does nothing
				if err := Resume(dir); err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					wantStore(t, dir, old.StoreID(), "old")
				} else {
					wantStore(t, dir, v.StoreID(), "new")
					wantStore(t, filepath.Join(dir, "replaced-T"), old.StoreID(), "old")
				}
				for _, name := range names(t, dir) {
					if strings.HasPrefix(name, restoredPrefix) || strings.HasPrefix(name, arrivingPrefix) || name == incomingName {
						t.Errorf("%s was left", name)
					}
				}
				// Of each store that is there the key and the anchor, and which
				// store the folder holds: nothing is left of one that never came.
				kept := []string{"folder:" + dir, old.StoreID(), "anchor:" + old.StoreID()}
				if n > 0 {
					kept = append(kept, "folder:"+filepath.Join(dir, "replaced-T"), v.StoreID(), "anchor:"+v.StoreID())
				}
				for account := range k.items {
					if account = strings.TrimPrefix(account, keychain.Service+"/"); !slices.Contains(kept, account) && last.name != "done" {
						t.Errorf("the item %s was left in the keychain", account)
					}
				}
			}
		})
	}
}

// TestResumeWithAnAudit: an audit stays where it is; but it goes aside with its
// store, whole, where the new store brings its own, wherever a kill cuts that.
func TestResumeWithAnAudit(t *testing.T) {
	old := map[string]string{"audit.jsonl": "3", "audit.jsonl.1": "2", "audit.jsonl.31": "1", "audit.jsonl.old": "the user's"}
	for name, c := range map[string]struct {
		brought, here, aside []string
		before               []string // what was moved aside before the kill
	}{
		"stays":             {nil, []string{"3", "2", "1", "the user's"}, nil, nil},
		"begins anew":       {[]string{"audit.jsonl"}, []string{"new", "the user's"}, []string{"3", "2", "1"}, nil},
		"killed on the way": {[]string{"audit.jsonl"}, []string{"new", "the user's"}, []string{"3", "2", "1"}, []string{"audit.jsonl", "audit.jsonl.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			useKeychain(t)
			dir := filepath.Join(t.TempDir(), "data")
			settled(t, dir, mustInit(t, dir, Source{}), "old")
			for name, content := range old {
				write(t, filepath.Join(dir, name), content)
			}
			v, _, err := Stage(dir, Source{})
			if err != nil {
				t.Fatal(err)
			}
			settled(t, Incoming(dir), v, "new")
			for _, name := range c.brought {
				write(t, filepath.Join(Incoming(dir), name), "new")
			}
			aside := filepath.Join(dir, "replaced-T")
			if err := errors.Join(os.Rename(Incoming(dir), filepath.Join(dir, "restored-T")), os.Mkdir(aside, 0o700)); err != nil {
				t.Fatal(err)
			}
			for _, name := range c.before {
				if err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // again does nothing
				if err := Resume(dir); err != nil {
					t.Fatal(err)
				}
				wantStore(t, dir, v.StoreID(), "new")
				if got := audits(t, dir); !slices.Equal(got, c.here) {
					t.Errorf("here: %q, want %q", got, c.here)
				}
				if got := audits(t, aside); !slices.Equal(got, c.aside) {
					t.Errorf("aside: %q, want %q", got, c.aside)
				}
			}
		})
	}
}

// audits are the contents of the files of the audit in a folder, in the order of
// their names.
func audits(t *testing.T, dir string) (out []string) {
	t.Helper()
	for _, name := range names(t, dir) {
		if !strings.HasPrefix(name, "audit.jsonl") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// TestKilledWhileStaging: also where not even the header of the staged store
// was written, its items are found.
func TestKilledWhileStaging(t *testing.T) {
	k := useKeychain(t)
	dir := filepath.Join(t.TempDir(), "data")
	old := mustInit(t, dir, Source{})
	settled(t, dir, old, "old")
	before := maps.Clone(k.items)
	if _, _, err := Stage(dir, Source{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(headerPath(Incoming(dir))); err != nil {
		t.Fatal(err)
	}
	if err := Resume(dir); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(k.items, before) {
		t.Errorf("the keychain has %v, had %v", slices.Sorted(maps.Keys(k.items)), slices.Sorted(maps.Keys(before)))
	}
}

// TestSweepTakesNoKeyThatCounts: who can write the data folder cannot have the
// key of a store removed.
func TestSweepTakesNoKeyThatCounts(t *testing.T) {
	k := useKeychain(t)
	dir := filepath.Join(t.TempDir(), "data")
	old := mustInit(t, dir, Source{})
	settled(t, dir, old, "old")
	v, _, err := Stage(dir, Source{})
	if err != nil {
		t.Fatal(err)
	}
	settled(t, Incoming(dir), v, "new")
	if _, err := Install(dir); err != nil {
		t.Fatal(err)
	}
	k.items[keychain.Service+"/"+incomingAccount(dir)] = v.StoreID() // at worst
	if _, err := Open(dir, Source{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(headerPath(dir), headerPath(dir)+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(Incoming(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, headerPath(Incoming(dir)), "{}")
	if err := Resume(dir); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{v.StoreID(), old.StoreID(), "anchor:" + v.StoreID()} {
		if k.items[keychain.Service+"/"+account] == "" {
			t.Errorf("the item %s is gone", account)
		}
	}
}

func TestResumeOfNothing(t *testing.T) {
	if err := Resume(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}

func TestOccupied(t *testing.T) {
	useKeychain(t)
	dir := filepath.Join(t.TempDir(), "data")
	want := func(what string, nothing, empty bool, id string) {
		t.Helper()
		o, err := Occupied(dir)
		if err != nil {
			t.Fatal(err)
		}
		if (o == nil) != nothing || o != nil && (o.Empty != empty || o.StoreID != id) {
			t.Errorf("%s: %+v", what, o)
		}
	}
	want("no folder", true, false, "")
	v, err := Init(dir, Source{})
	if err != nil {
		t.Fatal(err)
	}
	want("keys", false, true, v.StoreID())
	settled(t, dir, v, "db")
	want("a store", false, false, v.StoreID())
	write(t, filepath.Join(dir, "vault.json"), "{")
	want("a damaged header", false, false, "")
	if err := os.Remove(filepath.Join(dir, "vault.json")); err != nil {
		t.Fatal(err)
	}
	want("a store without a header", false, false, "")
}

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/keychain"
	"github.com/standpipe/standpipe/sdk/secret"
)

// sealedBy seals something, to see later that the vault still opens it.
func sealedBy(t *testing.T, v *Vault) []byte {
	t.Helper()
	b, err := v.Seal(nil, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantOpens(t *testing.T, v *Vault, sealed []byte) {
	t.Helper()
	if got, err := v.Open(nil, sealed); err != nil || string(got) != "content" {
		t.Errorf("opened %q, %v", got, err)
	}
}

// TestChangeSource goes from each kind of source to each other.
func TestChangeSource(t *testing.T) {
	work := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", work)
	write(t, filepath.Join(work, "sp"), strings.Repeat("k", keySize))
	write(t, filepath.Join(work, "phrase"), "correct horse\n")
	kinds := []string{"keychain", "file", "passphrase-file", "passphrase-fd", "credential"}
	make := func(t *testing.T, kind, dir string) Source {
		switch kind {
		case "file":
			return source(t, "file:"+filepath.Join(dir, "..", "key"))
		case "passphrase-file":
			return source(t, "passphrase-file:"+filepath.Join(work, "phrase"))
		case "passphrase-fd":
			return Passphrase(secret.New("typed horse"))
		case "credential":
			return source(t, "credential:sp")
		}
		return Source{}
	}
	for _, from := range kinds {
		for _, to := range kinds {
			if from == to {
				continue
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				k := useKeychain(t)
				dir := filepath.Join(t.TempDir(), "data")
				v := mustInit(t, dir, make(t, from, dir))
				if err := v.SetAnchor(7); err != nil {
					t.Fatal(err)
				}
				sealed, before := sealedBy(t, v), v.Info().Anchor
				if err := v.ChangeSource(make(t, to, dir)); err != nil {
					t.Fatal(err)
				}
				wantOpens(t, v, sealed)
				again := Source{}
				if to == "passphrase-fd" {
					again = make(t, to, dir)
				}
				w, err := Open(dir, again)
				if err != nil {
					t.Fatal(err)
				}
				wantOpens(t, w, sealed)
				if !strings.HasPrefix(w.Info().Source, to) {
					t.Errorf("it remembers %q", w.Info().Source)
				}
				if epoch, err := w.Anchor(); err != nil || epoch != 7 {
					t.Errorf("the anchor did not come along: %d, %v", epoch, err)
				}
				if from == "keychain" && len(k.items) > 0 {
					t.Errorf("the keychain still has %d items", len(k.items))
				}
				if after := w.Info().Anchor; before != after && before != "keychain" {
					if _, err := os.Stat(before); err == nil {
						t.Errorf("the old anchor %s is still there", before)
					}
				}
			})
		}
	}
}

// TestChangeSourceKilledAtTheEnd: the next start removes what the old source left
// in the keychain, and then asks the keychain no more.
func TestChangeSourceKilledAtTheEnd(t *testing.T) {
	k := useKeychain(t)
	dir := filepath.Join(t.TempDir(), "data")
	v := mustInit(t, dir, Source{})
	sealed := sealedBy(t, v)
	if err := v.place(source(t, "file:"+filepath.Join(dir, "..", "key"))); err != nil { // and no more
		t.Fatal(err)
	}
	if len(k.items) == 0 {
		t.Fatal("nothing was left behind")
	}
	open := func() {
		t.Helper()
		w, err := Open(dir, Source{})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		wantOpens(t, w, sealed)
		if err := w.RemoveLeftovers(); err != nil {
			t.Fatal(err)
		}
	}
	k.err = errors.New("the keychain is locked")
	open()
	k.err = nil
	open()
	if len(k.items) != 0 {
		t.Errorf("the keychain still has %v", slices.Collect(maps.Keys(k.items)))
	}
	k.calls = 0
	open()
	if k.calls != 0 {
		t.Errorf("with nothing left, the keychain was asked %d times", k.calls)
	}
}

// TestOldSecretOpensNoMore: of two passphrases the old one is of no use, and
// what was wrong leaves everything as it was.
func TestOldSecretOpensNoMore(t *testing.T) {
	useKeychain(t)
	dir := filepath.Join(t.TempDir(), "data")
	v := mustInit(t, dir, Passphrase(secret.New("old horse")))
	sealed := sealedBy(t, v)
	if err := v.ChangeSource(source(t, "passphrase-file:"+filepath.Join(dir, "missing"))); err == nil {
		t.Error("a missing file became the source")
	}
	if _, err := Open(dir, Passphrase(secret.New("old horse"))); err != nil {
		t.Errorf("after a change that failed: %v", err)
	}
	if err := v.ChangeSource(Passphrase(secret.New("new horse"))); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Passphrase(secret.New("old horse")))
	wantErr(t, err, ErrWrongKey)
	w, err := Open(dir, Passphrase(secret.New("new horse")))
	if err != nil {
		t.Fatal(err)
	}
	wantOpens(t, w, sealed)
	v.Lock()
	if err := v.ChangeSource(Source{}); err == nil {
		t.Error("a locked vault changed its source")
	}
	k := mustInit(t, filepath.Join(t.TempDir(), "k"), Source{})
	if err := k.ChangeSource(Source{}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("from the keychain to the keychain: %v", err)
	}
}

func TestRecover(t *testing.T) {
	for _, kind := range []string{"passphrase", "keychain", "file"} {
		t.Run(kind, func(t *testing.T) {
			k := useKeychain(t)
			root := t.TempDir()
			dir := filepath.Join(root, "data")
			first := Source{}
			switch kind {
			case "passphrase":
				first = Passphrase(secret.New("forgotten"))
			case "file":
				first = source(t, "file:"+filepath.Join(root, "key"))
			}
			v := mustInit(t, dir, first)
			_, err := Recover(dir, secret.New("AAAA"), Source{})
			wantErr(t, err, ErrKeyMissing, "keys reset")
			old, err := v.NewRecoveryKey()
			if err != nil {
				t.Fatal(err)
			}
			key, err := v.NewRecoveryKey()
			if err != nil || !v.Info().Recovery {
				t.Fatal(err)
			}
			header, err := os.ReadFile(headerPath(dir))
			if err != nil || strings.Contains(string(header), key.Reveal()) {
				t.Fatalf("the header holds the recovery key (%v)", err)
			}
			sealed := sealedBy(t, v)

			clear(k.items) // wiped
			_ = os.Remove(filepath.Join(root, "key"))
			_, err = Recover(dir, old, Source{})
			wantErr(t, err, ErrWrongKey)
			if _, err := Recover(dir, secret.New("not a key"), Source{}); err == nil {
				t.Error("any text is a recovery key")
			}
			sloppy := secret.New(" " + strings.ToLower(strings.ReplaceAll(key.Reveal(), "-", " ")) + "\n")
			// The new source is of the lost one's kind and place, unless it is said.
			to, want := Source{}, first.String()
			switch kind {
			case "passphrase":
				_, err := Recover(dir, sloppy, to)
				if err == nil || !strings.Contains(hub.AsError(err).Remedy, "--key") {
					t.Errorf("a new passphrase out of nothing: %v", err)
				}
				to.Kind, want = Keychain, "keychain"
			case "keychain":
				want = "keychain"
			}
			w, err := Recover(dir, sloppy, to)
			if err != nil {
				t.Fatal(err)
			}
			wantOpens(t, w, sealed)
			if w, err = Open(dir, Source{}); err != nil {
				t.Fatal(err)
			}
			wantOpens(t, w, sealed)
			if _, err := w.Anchor(); err != nil || w.Info().Source != want {
				t.Errorf("%+v, %v", w.Info(), err)
			}
			// The key goes on to be good.
			if _, err := Recover(dir, key, Passphrase(secret.New("another"))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestReplaceLostKey: a store whose keychain item was wiped gives way to a new
// one in the keychain, and is kept.
func TestReplaceLostKey(t *testing.T) {
	k := useKeychain(t)
	dir := filepath.Join(t.TempDir(), "data")
	v := mustInit(t, dir, Source{})
	if err := k.Delete(keychain.Service, v.StoreID()); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Source{})
	wantErr(t, err, ErrKeyMissing)
	if _, _, err := Stage(dir, Source{}); err != nil {
		t.Fatal(err)
	}
	kept, err := Install(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(kept, "vault.json")); err != nil {
		t.Errorf("the old vault was not kept: %v", err)
	}
	w, err := Open(dir, Source{})
	if err != nil || w.StoreID() == v.StoreID() {
		t.Errorf("a new vault: %v", err)
	}
}

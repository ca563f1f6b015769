// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

func wantStorage(t *testing.T, err error, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*hub.Error](err)
	if !ok || e.Remedy == "" {
		t.Fatalf("%v (%T) is no *hub.Error with a remedy", err, err)
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("the error does not say %q:\n%v", w, e)
		}
	}
}

func TestSecondOpener(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	fill(t, s)
	_, err := Open(seal.StoreDir(dir), v, nil)
	wantStorage(t, err, "in use by another process", fmt.Sprintf("pid %d", os.Getpid()))
	if _, err := s.Get(t.Context(), victim); err != nil {
		t.Errorf("the first one was disturbed: %v", err)
	}
}

func TestStoreMissing(t *testing.T) {
	wantMissing := func(t *testing.T, dir string, v Sealer) {
		t.Helper()
		_, err := Open(seal.StoreDir(dir), v, nil)
		if !errors.Is(err, ErrStoreMissing) {
			t.Fatalf("%v, want ErrStoreMissing", err)
		}
		wantStorage(t, err, "store missing", "backup")
		if hub.OutcomeOf(hub.AsError(err).Code).Exit == 0 {
			t.Error("exit code 0")
		}
	}
	t.Run("removed", func(t *testing.T) {
		dir, v, _ := atRest(t)
		if err := os.RemoveAll(seal.StoreDir(dir)); err != nil {
			t.Fatal(err)
		}
		wantMissing(t, dir, v)
		if _, err := os.Stat(seal.StoreDir(dir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a new store was made: %v", err)
		}
	})
	t.Run("emptied folder", func(t *testing.T) {
		dir, v, _ := atRest(t)
		if err := os.RemoveAll(seal.StoreDir(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(seal.StoreDir(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		wantMissing(t, dir, v)
	})
	t.Run("emptied database", func(t *testing.T) {
		dir, v, _ := atRest(t)
		edit(t, dir, func(txn *badger.Txn) error {
			it := txn.NewIterator(badger.DefaultIteratorOptions)
			defer it.Close()
			for it.Rewind(); it.Valid(); it.Next() {
				if err := txn.Delete(it.Item().KeyCopy(nil)); err != nil {
					return err
				}
			}
			return nil
		})
		wantMissing(t, dir, v)
	})
	t.Run("the store of other keys", func(t *testing.T) {
		dir, v, _ := atRest(t)
		foreign, _, _ := atRest(t)
		if err := os.RemoveAll(seal.StoreDir(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(seal.StoreDir(foreign), seal.StoreDir(dir)); err != nil {
			t.Fatal(err)
		}
		wantMissing(t, dir, v)
	})
}

// TestBirthIsInterrupted stops between each two steps of a birth.
func TestBirthIsInterrupted(t *testing.T) {
	t.Run("before the record", func(t *testing.T) {
		dir, v := newVault(t)
		edit(t, dir, func(*badger.Txn) error { return nil }) // an empty database
		if err := os.Chmod(seal.StoreDir(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		fill(t, openStore(t, dir, v))
	})
	t.Run("before the note", func(t *testing.T) {
		dir, v := newVault(t)
		s, err := Open(seal.StoreDir(dir), forgetful{v}, nil)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if !v.Fresh() {
			t.Fatal("the test does not test")
		}
		if _, err := openStore(t, dir, v).Get(t.Context(), victim); err != nil || v.Fresh() {
			t.Errorf("after the interruption: %v", err)
		}
	})
	t.Run("over something else", func(t *testing.T) {
		dir, v := newVault(t)
		edit(t, dir, func(txn *badger.Txn) error { return txn.Set([]byte("theirs"), []byte("x")) })
		_, err := Open(seal.StoreDir(dir), v, nil)
		wantStorage(t, err, "something else")
	})
}

// forgetful is killed before it can note the birth.
type forgetful struct{ *seal.Vault }

func (forgetful) Settle() error { return nil }

func TestClosed(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get(t.Context(), victim)
	if hub.AsError(err).Code != hub.CodeStorage {
		t.Errorf("get: %v", err)
	}
	err = s.Update(t.Context(), func(tx hub.Tx) error { _, err := tx.Put(victim, 0, nil); return err })
	if hub.AsError(err).Code != hub.CodeStorage {
		t.Errorf("update: %v", err)
	}
	for _, err := range s.List(t.Context(), victim.Kind) {
		if hub.AsError(err).Code != hub.CodeStorage {
			t.Errorf("list: %v", err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	err := s.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(victim, 0, make([]byte, maxValue+1))
		return err
	})
	if hub.AsError(err).Code != hub.CodeInvalid {
		t.Errorf("a value over the limit: %v", err)
	}
	err = s.Update(t.Context(), func(tx hub.Tx) error {
		for i := range 100 {
			if _, err := tx.Put(hub.Ref{Kind: victim.Kind, ID: fmt.Sprint(i)}, 0, make([]byte, 60_000)); err != nil {
				return err
			}
		}
		return nil
	})
	if hub.AsError(err).Code != hub.CodeInvalid {
		t.Errorf("an update over the limit: %v", err)
	}
	if _, err := s.Get(t.Context(), hub.Ref{Kind: victim.Kind, ID: "0"}); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("a part of it was applied: %v", err)
	}
}

// TestNothingReadable looks for planted words in every file of the data folder,
// while the store is open and after it was closed.
func TestNothingReadable(t *testing.T) {
	words := []string{"gho_canaryTOKEN", "canary@example.org", "repo:canary-scope", "canary-record-id", "canary-large"}
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	for i := range 300 {
		ref := hub.Ref{Kind: hub.KindConnection, ID: fmt.Sprintf("canary-record-id-%d", i)}
		value := []byte(strings.Join(words, " "))
		if i%100 == 0 {
			value = bytes.Repeat([]byte("canary-large"), 10_000)
		}
		if err := s.Update(t.Context(), func(tx hub.Tx) error { _, err := tx.Put(ref, 0, value); return err }); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []hub.Kind{hub.KindConnection, hub.KindTokens, hub.KindIntegration, born.Kind} {
		words = append(words, string(kind))
	}
	scan := func(when string) {
		size := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Base(path) == "vault.json" {
				return err // the header is JSON: its field names are words
			}
			b, err := os.ReadFile(path)
			size += len(b)
			for _, w := range words {
				if bytes.Contains(b, []byte(w)) {
					t.Errorf("%s: %s holds %q", when, filepath.Base(path), w)
				}
			}
			return err
		})
		if err != nil || size < 300*100 {
			t.Fatalf("%s: looked at %d bytes (%v)", when, size, err)
		}
	}
	scan("open")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	scan("closed")
}

// TestEmptyLogFile: a kill between making a log file and giving it its length
// does not keep the store from opening.
func TestEmptyLogFile(t *testing.T) {
	ref := hub.Ref{Kind: hub.KindTokens, ID: "a"}
	for _, kind := range []string{".mem", ".vlog"} {
		t.Run(kind, func(t *testing.T) {
			dir, v := newVault(t)
			s := openStore(t, dir, v)
			err := s.Update(t.Context(), func(tx hub.Tx) error {
				_, err := tx.Put(ref, 0, []byte("kept"))
				return err
			})
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			last := 0
			for name := range readFiles(t, seal.StoreDir(dir)) {
				n := 0
				if _, err := fmt.Sscanf(name, "%d"+kind, &n); err == nil {
					last = max(last, n)
				}
			}
			name := fmt.Sprintf("%05d.mem", last+1)
			if kind == ".vlog" {
				name = fmt.Sprintf("%06d.vlog", last+1)
			}
			if err := os.WriteFile(filepath.Join(seal.StoreDir(dir), name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, dir, v)
			if r, err := s.Get(t.Context(), ref); err != nil || string(r.Value) != "kept" {
				t.Errorf("with an empty %s: %q, %v", name, r.Value, err)
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// fillMany writes n connections with their tokens, and an index with a slash.
func fillMany(t testing.TB, s *Store, n int) {
	t.Helper()
	for at := 0; at < n; at += 50 {
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			for i := at; i < min(at+50, n); i++ {
				id := strconv.Itoa(i)
				_, err1 := tx.Put(hub.Ref{Kind: hub.KindConnection, ID: id}, 0, []byte("connection "+id))
				_, err2 := tx.Put(hub.Ref{Kind: hub.KindTokens, ID: id}, 0, []byte("tokens "+id))
				_, err3 := tx.Put(hub.Ref{Kind: hub.Kind("due/" + strconv.Itoa(i%7)), ID: id}, 0, nil)
				if err := errors.Join(err1, err2, err3); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func wantMany(t testing.TB, s *Store, n int) {
	t.Helper()
	for i := range n {
		id := strconv.Itoa(i)
		r, err := s.Get(t.Context(), hub.Ref{Kind: hub.KindTokens, ID: id})
		if err != nil || string(r.Value) != "tokens "+id {
			t.Fatalf("tokens %s: %q, %v", id, r.Value, err)
		}
	}
	for kind, want := range map[hub.Kind]int{hub.KindConnection: n, hub.KindTokens: n, "due/3": (n + 3) / 7} {
		got := 0
		for _, err := range s.List(t.Context(), kind) {
			if err != nil {
				t.Fatalf("list %s: %v", kind, err)
			}
			got++
		}
		if got != want {
			t.Fatalf("listed %d %s records, want %d", got, kind, want)
		}
	}
}

func TestRotate(t *testing.T) {
	dir, v := newVault(t)
	s := openStoreAt(t, v.StoreDir(), v)
	fillMany(t, s, 250)
	before, err := s.Get(t.Context(), hub.Ref{Kind: hub.KindTokens, ID: "7"})
	if err != nil {
		t.Fatal(err)
	}
	oldHeader := copyFolder(t, dir)

	n, err := s.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n < 3*250 {
		t.Errorf("sealed %d records anew", n)
	}
	wantMany(t, s, 250)
	after, err := s.Get(t.Context(), before.Ref)
	if err != nil || after.Generation != before.Generation {
		t.Errorf("generation %d before and %d after (%v)", before.Generation, after.Generation, err)
	}
	if v.Rotating() {
		t.Error("it is not ended")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// The keys of before open nothing of what there is now.
	old, err := seal.Open(oldHeader, seal.Source{})
	if err != nil {
		t.Fatal(err)
	}
	oldCodec := &codec{sealer: old, storeID: old.StoreID()}
	opened := 0
	edit(t, copyFolder(t, dir), func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			value, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			if _, _, err := oldCodec.openValue(it.Item().KeyCopy(nil), value); err == nil {
				opened++
			}
		}
		return nil
	})
	if opened > 0 {
		t.Errorf("the old data key opens %d values", opened)
	}

	again, err := seal.Open(dir, seal.Source{})
	if err != nil {
		t.Fatal(err)
	}
	wantMany(t, openStoreAt(t, again.StoreDir(), again), 250)
}

// TestRotateWhileInUse: reads and updates during a rotation see nothing of it,
// and nothing is left under the old key.
func TestRotateWhileInUse(t *testing.T) {
	_, v := newVault(t)
	s := openStoreAt(t, v.StoreDir(), v)
	fillMany(t, s, 300)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				ref := hub.Ref{Kind: hub.KindTokens, ID: strconv.Itoa((i*3 + w) % 300)}
				err := s.Update(context.Background(), func(tx hub.Tx) error {
					r, err := tx.Get(ref)
					if err != nil {
						return err
					}
					_, err = tx.Put(ref, r.Generation, r.Value)
					return err
				})
				if err != nil {
					t.Errorf("update: %v", err)
					return
				}
				if _, err := s.Get(context.Background(), ref); err != nil {
					t.Errorf("get: %v", err)
					return
				}
			}
		})
	}
	for range 2 {
		if _, err := s.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := s.Compact(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	wg.Wait()
	wantMany(t, s, 300)
}

// TestRotatePastDamage: what does not open cannot be sealed anew, and hinders
// nothing else.
func TestRotatePastDamage(t *testing.T) {
	dir, v, keys := atRest(t)
	edit(t, dir, func(txn *badger.Txn) error {
		key := mustKey(t, keys, victim)
		b := raw(t, txn, key)
		b[len(b)-1] ^= 1
		return txn.Set(key, b)
	})
	s := openStoreAt(t, v.StoreDir(), v)
	if _, err := s.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIntegrity(t, s, victim)
}

// TestCompact: after it nothing that was deleted can be opened in the files by
// one who has all keys; before it, it can, or the test would show nothing.
func TestCompact(t *testing.T) {
	dir, v := newVault(t)
	s := openStoreAt(t, v.StoreDir(), v)
	fillMany(t, s, 20)
	gone := hub.Ref{Kind: hub.KindTokens, ID: "7"}
	key := mustKey(t, s.codec, gone)
	secretKey := mustKey(t, s.codec, keyRef(key))
	if err := s.Update(t.Context(), func(tx hub.Tx) error { return tx.Delete(gone) }); err != nil {
		t.Fatal(err)
	}
	if n := openable(t, dir, s.codec, secretKey); n == 0 {
		t.Fatal("the deleted key is not to be found even before the compaction")
	}
	if s.Stats().Dropped != 1 {
		t.Errorf("%d dropped keys", s.Stats().Dropped)
	}
	old := v.StoreDir()
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Stats().Dropped != 0 || v.StoreDir() == old {
		t.Errorf("%d dropped keys, in %s", s.Stats().Dropped, v.StoreDir())
	}
	if _, err := s.Get(t.Context(), gone); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("the deleted record: %v", err)
	}
	if _, err := s.Get(t.Context(), hub.Ref{Kind: hub.KindTokens, ID: "8"}); err != nil {
		t.Error(err)
	}
	if err := s.Update(t.Context(), func(tx hub.Tx) error { _, err := tx.Put(added, 0, nil); return err }); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old folder: %v", err)
	}
	if n := openable(t, dir, s.codec, secretKey, key); n > 0 {
		t.Errorf("%d values of the deleted record can still be opened", n)
	}
	w, err := seal.Open(dir, seal.Source{})
	if err != nil {
		t.Fatal(err)
	}
	again := openStoreAt(t, w.StoreDir(), w)
	if _, err := again.Get(t.Context(), added); err != nil {
		t.Errorf("what was written after it: %v", err)
	}
}

// openable looks through all bytes of a data folder for values of keys, as one
// would who has the vault's keys: it tries to open what follows each key, and
// whatever begins like a value.
func openable(t *testing.T, dir string, c *codec, keys ...[]byte) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".json" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for at := range b {
			if b[at] != valueFormat || at+headLen+5 > len(b) || b[at+headLen] != 1 {
				continue
			}
			for _, key := range keys {
				// A record's key: kind, id, 32 bytes.
				size := headLen + 5 + 12 + 4 + len(kindKey) + 64 + secretLen + 16
				if at+size > len(b) {
					continue
				}
				if _, _, err := c.openValue(key, b[at:at+size]); err == nil {
					n++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func BenchmarkRotate(b *testing.B) {
	dir, v := newVault(b)
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const connections = 10_000
	fillBench(b, s, connections)
	for b.Loop() {
		n, err := s.Rotate(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n), "records/op")
	}
}

// fillBench writes connections of the size that real ones have.
func fillBench(b *testing.B, s *Store, n int) {
	b.Helper()
	value := bytes.Repeat([]byte("v"), 2000)
	for at := 0; at < n; at += 100 {
		err := s.Update(b.Context(), func(tx hub.Tx) error {
			for i := at; i < at+100; i++ {
				id := fmt.Sprintf("data_installation_%026d", i)
				_, err1 := tx.Put(hub.Ref{Kind: hub.KindConnection, ID: id}, 0, value[:900])
				_, err2 := tx.Put(hub.Ref{Kind: hub.KindTokens, ID: id}, 0, value)
				if err := errors.Join(err1, err2); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompact(b *testing.B) {
	dir, v := newVault(b)
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fillBench(b, s, 10_000)
	for b.Loop() {
		if err := s.Compact(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

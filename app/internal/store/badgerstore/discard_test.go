// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// TestDiscard: what is damaged and cannot be named is removed by its place, one by
// one, and what is whole never is.
func TestDiscard(t *testing.T) {
	flip := func(txn *badger.Txn, key, value []byte) error {
		value[len(value)-1] ^= 1
		return txn.Set(key, value)
	}
	for name, harm := range map[string]func(txn *badger.Txn, key, value []byte) error{
		"altered": flip,
		"emptied": func(txn *badger.Txn, key, _ []byte) error { return txn.Set(key, nil) },
		"removed": func(txn *badger.Txn, key, _ []byte) error { return txn.Delete(key) },
		"malformed": func(txn *badger.Txn, key, value []byte) error {
			return errors.Join(flip(txn, append(key, 7), value), txn.Delete(key))
		},
	} {
		for _, kind := range []hub.Kind{hub.KindApp, hub.KindConnection} { // the second has keys of its own
			t.Run(name+" "+string(kind), func(t *testing.T) {
				dir, v := newVault(t)
				open := func() *Store {
					t.Helper()
					s, err := Open(seal.StoreDir(dir), v, nil)
					if err != nil {
						t.Fatal(err)
					}
					return s
				}
				s := open()
				refs := []hub.Ref{{Kind: kind, ID: "one"}, {Kind: kind, ID: "two"}, {Kind: kind, ID: "whole"}}
				if err := s.Update(t.Context(), func(tx hub.Tx) error {
					for _, ref := range refs {
						if _, err := tx.Put(ref, 0, []byte("value")); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				codec := s.codec
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				edit(t, dir, func(txn *badger.Txn) error {
					for _, ref := range refs[:2] {
						key := mustKey(t, codec, ref)
						if err := harm(txn, key, raw(t, txn, key)); err != nil {
							return err
						}
					}
					return nil
				})
				s = open()
				places := damagedPlaces(t, s, kind)
				if len(places) < 2 {
					t.Fatalf("%d are damaged, want 2 at least", len(places))
				}
				healthy := placeOf(mustKey(t, codec, refs[2]))
				if err := s.discard(t, kind, healthy); !errors.Is(err, hub.ErrNotFound) {
					t.Errorf("of what is whole: %v", err)
				}
				if err := s.discard(t, hub.KindPicture, places[0]); !errors.Is(err, hub.ErrNotFound) {
					t.Errorf("of another kind: %v", err)
				}
				for left := len(places); left > 0; left-- {
					if err := s.discard(t, kind, places[left-1]); err != nil {
						t.Fatal(err)
					}
					if now := damagedPlaces(t, s, kind); len(now) != left-1 {
						t.Fatalf("%d are damaged, want %d", len(now), left-1)
					}
				}
				if err := s.discard(t, kind, places[0]); !errors.Is(err, hub.ErrNotFound) {
					t.Errorf("twice: %v", err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open()
				defer s.Close()
				if _, err := s.Get(t.Context(), refs[2]); err != nil {
					t.Error(err)
				}
				for _, ref := range refs[:2] {
					if _, err := s.Get(t.Context(), ref); !errors.Is(err, hub.ErrNotFound) {
						t.Errorf("%v: %v", ref, err)
					}
				}
				if x, err := s.Examine(t.Context()); err != nil || x.Damaged != 0 {
					t.Errorf("left: %+v, %v", x, err)
				}
			})
		}
	}
}

func (s *Store) discard(t *testing.T, kind hub.Kind, place string) error {
	t.Helper()
	return s.Update(t.Context(), func(tx hub.Tx) error { return tx.Discard(kind, place) })
}

func damagedPlaces(t *testing.T, s *Store, kind hub.Kind) (places []string) {
	t.Helper()
	for _, err := range s.List(t.Context(), kind) {
		if e, ok := errors.AsType[*hub.IntegrityError](err); ok {
			places = append(places, e.Place)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return places
}

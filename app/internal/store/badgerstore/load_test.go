// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"
	"fmt"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestLoad writes more than a transaction of the database takes, and reads it
// back as any store would.
func TestLoad(t *testing.T) {
	t.Run("all of it", func(t *testing.T) {
		_, v := newVault(t)
		const records = 5000
		ref := func(i int) hub.Ref { return hub.Ref{Kind: hub.KindTokens, ID: fmt.Sprint(i)} }
		shared := hub.Ref{Kind: hub.KindOwner, ID: "many"}
		err := Load(t.Context(), v.StoreDir(), v, nil, func(s hub.Store) error {
			for i := range records {
				err := s.Update(t.Context(), func(tx hub.Tx) error {
					if _, err := tx.Put(ref(i), 0, make([]byte, 1000)); err != nil {
						return err
					}
					if _, err := tx.Put(shared, uint64(i), []byte(fmt.Sprint(i))); err != nil {
						return err
					}
					if i%10 == 9 {
						return tx.Delete(ref(i - 1))
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			if r, err := s.Get(t.Context(), ref(0)); err != nil || len(r.Value) != 1000 {
				return fmt.Errorf("read while loading: %d bytes, %w", len(r.Value), err)
			}
			for _, err := range s.List(t.Context(), hub.KindTokens) {
				if !errors.Is(err, errLoading) {
					return fmt.Errorf("listed while loading: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(v.StoreDir(), v, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		n := 0
		for r, err := range s.List(t.Context(), hub.KindTokens) {
			if err != nil || len(r.Value) != 1000 {
				t.Fatalf("%v: %d bytes, %v", r.Ref, len(r.Value), err)
			}
			n++
		}
		if want := records * 9 / 10; n != want {
			t.Errorf("%d records, want %d", n, want)
		}
		if r, err := s.Get(t.Context(), shared); err != nil || r.Generation != records || string(r.Value) != fmt.Sprint(records-1) {
			t.Errorf("written again and again: %+v, %v", r, err)
		}
	})
	t.Run("a part of it", func(t *testing.T) {
		_, v := newVault(t)
		if s, err := Open(v.StoreDir(), v, nil); err != nil {
			t.Fatal(err)
		} else if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		broken := errors.New("broken")
		err := Load(t.Context(), v.StoreDir(), v, nil, func(s hub.Store) error {
			return s.Update(t.Context(), func(tx hub.Tx) error {
				for i := range 3000 {
					if _, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: fmt.Sprint(i)}, 0, make([]byte, 1000)); err != nil {
						return err
					}
				}
				return broken
			})
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		// What is there was never vouched for.
		s, err := Open(v.StoreDir(), v, nil)
		if err != nil {
			return
		}
		defer s.Close()
		for r, err := range s.List(t.Context(), hub.KindApp) {
			if err == nil {
				t.Fatalf("%v is believed", r.Ref)
			}
		}
	})
}

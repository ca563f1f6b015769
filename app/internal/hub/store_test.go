// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"errors"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// brokenTx is a transaction in which one record does not open until it is deleted,
// as the store on disk has it.
type brokenTx struct {
	hub.Tx
	broken hub.Ref
}

func (t *brokenTx) Get(ref hub.Ref) (hub.Record, error) {
	if ref == t.broken {
		return hub.Record{}, &hub.IntegrityError{Ref: ref, Detail: "its seal is broken"}
	}
	return t.Tx.Get(ref)
}

func (t *brokenTx) Put(ref hub.Ref, expect uint64, value []byte) (uint64, error) {
	if _, err := t.Get(ref); ref == t.broken {
		return 0, err
	}
	return t.Tx.Put(ref, expect, value)
}

func (t *brokenTx) Delete(ref hub.Ref) error {
	if ref == t.broken {
		t.broken = hub.Ref{}
	}
	return t.Tx.Delete(ref)
}

// TestReplace: what is damaged gives way; what is whole is held to its generation.
func TestReplace(t *testing.T) {
	ref := hub.Ref{Kind: hub.KindHistory, ID: "c"}
	for name, test := range map[string]struct {
		broken     bool
		expect     uint64
		generation uint64
		err        error
	}{
		"as Put":                         {false, 2, 3, nil},
		"another generation":             {false, 1, 0, hub.ErrConflict},
		"damaged":                        {true, 0, 1, nil},
		"damaged, of whatever was known": {true, 7, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			err := store.Update(t.Context(), func(tx hub.Tx) error {
				for n := range uint64(2) {
					if _, err := tx.Put(ref, n, []byte("old")); err != nil {
						return err
					}
				}
				b := &brokenTx{Tx: tx}
				if test.broken {
					b.broken = ref
				}
				generation, err := hub.Replace(b, ref, test.expect, []byte("new"))
				if !errors.Is(err, test.err) || generation != test.generation {
					t.Errorf("generation %d, %v; want %d, %v", generation, err, test.generation, test.err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := map[bool]string{true: "new", false: "old"}[test.err == nil]
			if rec, err := store.Get(t.Context(), ref); err != nil || string(rec.Value) != want {
				t.Errorf("stored: %q, %v; want %q", rec.Value, err, want)
			}
		})
	}
}

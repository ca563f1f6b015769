// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestLevels writes many times what Badger keeps in memory: the upper level does
// not fill up, while the store is open and while it is copied.
func TestLevels(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	const value, records = valueThreshold - 1024, 1000 // 63 MB
	for i := range records {
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: fmt.Sprint(i)}, 0, make([]byte, value))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	inOrder := func() {
		t.Helper()
		upper := 0
		for range 600 {
			if upper = s.h.db.Levels()[0].NumTables; upper < levelTables {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("%d tables stay in the upper level", upper)
	}
	inOrder()
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder()
	n := 0
	for r, err := range s.List(t.Context(), hub.KindApp) {
		if err != nil || len(r.Value) != value {
			t.Fatalf("%d bytes, %v", len(r.Value), err)
		}
		n++
	}
	if n != records {
		t.Errorf("%d records of %d", n, records)
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package storetest is the suite that every hub.Store must pass.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) hub.Store { return memstore.New() })
//	}
package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// MaxValue is the largest value that every store must take, in bytes.
const MaxValue = 1 << 20

// Run runs the suite. open returns an empty store and sees to its closing.
func Run(t *testing.T, open func(t *testing.T) hub.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, hub.Store)
	}{
		{"NotFound", testNotFound},
		{"PutThenGet", testPutThenGet},
		{"Generations", testGenerations},
		{"Conflict", testConflict},
		{"Delete", testDelete},
		{"KindsAndIDsAreApart", testKindsAndIDs},
		{"ValuesAreCopies", testCopies},
		{"LargeValue", testLargeValue},
		{"ManyRecordsInOneUpdate", testManyRecords},
		{"ErrorRollsBack", testErrorRollsBack},
		{"PanicRollsBack", testPanicRollsBack},
		{"TxSeesItsOwnWrites", testOwnWrites},
		{"TxIsOverAfterUpdate", testTxOver},
		{"List", testList},
		{"ListStopsEarly", testListStops},
		{"ListSeesOneMoment", testListIsolation},
		{"ListDoesNotSeeOpenUpdate", testListDuringUpdate},
		{"SnapshotIsOneMoment", testSnapshot},
		{"SnapshotPassesErrors", testSnapshotErrors},
		{"ConcurrentIncrements", testIncrements},
		{"TwoRecordsStayTogether", testPairs},
		{"CancelledContext", testCancelled},
		{"WaiterGivesUp", testWaiterGivesUp},
		{"CancelBeforeCommit", testCancelBeforeCommit},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// RunReopen tests that what was acknowledged is there after closing and opening
// again. open opens the same store each time; close closes it cleanly.
func RunReopen(t *testing.T, open func(t *testing.T) (s hub.Store, close func())) {
	ref := hub.Ref{Kind: hub.KindSetting, ID: "kept"}
	gone := hub.Ref{Kind: hub.KindSetting, ID: "gone"}
	large := hub.Ref{Kind: hub.KindTokens, ID: "large"}
	blob := bytes.Repeat([]byte("x"), MaxValue)
	for round := range uint64(4) {
		s, done := open(t)
		if round > 0 {
			r := get(t, s, ref)
			if r.Generation != round || string(r.Value) != value(round) {
				t.Errorf("round %d: generation %d, value %q", round, r.Generation, r.Value)
			}
			if r := get(t, s, large); !bytes.Equal(r.Value, blob) {
				t.Errorf("round %d: the large value changed", round)
			}
			missing(t, s, gone)
		}
		put(t, s, ref, round, value(round+1))
		put(t, s, gone, 0, "x")
		update(t, s, func(tx hub.Tx) error { return tx.Delete(gone) })
		put(t, s, large, round, string(blob))
		done()
	}
}

func value(n uint64) string { return "value " + string(rune('a'+n)) }

func put(t *testing.T, s hub.Store, ref hub.Ref, expect uint64, value string) uint64 {
	t.Helper()
	var gen uint64
	update(t, s, func(tx hub.Tx) (err error) {
		gen, err = tx.Put(ref, expect, []byte(value))
		return err
	})
	return gen
}

func update(t *testing.T, s hub.Store, f func(hub.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func get(t *testing.T, s hub.Store, ref hub.Ref) hub.Record {
	t.Helper()
	r, err := s.Get(t.Context(), ref)
	if err != nil {
		t.Fatalf("get %v: %v", ref, err)
	}
	if r.Ref != ref {
		t.Fatalf("get %v answered %v", ref, r.Ref)
	}
	return r
}

func missing(t *testing.T, s hub.Store, ref hub.Ref) {
	t.Helper()
	if r, err := s.Get(t.Context(), ref); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("get %v: %v, %v; want ErrNotFound", ref, r, err)
	}
}

// ids lists a kind, sorted.
func ids(t *testing.T, ctx context.Context, s hub.Store, kind hub.Kind) []string {
	t.Helper()
	out := []string{}
	for r, err := range s.List(ctx, kind) {
		if err != nil {
			t.Fatalf("list %s: %v", kind, err)
		}
		if r.Kind != kind {
			t.Errorf("list %s yields %v", kind, r.Ref)
		}
		out = append(out, r.ID)
	}
	slices.Sort(out)
	return out
}

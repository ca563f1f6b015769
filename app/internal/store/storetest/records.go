// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var one = hub.Ref{Kind: hub.KindConnection, ID: "one"}

func testNotFound(t *testing.T, s hub.Store) {
	missing(t, s, one)
	update(t, s, func(tx hub.Tx) error {
		if _, err := tx.Get(one); !errors.Is(err, hub.ErrNotFound) {
			t.Errorf("tx.Get: %v", err)
		}
		return nil
	})
}

func testPutThenGet(t *testing.T, s hub.Store) {
	for _, v := range []string{"", "x", "a longer value\x00with a zero"} {
		ref := hub.Ref{Kind: hub.KindSetting, ID: fmt.Sprintf("len %d", len(v))}
		put(t, s, ref, 0, v)
		if r := get(t, s, ref); string(r.Value) != v || r.Generation != 1 {
			t.Errorf("got %q at generation %d, want %q at 1", r.Value, r.Generation, v)
		}
	}
}

func testGenerations(t *testing.T, s hub.Store) {
	for want := range uint64(5) {
		if got := put(t, s, one, want, "v"); got != want+1 {
			t.Errorf("put answered generation %d, want %d", got, want+1)
		}
		if r := get(t, s, one); r.Generation != want+1 {
			t.Errorf("stored generation %d, want %d", r.Generation, want+1)
		}
	}
	// Two writes in one update are two generations.
	update(t, s, func(tx hub.Tx) error {
		if _, err := tx.Put(one, 5, nil); err != nil {
			return err
		}
		_, err := tx.Put(one, 6, nil)
		return err
	})
	if r := get(t, s, one); r.Generation != 7 {
		t.Errorf("generation %d after two writes in one update, want 7", r.Generation)
	}
}

func testConflict(t *testing.T, s hub.Store) {
	put(t, s, one, 0, "first")
	put(t, s, one, 1, "second")
	for _, expect := range []uint64{0, 1, 3} {
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(one, expect, []byte("lost"))
			return err
		})
		if !errors.Is(err, hub.ErrConflict) {
			t.Errorf("put expecting %d over 2: %v, want ErrConflict", expect, err)
		}
	}
	err := s.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: "absent"}, 1, nil)
		return err
	})
	if !errors.Is(err, hub.ErrConflict) {
		t.Errorf("put expecting 1 where nothing is: %v, want ErrConflict", err)
	}
	if r := get(t, s, one); string(r.Value) != "second" || r.Generation != 2 {
		t.Errorf("a refused put changed the record: %q, %d", r.Value, r.Generation)
	}
}

func testDelete(t *testing.T, s hub.Store) {
	update(t, s, func(tx hub.Tx) error { return tx.Delete(one) }) // absent: no error
	put(t, s, one, 0, "v")
	put(t, s, one, 1, "v")
	update(t, s, func(tx hub.Tx) error {
		if err := tx.Delete(one); err != nil {
			return err
		}
		if _, err := tx.Get(one); !errors.Is(err, hub.ErrNotFound) {
			t.Errorf("get after delete in one update: %v", err)
		}
		return nil
	})
	missing(t, s, one)
	if got := ids(t, t.Context(), s, one.Kind); len(got) != 0 {
		t.Errorf("a deleted record is listed: %v", got)
	}
	if gen := put(t, s, one, 0, "again"); gen != 1 {
		t.Errorf("a record that is made again has generation %d, want 1", gen)
	}
}

func testKindsAndIDs(t *testing.T, s hub.Store) {
	refs := []hub.Ref{
		{Kind: hub.KindConnection, ID: "a"}, {Kind: hub.KindTokens, ID: "a"},
		{Kind: hub.KindConnection, ID: "ab"}, {Kind: hub.KindConnection, ID: "A"},
		{Kind: hub.KindConnection, ID: ""}, {Kind: hub.KindConnection, ID: "a\x00b"},
		{Kind: hub.KindConnection, ID: "ünïcode/…"},
	}
	for i, ref := range refs {
		put(t, s, ref, 0, fmt.Sprint(i))
	}
	for i, ref := range refs {
		if r := get(t, s, ref); string(r.Value) != fmt.Sprint(i) {
			t.Errorf("%q holds %q, want %d", ref, r.Value, i)
		}
	}
}

func testCopies(t *testing.T, s hub.Store) {
	in := []byte("original")
	update(t, s, func(tx hub.Tx) error {
		_, err := tx.Put(one, 0, in)
		copy(in, "SCRIBBLE") // before the commit
		return err
	})
	r := get(t, s, one)
	if string(r.Value) != "original" {
		t.Fatalf("the store kept the caller's slice: %q", r.Value)
	}
	copy(r.Value, "SCRIBBLE")
	if r := get(t, s, one); string(r.Value) != "original" {
		t.Errorf("the store gave out its own slice: %q", r.Value)
	}
	for r := range s.List(t.Context(), one.Kind) {
		copy(r.Value, "SCRIBBLE")
	}
	if r := get(t, s, one); string(r.Value) != "original" {
		t.Errorf("the listing gave out the store's own slice: %q", r.Value)
	}
}

func testLargeValue(t *testing.T, s hub.Store) {
	for i, size := range []int{64<<10 - 1, 64 << 10, 64<<10 + 1, MaxValue} {
		ref := hub.Ref{Kind: hub.KindTokens, ID: fmt.Sprint(size)}
		v := bytes.Repeat([]byte{byte('a' + i)}, size)
		put(t, s, ref, 0, string(v))
		if r := get(t, s, ref); !bytes.Equal(r.Value, v) {
			t.Errorf("a value of %d bytes comes back otherwise", size)
		}
	}
	if n := len(ids(t, t.Context(), s, hub.KindTokens)); n != 4 {
		t.Errorf("%d large records listed, want 4", n)
	}
}

func testManyRecords(t *testing.T, s hub.Store) {
	const n = 500
	v := bytes.Repeat([]byte("v"), 1000)
	update(t, s, func(tx hub.Tx) error {
		for i := range n {
			if _, err := tx.Put(hub.Ref{Kind: hub.KindTokens, ID: fmt.Sprint(i)}, 0, v); err != nil {
				return err
			}
		}
		return nil
	})
	if got := len(ids(t, t.Context(), s, hub.KindTokens)); got != n {
		t.Errorf("%d records, want %d", got, n)
	}
}

func testList(t *testing.T, s hub.Store) {
	if got := ids(t, t.Context(), s, hub.KindApp); len(got) != 0 {
		t.Errorf("an empty store lists %v", got)
	}
	want := []string{}
	for i := range 40 {
		id := fmt.Sprintf("id-%02d", i)
		want = append(want, id)
		put(t, s, hub.Ref{Kind: hub.KindConnection, ID: id}, 0, "value of "+id)
		put(t, s, hub.Ref{Kind: hub.KindTokens, ID: id}, 0, "other kind")
	}
	put(t, s, hub.Ref{Kind: hub.KindConnection, ID: "id-07"}, 1, "value of id-07")
	if got := ids(t, t.Context(), s, hub.KindConnection); !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	for r := range s.List(t.Context(), hub.KindConnection) {
		gen := uint64(1)
		if r.ID == "id-07" {
			gen = 2
		}
		if string(r.Value) != "value of "+r.ID || r.Generation != gen {
			t.Errorf("%s listed as %q at generation %d", r.ID, r.Value, r.Generation)
		}
	}
}

func testListStops(t *testing.T, s hub.Store) {
	for i := range 10 {
		put(t, s, hub.Ref{Kind: hub.KindApp, ID: fmt.Sprint(i)}, 0, "v")
	}
	n := 0
	for range s.List(t.Context(), hub.KindApp) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("the listing went on after break: %d", n)
	}
	put(t, s, one, 0, "still usable")
}

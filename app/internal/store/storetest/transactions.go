// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func testErrorRollsBack(t *testing.T, s hub.Store) {
	put(t, s, one, 0, "before")
	other := hub.Ref{Kind: hub.KindTokens, ID: "other"}
	third := hub.Ref{Kind: hub.KindApp, ID: "third"}
	put(t, s, third, 0, "kept")
	mine := errors.New("mine")
	err := s.Update(t.Context(), func(tx hub.Tx) error {
		if _, err := tx.Put(one, 1, []byte("after")); err != nil {
			return err
		}
		if _, err := tx.Put(other, 0, []byte("new")); err != nil {
			return err
		}
		if err := tx.Delete(third); err != nil {
			return err
		}
		return mine
	})
	if err != mine { //nolint:errorlint // the contract says: as it is
		t.Errorf("update answered %v, want f's own error", err)
	}
	if r := get(t, s, one); string(r.Value) != "before" || r.Generation != 1 {
		t.Errorf("a failed update changed a record: %q, %d", r.Value, r.Generation)
	}
	missing(t, s, other)
	get(t, s, third)
}

func testPanicRollsBack(t *testing.T, s hub.Store) {
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Update(t.Context(), func(tx hub.Tx) error {
			_, _ = tx.Put(one, 0, nil)
			panic("f is broken")
		})
	}()
	missing(t, s, one)
	put(t, s, one, 0, "still usable")
}

func testOwnWrites(t *testing.T, s hub.Store) {
	update(t, s, func(tx hub.Tx) error {
		if _, err := tx.Put(one, 0, []byte("mine")); err != nil {
			return err
		}
		r, err := tx.Get(one)
		if err != nil || string(r.Value) != "mine" || r.Generation != 1 || r.Ref != one {
			t.Errorf("tx.Get of an own write: %v, %v", r, err)
		}
		missing(t, s, one) // others do not see it yet
		return nil
	})
	get(t, s, one)
}

func testTxOver(t *testing.T, s hub.Store) {
	var kept hub.Tx
	update(t, s, func(tx hub.Tx) error { kept = tx; return nil })
	if _, err := kept.Put(one, 0, nil); err == nil {
		t.Error("a put after the update is accepted")
	}
	if _, err := kept.Get(one); err == nil || errors.Is(err, hub.ErrNotFound) {
		t.Errorf("a get after the update answers %v", err)
	}
	if err := kept.Delete(one); err == nil {
		t.Error("a delete after the update is accepted")
	}
	missing(t, s, one)
}

func testListIsolation(t *testing.T, s hub.Store) {
	for i := range 20 {
		put(t, s, hub.Ref{Kind: hub.KindApp, ID: strconv.Itoa(i)}, 0, "old")
	}
	n := 0
	for r, err := range s.List(t.Context(), hub.KindApp) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 { // updates from within the listing must not block
			for i := range 20 {
				put(t, s, hub.Ref{Kind: hub.KindApp, ID: strconv.Itoa(i)}, 1, "new")
			}
			put(t, s, hub.Ref{Kind: hub.KindApp, ID: "late"}, 0, "new")
		}
		n++
		if string(r.Value) != "old" {
			t.Errorf("the listing shows %s as it became later", r.ID)
		}
	}
	if n != 20 {
		t.Errorf("%d listed, want 20", n)
	}
}

func testListDuringUpdate(t *testing.T, s hub.Store) {
	put(t, s, hub.Ref{Kind: hub.KindApp, ID: "there"}, 0, "v")
	update(t, s, func(tx hub.Tx) error {
		if _, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: "new"}, 0, nil); err != nil {
			return err
		}
		// Another goroutine, as any reader would be.
		seen := make(chan []string)
		go func() { seen <- ids(t, t.Context(), s, hub.KindApp) }()
		if got := <-seen; len(got) != 1 {
			t.Errorf("an open update shows in a listing: %v", got)
		}
		return nil
	})
	if got := ids(t, t.Context(), s, hub.KindApp); len(got) != 2 {
		t.Errorf("after the update: %v", got)
	}
}

// testIncrements has many goroutines count in one record, by compare and swap
// with the reading outside the update.
func testIncrements(t *testing.T, s hub.Store) {
	const workers, each = 8, 10
	put(t, s, one, 0, "0")
	increment := func() error {
		for {
			r, err := s.Get(t.Context(), one)
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(r.Value))
			if err != nil {
				return err
			}
			err = s.Update(t.Context(), func(tx hub.Tx) error {
				_, err := tx.Put(one, r.Generation, []byte(strconv.Itoa(n+1)))
				return err
			})
			if !errors.Is(err, hub.ErrConflict) {
				return err
			}
		}
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := increment(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if r := get(t, s, one); string(r.Value) != strconv.Itoa(workers*each) || r.Generation != workers*each+1 {
		t.Errorf("counted to %s at generation %d, want %d", r.Value, r.Generation, workers*each)
	}
}

// testPairs has writers change two records together, and each later update see
// them equal.
func testPairs(t *testing.T, s hub.Store) {
	a, b := hub.Ref{Kind: hub.KindConnection, ID: "x"}, hub.Ref{Kind: hub.KindTokens, ID: "x"}
	put(t, s, a, 0, "start")
	put(t, s, b, 0, "start")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				err := s.Update(t.Context(), func(tx hub.Tx) error {
					ra, err := tx.Get(a)
					if err != nil {
						return err
					}
					rb, err := tx.Get(b)
					if err != nil {
						return err
					}
					if string(ra.Value) != string(rb.Value) || ra.Generation != rb.Generation {
						t.Errorf("a pair is torn: %v, %v", ra, rb)
					}
					v := []byte(fmt.Sprintf("%d/%d", w, i))
					if _, err := tx.Put(a, ra.Generation, v); err != nil {
						return err
					}
					_, err = tx.Put(b, rb.Generation, v)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func testCancelled(t *testing.T, s hub.Store) {
	put(t, s, one, 0, "v")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, one); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	ran := false
	err := s.Update(ctx, func(hub.Tx) error { ran = true; return nil })
	if !errors.Is(err, context.Canceled) || ran {
		t.Errorf("update: %v, ran: %v", err, ran)
	}
	var errs []error
	for _, err := range s.List(ctx, one.Kind) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("list: %v", errs)
	}
}

// testWaiterGivesUp cancels an update that waits for another one.
func testWaiterGivesUp(t *testing.T, s hub.Store) {
	update(t, s, func(hub.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		waiter := make(chan error)
		go func() {
			waiter <- s.Update(ctx, func(hub.Tx) error {
				t.Error("two updates run at once")
				return nil
			})
		}()
		cancel()
		if err := <-waiter; !errors.Is(err, context.Canceled) {
			t.Errorf("the waiter got %v", err)
		}
		return nil
	})
	put(t, s, one, 0, "still usable")
}

// testCancelBeforeCommit: a caller that went away while f ran gets its error,
// and nothing is applied.
func testCancelBeforeCommit(t *testing.T, s hub.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx hub.Tx) error {
		defer cancel()
		_, err := tx.Put(one, 0, nil)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: %v", err)
	}
	missing(t, s, one)
}

// testSnapshot writes to two kinds while a snapshot is open: both show the one
// moment, whichever is listed first.
func testSnapshot(t *testing.T, s hub.Store) {
	put(t, s, hub.Ref{Kind: hub.KindConnection, ID: "c"}, 0, "old")
	put(t, s, hub.Ref{Kind: hub.KindTokens, ID: "c"}, 0, "old")
	err := s.Snapshot(t.Context(), func(snap hub.Snapshot) error {
		for _, kind := range []hub.Kind{hub.KindConnection, hub.KindTokens, hub.KindConnection} {
			n := 0
			for r, err := range snap.List(t.Context(), kind) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; string(r.Value) != "old" || r.ID != "c" {
					t.Errorf("%v: %q", r.Ref, r.Value)
				}
			}
			if n != 1 {
				t.Errorf("%d records of kind %s, want 1", n, kind)
			}
			if kind == hub.KindConnection && get(t, s, hub.Ref{Kind: kind, ID: "c"}).Generation == 1 {
				put(t, s, hub.Ref{Kind: hub.KindConnection, ID: "c"}, 1, "new")
				put(t, s, hub.Ref{Kind: hub.KindTokens, ID: "c"}, 1, "new")
				put(t, s, hub.Ref{Kind: hub.KindTokens, ID: "late"}, 0, "new")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testSnapshotErrors(t *testing.T, s hub.Store) {
	failed := errors.New("failed")
	if err := s.Snapshot(t.Context(), func(hub.Snapshot) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Snapshot(ctx, func(hub.Snapshot) error { t.Error("called"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
}

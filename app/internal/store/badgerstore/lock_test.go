// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// TestLockedStore: of a locked vault no record can be read, not even one that
// was read a moment before, none is written, and nothing looks damaged.
func TestLockedStore(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	fill(t, s)
	for _, ref := range []hub.Ref{victim, large} { // from memory and from a file
		if _, err := s.Get(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.codec.prefix(hub.KindSession); err != nil { // as after a listing
		t.Fatal(err)
	}
	unread := hub.Ref{Kind: hub.KindTokens, ID: "never there"}

	v.Lock()
	for _, ref := range []hub.Ref{victim, other, large, born, unread} {
		r, err := s.Get(t.Context(), ref)
		wantLocked(t, "get "+ref.ID, err)
		if r.Value != nil {
			t.Errorf("get %s answers a value", ref.ID)
		}
	}
	for _, kind := range []hub.Kind{hub.KindTokens, hub.KindSession} {
		n := 0
		for _, err := range s.List(t.Context(), kind) {
			n++
			wantLocked(t, "list "+string(kind), err)
		}
		if n != 1 {
			t.Errorf("list %s yields %d times", kind, n)
		}
	}
	ran := false
	wantLocked(t, "update", s.Update(t.Context(), func(hub.Tx) error { ran = true; return nil }))
	if ran {
		t.Error("an update began")
	}

	if err := v.Unlock(seal.Source{}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Get(t.Context(), victim); err != nil || string(r.Value) != canary+" of the victim" {
		t.Errorf("unlocked: %q, %v", r.Value, err)
	}
}

// TestLockDuringUpdate: an update under which the lock falls says so, and
// leaves everything as it was.
func TestLockDuringUpdate(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	fill(t, s)
	err := s.Update(t.Context(), func(tx hub.Tx) error {
		if _, err := tx.Put(other, 1, []byte("half")); err != nil {
			return err
		}
		v.Lock()
		_, err := tx.Put(victim, 1, []byte("other half"))
		return err
	})
	wantLocked(t, "update", err)
	for range 2 {
		if err := v.Unlock(seal.Source{}); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Get(t.Context(), other); err != nil || r.Generation != 1 {
			t.Errorf("generation %d, %v", r.Generation, err)
		}
		// and while it lists
		n := 0
		for _, err := range s.List(t.Context(), hub.KindTokens) {
			if n++; n == 1 {
				v.Lock()
			} else {
				wantLocked(t, "list", err)
			}
		}
		if n != 2 {
			t.Errorf("listed %d, want one record and the end", n)
		}
	}
}

func wantLocked(t *testing.T, what string, err error) {
	t.Helper()
	if e, ok := errors.AsType[*hub.Error](err); !ok || e.Code != hub.CodeLocked {
		t.Errorf("%s: %v, want %s", what, err, hub.CodeLocked)
	}
}

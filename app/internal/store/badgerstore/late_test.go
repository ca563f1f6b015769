// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// TestLateCommit: an update that the disk takes after its caller was told that it
// did not is there for the next one, and after a restart.
func TestLateCommit(t *testing.T) {
	dir, v := newVault(t)
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.patience = time.Nanosecond // no disk is as fast
	late := 0
	settle := func() { s.writer <- struct{}{}; <-s.writer }
	for generation := range uint64(20) {
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			r, err := tx.Get(victim)
			if generation > 0 && (err != nil || r.Generation != generation) {
				t.Errorf("update %d sees generation %d, %v", generation+1, r.Generation, err)
			}
			_, err = tx.Put(victim, generation, []byte{byte(generation)})
			return err
		})
		if err != nil {
			if hub.AsError(err).Code != hub.CodeStorage {
				t.Fatal(err)
			}
			late++
			settle() // else the next would hear that the disk has had its time
		}
	}
	if late == 0 {
		t.Error("no update was late")
	}
	s.patience = commitPatience
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(seal.StoreDir(dir), v, nil); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r, err := s.Get(t.Context(), victim); err != nil || r.Generation != 20 {
		t.Errorf("after a restart: generation %d, %v", r.Generation, err)
	}
}

// TestStall: while the disk does not take a commit, whoever reads or writes hears of
// it when that has had its time, and from then on at once; then all goes on.
func TestStall(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	fill(t, s)
	write := func(n int) error {
		return s.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: fmt.Sprint(n)}, 0, nil)
			return err
		})
	}
	last, goOn := standStill(t, s, write)
	s.patience = time.Hour // which nobody waits for any more
	answers := map[string]func(ctx context.Context) error{
		"get":  func(ctx context.Context) error { _, err := s.Get(ctx, victim); return err },
		"list": func(ctx context.Context) error { return listed(s.List(ctx, victim.Kind)) },
		"snapshot": func(ctx context.Context) error {
			return s.Snapshot(ctx, func(hub.Snapshot) error { return nil })
		},
		"update": func(ctx context.Context) error {
			return s.Update(ctx, func(hub.Tx) error { t.Error("an update began"); return nil })
		},
	}
	for name, call := range answers {
		t.Run(name, func(t *testing.T) { wantStorage(t, call(t.Context()), "has not taken a write") })
	}
	goOn()
	for name, call := range answers {
		if name == "update" {
			continue
		}
		if err := call(t.Context()); err != nil {
			t.Errorf("%s, when the disk goes on: %v", name, err)
		}
	}
	if err := write(last); !errors.Is(err, hub.ErrConflict) {
		t.Errorf("the late update is not there: %v", err)
	}
	if err := write(last + 1); err != nil {
		t.Error(err)
	}
}

// standStill keeps the database from finishing a commit: a subscriber takes none of
// its changes any more, and they queue up to where they are written. It returns the
// number of the update that stands.
func standStill(t *testing.T, s *Store, write func(n int) error) (number int, goOn func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	var subscriber sync.WaitGroup
	subscriber.Go(func() {
		_ = s.h.db.Subscribe(ctx, func(*badger.KVList) error { <-release; return nil }, []pb.Match{{}})
	})
	goOn = sync.OnceFunc(func() {
		close(release)
		s.writer <- struct{}{} // the update that stands has ended
		<-s.writer
	})
	t.Cleanup(func() { goOn(); cancel(); subscriber.Wait() })
	s.patience = time.Second
	for n := range 10_000 {
		err := write(n)
		if err == nil {
			continue
		}
		wantStorage(t, err, "may still arrive")
		time.Sleep(100 * time.Millisecond)
		s.stall.mu.Lock()
		stands := s.stall.active
		s.stall.mu.Unlock()
		if stands {
			return n, goOn
		}
	}
	t.Fatal("the database does not stand still")
	return 0, nil
}

func listed(records iter.Seq2[hub.Record, error]) error {
	for _, err := range records {
		if err != nil {
			return err
		}
	}
	return nil
}

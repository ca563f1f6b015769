// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// commitPatience bounds the wait for the disk. Badger retries for ever where
// it cannot write its tables; callers must hear of it.
const commitPatience = 10 * time.Second

// Update implements hub.Store. A context that ends before the commit begins
// leaves everything as it was; after that it is no longer looked at.
func (s *Store) Update(ctx context.Context, f func(hub.Tx) error) error {
	return s.update(ctx, func(t *tx) error { return f(t) })
}

func (s *Store) update(ctx context.Context, f func(*tx) error) error {
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stall.overdue():
		return s.stalled(s.folder())
	}
	h, err := s.enter()
	if err != nil {
		<-s.writer
		return err
	}
	release := func() {
		h.users.Done()
		<-s.writer
	}
	committing := false
	defer func() {
		if !committing {
			release()
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	t := s.newTx(h)
	defer t.txn.Discard()
	defer func() { t.done = true }()
	if err := f(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !t.wrote {
		return nil
	}
	if err := s.space(h.dir); err != nil {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	committing = true
	return s.commit(t, release)
}

// commit waits for the disk, but not for ever. No update begins before the fate of
// this one is known, when release is called; who waits for that hears when the time
// is over, too.
func (s *Store) commit(t *tx, release func()) error {
	done := make(chan error, 1)
	t.h.reads.pause()
	commit := s.stall.begin()
	t.txn.CommitWith(func(err error) {
		s.stall.end()
		if err != nil {
			s.broke(err)
		} else {
			t.landed()
		}
		t.h.reads.resume()
		done <- err
		release()
	})
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return s.writeError(t.h.dir, err)
	case <-timer.C:
		s.stall.tooLate(commit)
		return hub.Errorf(hub.CodeStorage, "the disk of %s did not take a write within %s; it may still arrive", t.h.dir, s.patience).
			WithRemedy("See that the disk is not full, read-only or failing.")
	}
}

func (s *Store) writeError(dir string, err error) error {
	if err == nil {
		return nil
	}
	return hub.Errorf(hub.CodeStorage, "the store %s cannot be written: %w", dir, err).
		WithRemedy("See that the disk is not full or read-only, and that the folder is yours; the store works again when that is mended.")
}

func (s *Store) pendingError(dir string, err error) error {
	if errors.Is(err, badger.ErrTxnTooBig) {
		return hub.Errorf(hub.CodeInvalid, "too much is written in one update: %w", err).
			WithRemedy("Write it in several.")
	}
	return s.writeError(dir, err)
}

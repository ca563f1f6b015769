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
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.enter(); err != nil {
		<-s.writer
		return err
	}
	release := func() {
		s.inUse.Done()
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
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	tx := &tx{store: s, txn: txn}
	defer func() { tx.done = true }()
	if err := f(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !tx.wrote {
		return nil
	}
	if err := s.space(s.dir); err != nil {
		return err
	}
	committing = true
	return s.commit(txn, release)
}

// commit waits for the disk, but not for ever. The next update waits for this
// one in any case: release is called when its fate is known.
func (s *Store) commit(txn *badger.Txn, release func()) error {
	done := make(chan error, 1)
	txn.CommitWith(func(err error) {
		if err != nil {
			s.broke(err)
		}
		done <- err
		release()
	})
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return s.writeError(err)
	case <-timer.C:
		return hub.Errorf(hub.CodeStorage, "the disk of %s did not take a write within %s; it may still arrive", s.dir, s.patience).
			WithRemedy("See that the disk is not full, read-only or failing.")
	}
}

func (s *Store) writeError(err error) error {
	if err == nil {
		return nil
	}
	return hub.Errorf(hub.CodeStorage, "the store %s cannot be written: %w", s.dir, err).
		WithRemedy("See that the disk is not full or read-only, and that the folder is yours; the store works again when that is mended.")
}

var errDone = errors.New("the transaction is over")

type tx struct {
	store *Store
	txn   *badger.Txn
	wrote bool
	done  bool
}

// Get implements hub.Tx.
func (t *tx) Get(ref hub.Ref) (hub.Record, error) {
	if t.done {
		return hub.Record{}, errDone
	}
	return t.store.get(t.txn, ref)
}

// Put implements hub.Tx. Over a record that does not open nothing is written:
// its generation cannot be believed. Delete removes it.
func (t *tx) Put(ref hub.Ref, expect uint64, value []byte) (uint64, error) {
	if t.done {
		return 0, errDone
	}
	if len(value) > maxValue {
		return 0, hub.Errorf(hub.CodeInvalid, "a record of %d bytes is too large; the limit is %d", len(value), maxValue)
	}
	old, err := t.store.get(t.txn, ref)
	if err != nil && !errors.Is(err, hub.ErrNotFound) {
		return 0, err
	}
	if old.Generation != expect {
		return 0, hub.ErrConflict
	}
	key, err := t.store.codec.key(ref)
	if err != nil {
		return 0, err
	}
	sealed, err := t.store.codec.seal(key, hub.Record{Ref: ref, Generation: expect + 1, Value: value})
	if err != nil {
		return 0, err
	}
	if err := t.txn.Set(key, sealed); err != nil {
		return 0, t.store.pendingError(err)
	}
	t.wrote = true
	return expect + 1, nil
}

// Delete implements hub.Tx.
func (t *tx) Delete(ref hub.Ref) error {
	if t.done {
		return errDone
	}
	key, err := t.store.codec.key(ref)
	if err != nil {
		return err
	}
	if err := t.txn.Delete(key); err != nil {
		return t.store.pendingError(err)
	}
	t.wrote = true
	return nil
}

func (s *Store) pendingError(err error) error {
	if errors.Is(err, badger.ErrTxnTooBig) {
		return hub.Errorf(hub.CodeInvalid, "too much is written in one update: %w", err).
			WithRemedy("Write it in several.")
	}
	return s.writeError(err)
}

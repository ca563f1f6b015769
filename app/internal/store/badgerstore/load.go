// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"iter"
	"log/slog"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Load writes much into a store that nobody needs yet. All updates that f makes
// are one, of any size, which is on disk when Load returns nil. When it returns
// an error, or is killed, the store holds a part, does not open, and is to be
// thrown away.
//
// An update of a store writes anew each list that it touches, and waits for the
// disk; Load writes each list once, and waits once. The store that f gets knows
// Get and Update; it is for one goroutine.
func Load(ctx context.Context, dir string, sealer Sealer, log *slog.Logger, f func(hub.Store) error) (err error) {
	s, err := Open(dir, sealer, log, func(s *Store) { s.loading = true })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.writer <- struct{}{}
	defer func() { <-s.writer }()
	h, err := s.enter()
	if err != nil {
		return err
	}
	defer h.users.Done()
	t := s.newTx(h)
	t.parts, t.trusting = true, true
	defer func() { t.txn.Discard() }() // the last one
	if err := f(&loader{t}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil || !t.wrote {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	if err := errors.Join(t.txn.Commit(), h.db.Sync()); err != nil {
		return s.writeError(dir, err)
	}
	t.landed()
	return h.compactLevels(func(int64) int { return 1 })
}

// set writes to the database; in parts, where the update is a Load.
func (t *tx) set(key, value []byte) error {
	err := t.txn.Set(key, value)
	if t.parts && errors.Is(err, badger.ErrTxnTooBig) {
		if err := t.part(); err != nil {
			return err
		}
		err = t.txn.Set(key, value)
	}
	if err != nil {
		return t.store.pendingError(t.h.dir, err)
	}
	return nil
}

// unset is set for a deletion.
func (t *tx) unset(key []byte) error {
	err := t.txn.Delete(key)
	if t.parts && errors.Is(err, badger.ErrTxnTooBig) {
		if err := t.part(); err != nil {
			return err
		}
		err = t.txn.Delete(key)
	}
	if err != nil {
		return t.store.pendingError(t.h.dir, err)
	}
	return nil
}

// part commits what was written so far and goes on.
func (t *tx) part() error {
	if err := t.store.space(t.h.dir); err != nil {
		return err
	}
	if err := t.txn.Commit(); err != nil {
		return t.store.writeError(t.h.dir, err)
	}
	t.h.written()
	t.txn = t.h.db.NewTransaction(true)
	return nil
}

// loader is the store during a Load.
type loader struct{ tx *tx }

// Get implements hub.Store.
func (l *loader) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	if err := ctx.Err(); err != nil {
		return hub.Record{}, err
	}
	return l.tx.Get(ref)
}

// Update implements hub.Store, but for taking back: an error ends the Load.
func (l *loader) Update(ctx context.Context, f func(hub.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(l.tx)
}

var errLoading = errors.New("a store is not listed while it is being loaded")

// List implements hub.Store.
func (l *loader) List(context.Context, hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) { yield(hub.Record{}, errLoading) }
}

// Snapshot implements hub.Store.
func (l *loader) Snapshot(context.Context, func(hub.Snapshot) error) error { return errLoading }

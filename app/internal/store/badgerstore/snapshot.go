// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// snapshot is the store at the moment at which a transaction began.
type snapshot struct {
	store *Store
	txn   *badger.Txn
}

// Snapshot implements hub.Store.
func (s *Store) Snapshot(ctx context.Context, f func(hub.Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.inUse.Done()
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return f(snapshot{s, txn})
}

// List implements hub.Snapshot.
func (s snapshot) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		prefix, err := s.store.codec.prefix(kind)
		if err != nil {
			yield(hub.Record{}, err)
			return
		}
		opts := badger.DefaultIteratorOptions
		opts.Prefix = prefix
		it := s.txn.NewIterator(opts)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := ctx.Err(); err != nil {
				yield(hub.Record{}, err)
				return
			}
			r, err := s.store.listed(it.Item(), kind)
			if !yield(r, err) || isLocked(err) {
				return
			}
		}
	}
}

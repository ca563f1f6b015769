// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var _ hub.Store = (*Store)(nil)

// Store is a hub.Store on disk. Make it with Open.
type Store struct {
	db    *badger.DB
	dir   string
	codec *codec
	log   *slog.Logger

	space    func(dir string) error // reports why there can be no writing
	patience time.Duration          // with the disk, see commitPatience

	writer chan struct{} // holds a token while an update runs

	mu     sync.Mutex
	closed bool
	broken error          // why the database must be opened again, see recover.go
	inUse  sync.WaitGroup // calls that use db

	closing    chan struct{}
	closeOnce  sync.Once
	closeErr   error
	background sync.WaitGroup
}

// Get implements hub.Store.
func (s *Store) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	if err := ctx.Err(); err != nil {
		return hub.Record{}, err
	}
	if err := s.enter(); err != nil {
		return hub.Record{}, err
	}
	defer s.inUse.Done()
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return s.get(txn, ref)
}

// enter notes a use of the database, which must not be closed under it: Badger
// would read from memory that is no longer mapped. Without an error, the caller
// calls inUse.Done.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return &hub.Error{Code: hub.CodeStorage, Message: "the store is closed"}
	case s.broken != nil:
		return s.writeError(s.broken)
	case s.codec.sealer.Locked():
		return errLocked()
	}
	s.inUse.Add(1)
	return nil
}

// get reads a record in a transaction. Badger may panic on files whose blocks
// were damaged; that is damage like any other.
func (s *Store) get(txn *badger.Txn, ref hub.Ref) (r hub.Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("reading a record failed on damaged files", "kind", ref.Kind, "panic", fmt.Sprint(p))
			r, err = hub.Record{}, &hub.IntegrityError{Ref: ref, Detail: "the database files are damaged"}
		}
	}()
	key, err := s.codec.key(ref)
	if err != nil {
		return hub.Record{}, err
	}
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return hub.Record{}, hub.ErrNotFound
	}
	if err != nil {
		return hub.Record{}, s.readError(err)
	}
	err = item.Value(func(value []byte) error {
		r, err = s.codec.open(key, value)
		return err
	})
	if err == nil && r.Ref != ref {
		err = errForged("it has the name of another record")
	}
	if err != nil {
		return hub.Record{}, s.readError(integrity(ref, err))
	}
	return r, nil
}

// List implements hub.Store. It yields what was there when it began.
func (s *Store) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		err := s.Snapshot(ctx, func(snap hub.Snapshot) error {
			for r, err := range snap.List(ctx, kind) {
				if !yield(r, err) {
					break
				}
			}
			return nil
		})
		if err != nil {
			yield(hub.Record{}, err)
		}
	}
}

func (s *Store) listed(item *badger.Item, kind hub.Kind) (r hub.Record, err error) {
	key := item.KeyCopy(nil)
	err = item.Value(func(value []byte) error {
		r, err = s.codec.open(key, value)
		return err
	})
	if err == nil && r.Kind != kind {
		err = errForged("it has the name of another record")
	}
	if err != nil {
		// The name is sealed with the value, so it cannot be told.
		if f, ok := errors.AsType[errForged](err); ok {
			err = errForged(fmt.Sprintf("found among the %s records: %s", kind, string(f)))
		}
		return hub.Record{}, s.readError(integrity(hub.Ref{}, err))
	}
	return r, nil
}

// readError makes sure that nothing of Badger's reaches callers unnamed.
func (s *Store) readError(err error) error {
	if _, ok := errors.AsType[*hub.IntegrityError](err); ok || isLocked(err) {
		return err
	}
	return hub.Errorf(hub.CodeStorage, "the store %s cannot be read: %w", s.dir, err).
		WithRemedy("See that its files can be read; otherwise restore the data folder from a backup.")
}

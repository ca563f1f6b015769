// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var _ hub.Store = (*Store)(nil)

// Store is a hub.Store on disk. Make it with Open.
type Store struct {
	codec *codec
	log   *slog.Logger

	space    func(dir string) error // reports why there can be no writing
	patience time.Duration          // with the disk, see commitPatience
	accept   bool                   // a store that is older than it was
	loading  bool                   // see Load: what is committed need not be on disk

	writer chan struct{} // holds a token while an update runs
	stall  stall         // of the commit under way
	state  state         // of the last update; held by writer

	last      atomic.Pointer[state] // what is on disk of it
	anchorDue chan struct{}         // an update is not anchored yet
	anchored  uint64                // as keepAnchor knows

	mu     sync.Mutex
	h      *handle
	closed bool
	broken error // why the database must be opened again, see recover.go

	closing    chan struct{}
	closeOnce  sync.Once
	closeErr   error
	background sync.WaitGroup
}

// enter notes a use of the database. Without an error, the caller calls
// users.Done.
func (s *Store) enter() (*handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, &hub.Error{Code: hub.CodeStorage, Message: "the store is closed"}
	case s.broken != nil:
		return nil, s.writeError(s.h.dir, s.broken)
	case s.codec.sealer.Locked():
		s.h.lists.clear()
		return nil, errLocked()
	}
	s.h.users.Add(1)
	return s.h, nil
}

// folder is where the database is, at present.
func (s *Store) folder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.h.dir
}

// Get implements hub.Store.
func (s *Store) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	if err := ctx.Err(); err != nil {
		return hub.Record{}, err
	}
	h, err := s.enter()
	if err != nil {
		return hub.Record{}, err
	}
	defer h.users.Done()
	l, err := s.reader(ctx, h)
	if err != nil {
		return hub.Record{}, err
	}
	defer h.reads.giveBack(l)
	v := view{store: s, h: h, txn: l.txn}
	e, err := v.get(ref)
	return e.Record, err
}

// reader lends a transaction to read with. One that has to wait for a commit waits
// no longer than the disk is given for that. The caller has entered.
func (s *Store) reader(ctx context.Context, h *handle) (reader, error) {
	l, ok := h.reads.lend(h.db)
	if ok {
		return l, nil
	}
	begun := make(chan *badger.Txn, 1)
	h.users.Add(1)
	go func() {
		defer h.users.Done()
		begun <- h.db.NewTransaction(false)
	}()
	var err error
	select {
	case l.txn = <-begun:
		return l, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.stall.overdue():
		err = s.stalled(h.dir)
	}
	h.users.Go(func() { (<-begun).Discard() })
	return reader{}, err
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

// Snapshot implements hub.Store.
func (s *Store) Snapshot(ctx context.Context, f func(hub.Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, err := s.enter()
	if err != nil {
		return err
	}
	defer h.users.Done()
	l, err := s.reader(ctx, h)
	if err != nil {
		return err
	}
	defer h.reads.giveBack(l)
	return f(snapshot{view{store: s, h: h, txn: l.txn}})
}

// snapshot is the store at the moment at which a transaction began.
type snapshot struct{ view }

// List implements hub.Snapshot.
func (s snapshot) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return s.all(ctx, kind)
}

// SPDX-License-Identifier: Apache-2.0

// Package memstore keeps records in memory, in the clear. It behaves like the
// store on disk in everything that a caller can see, and is for tests.
package memstore

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var _ hub.Store = (*Store)(nil)

// Store is a hub.Store in memory. Make it with New.
type Store struct {
	writer chan struct{} // holds a token while an update runs

	mu      sync.RWMutex
	records map[hub.Ref]hub.Record
}

// New returns an empty store.
func New() *Store {
	return &Store{writer: make(chan struct{}, 1), records: map[hub.Ref]hub.Record{}}
}

// Get implements hub.Store.
func (s *Store) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	if err := ctx.Err(); err != nil {
		return hub.Record{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return get(s.records, ref)
}

func get(records map[hub.Ref]hub.Record, ref hub.Ref) (hub.Record, error) {
	r, ok := records[ref]
	if !ok {
		return hub.Record{}, hub.ErrNotFound
	}
	r.Value = slices.Clone(r.Value)
	return r, nil
}

// List implements hub.Store. It yields what was there when it began.
func (s *Store) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		s.mu.RLock()
		some := snapshot{}
		for ref, r := range s.records {
			if ref.Kind == kind {
				some[ref] = r
			}
		}
		s.mu.RUnlock()
		for r, err := range some.List(ctx, kind) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// Snapshot implements hub.Store.
func (s *Store) Snapshot(ctx context.Context, f func(hub.Snapshot) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(s.moment())
}

func (s *Store) moment() snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.records)
}

type snapshot map[hub.Ref]hub.Record

// List implements hub.Snapshot.
func (s snapshot) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(hub.Record{}, err)
			return
		}
		for ref := range s {
			if ref.Kind != kind {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(hub.Record{}, err)
				return
			}
			if !yield(get(s, ref)) {
				return
			}
		}
	}
}

// Update implements hub.Store.
func (s *Store) Update(ctx context.Context, f func(hub.Tx) error) error {
	select {
	case s.writer <- struct{}{}:
		defer func() { <-s.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tx := &tx{store: s, writes: map[hub.Ref]hub.Record{}}
	defer func() { tx.done = true }()
	if err := f(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, r := range tx.writes {
		if r.Generation == 0 {
			delete(s.records, ref)
		} else {
			s.records[ref] = r
		}
	}
	return nil
}

var errDone = errors.New("the transaction is over")

type tx struct {
	store  *Store
	writes map[hub.Ref]hub.Record // generation 0: removed
	done   bool
}

// Get implements hub.Tx.
func (t *tx) Get(ref hub.Ref) (hub.Record, error) {
	if t.done {
		return hub.Record{}, errDone
	}
	if r, ok := t.writes[ref]; ok {
		if r.Generation == 0 {
			return hub.Record{}, hub.ErrNotFound
		}
		return get(t.writes, ref)
	}
	t.store.mu.RLock()
	defer t.store.mu.RUnlock()
	return get(t.store.records, ref)
}

// Put implements hub.Tx.
func (t *tx) Put(ref hub.Ref, expect uint64, value []byte) (uint64, error) {
	if t.done {
		return 0, errDone
	}
	old, err := t.Get(ref)
	if err != nil && !errors.Is(err, hub.ErrNotFound) {
		return 0, err
	}
	if old.Generation != expect {
		return 0, hub.ErrConflict
	}
	t.writes[ref] = hub.Record{Ref: ref, Generation: expect + 1, Value: slices.Clone(value)}
	return expect + 1, nil
}

// Delete implements hub.Tx.
func (t *tx) Delete(ref hub.Ref) error {
	if t.done {
		return errDone
	}
	t.writes[ref] = hub.Record{Ref: ref}
	return nil
}

// Discard implements hub.Tx. Nothing is damaged here.
func (t *tx) Discard(hub.Kind, string) error {
	if t.done {
		return errDone
	}
	return hub.ErrNotFound
}

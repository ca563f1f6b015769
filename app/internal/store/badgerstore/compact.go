// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

const (
	firstCompaction = time.Hour // after the store was opened
	compactInterval = 24 * time.Hour
)

// Compact copies what is alive into a new folder, has the header name that,
// and removes the old one: from then on nothing that was deleted or replaced
// can be read in the files. Reads go on meanwhile, updates wait.
func (s *Store) Compact(ctx context.Context) error {
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.writer }()
	old, err := s.enter()
	if err != nil {
		return err
	}
	defer old.users.Done()
	fresh, st, err := s.copyAlive(ctx, old)
	if err != nil {
		return err
	}
	faults.Point("compact.copied")
	if err := s.codec.sealer.MoveStore(filepath.Base(fresh.dir)); err != nil {
		return errors.Join(err, fresh.discard())
	}
	faults.Point("compact.moved")
	s.setState(st)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed { // whoever closes waits for the old one
		return errors.Join(fresh.close(), os.RemoveAll(old.dir))
	}
	s.h = fresh
	s.background.Go(func() {
		old.users.Wait()
		if err := old.discard(); err != nil {
			s.log.Warn("the replaced store could not be removed; the next start tries again", "dir", old.dir, "err", err)
		}
	})
	return nil
}

// discard closes a database that is of no use and removes it.
func (h *handle) discard() error {
	return errors.Join(h.close(), os.RemoveAll(h.dir))
}

// copyAlive makes the new database. Values are copied as they are; only the
// state is new.
func (s *Store) copyAlive(ctx context.Context, old *handle) (fresh *handle, st state, err error) {
	dir := s.codec.sealer.NextStoreDir()
	failed := func(err error) error {
		return hub.Errorf(hub.CodeStorage, "copy the store to %s: %w", dir, err).
			WithRemedy("See that there is room for it twice. The store is as it was.")
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, st, failed(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, st, failed(err)
	}
	db, err := openDB(dir, s.log, false)
	if err != nil {
		return nil, st, err
	}
	fresh = newHandle(db, dir, s.log)
	defer func() {
		if err != nil {
			err = errors.Join(err, fresh.discard())
			fresh = nil
		}
	}()
	v := s.view(old, false)
	defer v.txn.Discard()
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	it := v.txn.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	it.Rewind()
	for n := 0; it.Valid(); n++ {
		if n%1000 == 0 {
			fresh.written()
			if err := errors.Join(ctx.Err(), s.space(dir)); err != nil {
				return fresh, st, err
			}
		}
		item := it.Item()
		value, err := item.ValueCopy(nil)
		if err != nil {
			return fresh, st, s.readError(err)
		}
		if err := batch.Set(item.KeyCopy(nil), value); err != nil {
			return fresh, st, failed(err)
		}
		it.Next()
	}
	st = s.state
	st.epoch++
	st.dropped = 0
	sealed, err := s.codec.sealState(st)
	if err != nil {
		return fresh, st, err
	}
	if err := batch.Set(stateKey, sealed); err != nil {
		return fresh, st, failed(err)
	}
	if err := errors.Join(batch.Flush(), db.Sync()); err != nil {
		return fresh, st, failed(err)
	}
	return fresh, st, nil
}

// compactDaily compacts the store once a day if anything was dropped, until
// the store is closed.
func (s *Store) compactDaily() {
	timer := time.NewTimer(firstCompaction)
	defer timer.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-s.closing; cancel() }()
	for {
		select {
		case <-s.closing:
			return
		case <-timer.C:
		}
		timer.Reset(compactInterval)
		if s.last.Load().dropped == 0 {
			continue
		}
		if err := s.Compact(ctx); err != nil && !isLocked(err) && ctx.Err() == nil {
			s.log.Warn("the store could not be compacted; it is tried again tomorrow", "err", err)
		}
	}
}

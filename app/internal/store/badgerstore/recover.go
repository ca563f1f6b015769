// SPDX-License-Identifier: Apache-2.0

package badgerstore

import "time"

// retryInterval is how often a broken database is tried again.
const retryInterval = time.Second

// broke notes that a write failed within Badger, which is then in no state to
// go on: the next write would end the process. The store answers errors until
// the database could be opened again; what was acknowledged is in its logs.
func (s *Store) broke(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || s.closed {
		return
	}
	s.broken = err
	s.log.Error("the store cannot be written", "dir", s.h.dir, "err", err)
	h := s.h
	s.background.Go(func() { s.reopen(h) })
}

// reopen closes and opens the database, as soon as its folder can be written
// and all calls that use it have returned.
func (s *Store) reopen(old *handle) {
	old.users.Wait()
	tick := time.NewTicker(retryInterval)
	defer tick.Stop()
	for isOpen := true; ; {
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
		if s.space(old.dir) != nil {
			continue
		}
		if isOpen {
			if err := old.close(); err != nil {
				s.log.Warn("closing the broken store", "err", err)
			}
			isOpen = false
		}
		db, err := openDB(old.dir, s.log, false)
		if err != nil {
			s.log.Warn("the store cannot be opened again yet", "err", err)
			continue
		}
		h := newHandle(db, old.dir, s.log)
		if err := s.resume(h); err != nil {
			s.log.Warn("the store cannot be used again yet", "err", err)
			_ = h.close()
			continue
		}
		s.log.Info("the store can be written again", "dir", old.dir)
		return
	}
}

// resume goes on with a database that was opened again. Whether the update
// that failed is in it, its state tells.
func (s *Store) resume(h *handle) error {
	v := s.view(h, false)
	defer v.txn.Discard()
	st, err := s.codec.readState(v.txn)
	if err != nil {
		return err
	}
	st.epoch += epochGap
	s.setState(st)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h, s.broken = h, nil
	return nil
}

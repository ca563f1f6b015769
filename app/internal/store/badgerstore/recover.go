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
	s.log.Error("the store cannot be written", "dir", s.dir, "err", err)
	s.background.Go(s.reopen)
}

// reopen closes and opens the database, as soon as its folder can be written
// and all calls that use it have returned.
func (s *Store) reopen() {
	s.inUse.Wait()
	tick := time.NewTicker(retryInterval)
	defer tick.Stop()
	for isOpen := true; ; {
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
		if s.space(s.dir) != nil {
			continue
		}
		if isOpen {
			if err := s.db.Close(); err != nil {
				s.log.Warn("closing the broken store", "err", err)
			}
			isOpen = false
		}
		db, err := openDB(s.dir, s.log)
		if err != nil {
			s.log.Warn("the store cannot be opened again yet", "err", err)
			continue
		}
		s.mu.Lock()
		s.db, s.broken = db, nil
		s.mu.Unlock()
		s.log.Info("the store can be written again", "dir", s.dir)
		return
	}
}

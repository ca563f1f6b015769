// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	garbageInterval = 10 * time.Minute
	garbageRounds   = 4 // files rewritten at most, each time
)

// collectGarbage rewrites files of the value log that are half garbage, a few
// at a time, until the store is closed.
func (s *Store) collectGarbage() {
	tick := time.NewTicker(garbageInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
			s.collectOnce()
		}
	}
}

func (s *Store) collectOnce() {
	h, err := s.enter()
	if err != nil {
		return
	}
	defer h.users.Done()
	for range garbageRounds {
		if s.space(h.dir) != nil {
			return // rewriting needs room; deleting comes after it
		}
		err := h.db.RunValueLogGC(0.5)
		if errors.Is(err, badger.ErrNoRewrite) {
			return
		}
		if err != nil {
			s.log.Warn("collecting garbage of the store failed", "err", err)
			return
		}
	}
}

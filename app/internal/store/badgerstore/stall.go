// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// stall tells those who wait for a commit when the disk has had its time for it:
// Badger has the next transaction wait for the commit under way, however long it
// takes. Of commits there is one at a time. The zero stall is ready to use.
type stall struct {
	mu     sync.Mutex
	commit int // the number of the one under way, or of the last
	active bool
	late   bool
	ch     chan struct{} // closed while late; nil: nobody has asked
}

func (s *stall) begin() (commit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit, s.active = s.commit+1, true
	return s.commit
}

func (s *stall) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = false
	if s.late {
		s.late, s.ch = false, nil
	}
}

// tooLate notes that the time of a commit is over, unless it has just ended.
func (s *stall) tooLate(commit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active && s.commit == commit {
		s.late = true
		close(s.channel())
	}
}

// overdue is closed when the commit under way, or one that follows while nothing
// is late, has had its time.
func (s *stall) overdue() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channel()
}

// channel needs mu held.
func (s *stall) channel() chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// stalled is the answer to who would have to wait for a commit that is overdue.
func (s *Store) stalled(dir string) error {
	return hub.Errorf(hub.CodeStorage, "the disk of %s has not taken a write for more than %s, and nothing can be read or written meanwhile", dir, s.patience).
		WithRemedy("See that the disk is not full, read-only or failing.")
}

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

const (
	// epochGap is skipped when a store is opened. It is more than the updates
	// of a second, so that the epochs of a second which was lost without
	// anybody noticing are not used again.
	epochGap = 1 << 20

	anchorDelay = 500 * time.Millisecond // after an update
	anchorRetry = 5 * time.Second        // after a failure
)

// checkLatest looks whether the store is as its last update left it, or makes
// it so where that was asked for.
func (s *Store) checkLatest(v *view) error {
	st, err := s.codec.readState(v.txn)
	if err != nil {
		if isLocked(err) || !s.accept {
			return s.stateError(err)
		}
		s.log.Error("the state of the store is not good, and is made anew", "err", err)
		st = state{}
	}
	digest, latest, derr := s.codec.digest(v.txn)
	if derr != nil {
		return s.readError(derr)
	}
	anchor, aerr := s.codec.sealer.Anchor()
	var why error
	switch sequence := s.codec.sealer.Sequence(); {
	case st.epoch == 0: // was told
	case digest != st.digest:
		why = &hub.IntegrityError{Detail: "the lists of its records were removed, or older ones put in their place"}
	case sequence < st.sequence:
		why = rolledBack(s.h.dir, "the header is number %d, and the store has seen number %d", sequence, st.sequence)
	case aerr != nil:
		why = aerr
	case anchor > st.epoch:
		why = rolledBack(s.h.dir, "it ends at update %d, and update %d has been seen", st.epoch, anchor)
	}
	if why != nil && !s.accept {
		return why
	}
	if why != nil {
		s.log.Error("the store is taken as it is, as you asked", "err", why)
	}
	s.state = st
	if why == nil && st.epoch != 0 {
		s.state.epoch += epochGap
		s.last.Store(&st)
		return s.lift(anchor, st.epoch)
	}
	s.state.epoch = max(st.epoch, latest, anchor) + epochGap
	s.state.digest, s.state.sequence = digest, 0
	err = s.update(context.Background(), func(t *tx) error {
		t.wrote = true // the state alone
		return nil
	})
	if err != nil {
		return err
	}
	return s.codec.sealer.ResetAnchor(s.state.epoch)
}

// lift sets an anchor that a kill left behind.
func (s *Store) lift(anchor, epoch uint64) error {
	if anchor == epoch {
		return nil
	}
	if err := s.codec.sealer.SetAnchor(epoch); err != nil {
		s.log.Warn("the rollback anchor could not be set", "err", err)
		s.dueAnchor()
	}
	return nil
}

func (s *Store) stateError(err error) error {
	if errors.Is(err, hub.ErrNotFound) {
		return &hub.IntegrityError{Detail: "the state that vouches for its records was removed"}
	}
	if f, ok := errors.AsType[errForged](err); ok {
		return &hub.IntegrityError{Detail: "the state that vouches for its records: " + string(f)}
	}
	return s.readError(err)
}

// keepAnchor lets the anchor follow the updates, until the store is closed.
func (s *Store) keepAnchor() {
	for delay := anchorDelay; ; {
		select {
		case <-s.closing:
			return
		case <-s.anchorDue:
		}
		select {
		case <-s.closing:
			return
		case <-time.After(delay):
		}
		delay = anchorDelay
		if !s.anchor() {
			delay = anchorRetry
			s.dueAnchor()
		}
	}
}

// anchor writes the anchor, and reports whether that went well.
func (s *Store) anchor() bool {
	epoch := s.last.Load().epoch
	if epoch == 0 || epoch == s.anchored {
		return true
	}
	if err := s.codec.sealer.SetAnchor(epoch); err != nil {
		if !isLocked(err) {
			s.log.Warn("the rollback anchor could not be set; it is tried again", "err", err)
		}
		return false
	}
	s.anchored = epoch
	return true
}

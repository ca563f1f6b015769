// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The scheduler's dealings with the index of what is due.

// flushAt is how many changes of the index are written at once, at most; fewer
// where that is too much for a transaction of the store.
const flushAt = 128

// move is a change of the index: from the minutes under which it names a
// connection to the one in which it is due; zero: to none.
type move struct {
	id   string
	from []int64
	to   time.Time
}

// advance reads the index up to the next minute, so that the plan always holds
// what is due in this one, and no more than it has room for.
func (s *scheduler) advance(ctx context.Context) {
	to := hub.Minute(s.e.now()) + 1
	s.back(to + 1) // the clock may have been put back
	for s.read < to && s.inHand() < maxPlan && ctx.Err() == nil {
		// What was decided by the minutes read so far must be written before
		// there are more, or it may end up in one of them, unread.
		if !s.flush(ctx, 0) {
			return
		}
		limit := s.inHand() + maxPlan/2
		ids, more, err := s.e.cfg.Connections.DueIn(ctx, s.read+1, limit)
		if err != nil {
			s.trouble(ctx, err)
			s.partial = false
			return
		}
		s.partial = more
		if !more {
			s.read++
		}
		minute := s.read
		if more {
			minute++
		}
		for _, id := range ids {
			s.found(ctx, id, minute)
		}
		if more {
			break
		}
	}
	if s.flush(ctx, flushAt) && ctx.Err() == nil {
		s.told = ""
	}
}

// found takes a connection into hand that the index names.
func (s *scheduler) found(ctx context.Context, id string, minute int64) {
	for _, it := range []*item{s.running[id], s.plan.byID[id], s.held[id]} {
		if it != nil {
			it.named(minute)
			return
		}
	}
	s.look(ctx, &item{id: id, minutes: []int64{minute}, index: -1})
}

// flush writes the changes of the index, if there are more than so many, and
// reports whether none is left that should have been.
func (s *scheduler) flush(ctx context.Context, unless int) bool {
	for len(s.moves) > unless {
		some := s.moves[:min(max(flushAt>>s.smaller, 1), len(s.moves))]
		err := s.e.cfg.Connections.Update(ctx, func(tx *hub.ConnectionsTx) error {
			for _, m := range some {
				if err := m.write(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			if len(some) > 1 && hub.AsError(err).Code == hub.CodeInvalid {
				s.smaller++
				continue
			}
			s.trouble(ctx, err)
			return false
		}
		s.smaller = 0
		s.moves = append([]move{}, s.moves[len(some):]...)
	}
	if s.read-s.settled < settleEvery && s.read >= s.settled {
		return true
	}
	// Writes of this minute and the last may have put hints there that nobody
	// told of yet.
	settled := min(s.oldest()-1, hub.Minute(s.e.now())-2)
	if settled-s.settled >= settleEvery || settled < s.settled {
		if err := s.e.cfg.Connections.Update(ctx, func(tx *hub.ConnectionsTx) error { return tx.Settle(settled) }); err != nil {
			s.trouble(ctx, err)
			return false
		}
		s.settled = settled
	}
	return true
}

func (m *move) write(tx *hub.ConnectionsTx) error {
	if !m.to.IsZero() {
		if err := tx.LookAt(m.id, m.to); err != nil {
			return err
		}
	}
	for _, minute := range m.from {
		if !m.to.IsZero() && minute == hub.Minute(m.to) {
			continue
		}
		if err := tx.LookedAt(m.id, minute); err != nil {
			return err
		}
	}
	return nil
}

// wanted is when tokens are to be renewed, wherever that lies; zero: never. What
// failed is wanted again when its health says, however long the token still lives.
func (e *Engine) wanted(id string, toks *hub.Tokens, d *hub.Descriptor) time.Time {
	at := toks.Due(d)
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.slots[id]; s != nil && s.failure != nil && s.failure.generation == toks.Generation && !toks.Current.RefreshToken.IsZero() {
		if next := s.failure.next; at.IsZero() || next.Before(at) {
			return next
		}
	}
	return at
}

// due is when a connection wants the background's attention; zero: never. Its
// error is the store's.
func (e *Engine) due(ctx context.Context, id string) (at time.Time, integration string, err error) {
	conn, err := e.cfg.Connections.Get(ctx, id)
	if err == nil && conn.State != hub.StateConnected {
		return time.Time{}, conn.Integration, nil
	}
	var toks *hub.Tokens
	if err == nil {
		toks, err = e.cfg.Connections.Tokens(ctx, id)
	}
	if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
		e.cfg.Logger.Error("a connection is not refreshed ahead of time", "connection", id, "error", err)
		return time.Time{}, "", nil
	}
	if errors.Is(err, hub.ErrNotFound) {
		return time.Time{}, "", nil
	}
	if err != nil {
		return time.Time{}, "", err
	}
	e.overtaken(conn, toks.Generation)
	d := e.cfg.Resolver.Descriptor(conn.Integration)
	at = e.wanted(id, toks, d)
	if at.IsZero() || d != nil && !d.Can(hub.CanRefresh) {
		return time.Time{}, conn.Integration, nil
	}
	now, set := e.now(), &toks.Current
	soon := func(within time.Duration) time.Time {
		// Never at once: whatever goes wrong, it does not go wrong in a loop.
		return now.Add(time.Second + time.Duration(e.cfg.Jitter()*float64(within)))
	}
	future := set.FromTheFuture(now)
	if !at.After(now) || future {
		at = soon(spread) // where it has expired, nobody waits, or would have refreshed it
		if left := set.Expiry.Sub(now); left > 0 && !future {
			at = soon(min(spread, left/2))
		}
	}
	if first := set.IssuedAt.Add(minInterval); at.Before(first) && !future {
		at = first
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.slots[id]; s != nil && s.failure != nil && s.failure.generation == toks.Generation {
		if next := now.Add(left(s.failure.next, now, s.failure.wait)); at.Before(next) {
			at = next
		}
	}
	if c := e.circuits[conn.Integration]; c != nil && at.Before(now.Add(left(c.until, now, c.wait))) {
		at = c.until.Add(time.Second + time.Duration(e.cfg.Jitter()*float64(spread)))
	}
	return at, conn.Integration, nil
}

// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// flight is one refresh of one connection, shared by all who wait for it.
type flight struct {
	cause   hub.Cause
	run     work
	done    chan struct{} // closed when outcome is set
	outcome outcome
}

// outcome is a connection with its tokens as stored, or err. The connection is
// shared, and so is an outcome once others wait for it: neither is changed.
type outcome struct {
	conn    *hub.Connection
	tokens  *hub.Tokens
	name    string // of a further token; empty: the main one
	cause   hub.Cause
	warning *hub.Error
	err     *hub.Error
}

// refresh joins the refresh of a connection that is under way, or begins one.
// seen is the generation of the tokens that the caller found wanting: if they
// were replaced meanwhile, there is nothing left to do. A forced refresh never
// joins an ordinary one, which may have begun before the token was refused.
func (e *Engine) refresh(id string, seen uint64, cause hub.Cause) *flight {
	return e.fly(id, seen, cause, func(ctx context.Context, seen uint64, cause hub.Cause) outcome {
		return e.run(ctx, id, seen, cause)
	})
}

// work is what a flight does.
type work func(ctx context.Context, seen uint64, cause hub.Cause) outcome

// fly is refresh for the slot of one token.
func (e *Engine) fly(id string, seen uint64, cause hub.Cause, run work) *flight {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.slot(id)
	switch {
	case e.closed:
		e.tidy(id)
		return grounded(stopping())
	case e.paused:
		e.tidy(id)
		return grounded(lockedMeanwhile())
	case s.running == nil:
		s.running = &flight{cause: cause, run: run, done: make(chan struct{})}
		e.launch(id, s, seen)
		return s.running
	case !cause.Forced() || s.running.cause.Forced():
		return s.running
	case s.next == nil:
		s.next = &flight{cause: cause, run: run, done: make(chan struct{})}
	}
	return s.next
}

// grounded is a flight that does not take off.
func grounded(err *hub.Error) *flight {
	f := &flight{done: make(chan struct{}), outcome: outcome{err: err}}
	close(f.done)
	return f
}

// launch runs s.running, and then s.next. It needs e.mu held.
func (e *Engine) launch(id string, s *slot, seen uint64) {
	f := s.running
	e.work.Go(func() {
		ctx, cancel := context.WithTimeout(e.life, refreshTimeout)
		defer cancel()
		if e.cfg.Depart != nil {
			away := e.cfg.Depart()
			defer away()
			ctx = hub.WithSent(ctx, away)
		}
		f.outcome = f.run(ctx, seen, f.cause)
		faults.Point("refresh.ended")
		e.mu.Lock()
		s.running, s.next = s.next, nil
		if s.running != nil {
			e.launch(id, s, 0)
		}
		e.tidy(id)
		e.mu.Unlock()
		close(f.done)
	})
}

// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// flight is one refresh of one connection, shared by all who wait for it.
type flight struct {
	forced  bool
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
	warning *hub.Error
	err     *hub.Error
}

// refresh joins the refresh of a connection that is under way, or begins one.
// seen is the generation of the tokens that the caller found wanting: if they
// were replaced meanwhile, there is nothing left to do. A forced refresh never
// joins an ordinary one, which may have begun before the token was refused.
func (e *Engine) refresh(id string, seen uint64, force bool) *flight {
	return e.fly(id, seen, force, func(ctx context.Context, seen uint64, forced bool) outcome {
		return e.run(ctx, id, seen, forced)
	})
}

// work is what a flight does.
type work func(ctx context.Context, seen uint64, forced bool) outcome

// fly is refresh for the slot of one token.
func (e *Engine) fly(id string, seen uint64, force bool, run work) *flight {
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
		s.running = &flight{forced: force, run: run, done: make(chan struct{})}
		e.launch(id, s, seen)
		return s.running
	case !force || s.running.forced:
		return s.running
	case s.next == nil:
		s.next = &flight{forced: true, run: run, done: make(chan struct{})}
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
		f.outcome = f.run(ctx, seen, f.forced)
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

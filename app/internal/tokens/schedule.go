// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The numbers of the background refresh.
const (
	maxMargin   = 15 * time.Minute // refresh that long before expiry, or at half of life
	concurrency = 4
	spread      = 30 * time.Second // over which what is overdue is spread, after a start or a sleep
	minInterval = 5 * time.Second  // between two refreshes of one connection
	tick        = time.Minute      // how soon a jump of the clock is noticed
	clockJump   = 5 * time.Second  // what counts as one
)

// Run refreshes tokens ahead of their expiry until ctx ends, so that callers do
// not wait for a provider. It looks at every connection once when it begins,
// and after the clock jumped (the machine slept, or was set).
func (e *Engine) Run(ctx context.Context) error {
	s := &scheduler{
		e:       e,
		plan:    plan{byID: map[string]*item{}},
		events:  e.cfg.Bus.Subscribe(ctx),
		ended:   make(chan string),
		running: map[string]bool{},
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	s.loop(ctx)
	for range s.running {
		<-s.ended
	}
	return nil
}

// scheduler belongs to the goroutine of Run.
type scheduler struct {
	e       *Engine
	plan    plan
	events  <-chan hub.Event
	ended   chan string // ids of background refreshes that ended
	running map[string]bool
}

func (s *scheduler) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	wall, awake := s.e.now(), time.Now() // one sleeps through, the other does not
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-s.events:
			if !ok {
				s.events = nil // ctx is ending
				continue
			}
			s.note(ctx, ev)
		case id := <-s.ended:
			delete(s.running, id)
			s.schedule(ctx, id)
		case <-timer.C:
		}
		now := s.e.now()
		if jump := now.Sub(wall) - time.Since(awake); jump.Abs() > clockJump {
			s.e.cfg.Logger.Info("the clock jumped; looking at every token again", "by", jump)
			s.reload(ctx)
		}
		wall, awake = now, time.Now()
		wait := tick
		if s.e.isPaused() {
			timer.Reset(wait)
			continue
		}
		s.start(ctx)
		if next, ok := s.plan.first(); ok && len(s.running) < concurrency {
			wait = min(tick, max(0, next.Sub(s.e.now())))
		}
		timer.Reset(wait)
	}
}

// start begins what is due, as far as there is room.
func (s *scheduler) start(ctx context.Context) {
	for len(s.running) < concurrency {
		next, ok := s.plan.first()
		if !ok || next.After(s.e.now()) {
			return
		}
		id := s.plan.pop()
		if s.running[id] {
			continue // it is planned again when it ends
		}
		s.running[id] = true
		go func() {
			s.e.ahead(ctx, id)
			s.ended <- id
		}()
	}
}

// note keeps the plan in step with what happens elsewhere.
func (s *scheduler) note(ctx context.Context, ev hub.Event) {
	switch ev.Type {
	case hub.EventResync, hub.EventLock:
		s.reload(ctx)
	case hub.EventIntegration:
		s.e.IntegrationChanged(ev.Slug)
		s.reload(ctx)
	case hub.EventConnected:
		s.e.recovered(ev.Connection) // of a failure of the earlier tokens
		s.schedule(ctx, ev.Connection)
	case hub.EventRefreshed, hub.EventHealth, hub.EventNeedsReauthorization, hub.EventDisconnected:
		s.schedule(ctx, ev.Connection)
	}
}

// schedule plans one connection anew.
func (s *scheduler) schedule(ctx context.Context, id string) {
	conn, err := s.e.cfg.Connections.Get(ctx, id)
	if err == nil {
		var at time.Time
		if at, err = s.e.due(ctx, conn); err == nil && !at.IsZero() {
			s.plan.set(id, at)
			return
		}
	}
	s.plan.remove(id)
	if err != nil && !errors.Is(err, hub.ErrNotFound) && ctx.Err() == nil {
		s.e.cfg.Logger.Error("a connection is not refreshed ahead of time", "connection", id, "error", err)
	}
}

func (s *scheduler) reload(ctx context.Context) {
	if s.e.isPaused() {
		return // it is done once the hub is unlocked
	}
	if err := s.load(ctx); err != nil && ctx.Err() == nil {
		s.e.cfg.Logger.Error("the connections could not be listed", "error", err)
	}
}

// load plans every connection, and finishes disconnects that were cut short.
func (s *scheduler) load(ctx context.Context) error {
	s.plan.clear()
	for conn, err := range s.e.cfg.Connections.All(ctx) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			s.e.cfg.Logger.Error("a connection cannot be read", "error", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("list the connections: %w", err)
		}
		at, err := s.e.due(ctx, conn)
		switch {
		case err != nil && !errors.Is(err, hub.ErrNotFound):
			s.e.cfg.Logger.Error("a connection is not refreshed ahead of time", "connection", conn.ID, "error", err)
		case err == nil && !at.IsZero():
			s.plan.set(conn.ID, at)
		}
	}
	return nil
}

// due is when a connection wants the background's attention; zero: never.
func (e *Engine) due(ctx context.Context, conn *hub.Connection) (time.Time, error) {
	now := e.now()
	soon := func(within time.Duration) time.Time {
		// Never at once: whatever goes wrong, it does not go wrong in a loop.
		return now.Add(time.Second + time.Duration(e.cfg.Jitter()*float64(within)))
	}
	switch conn.State {
	case hub.StateDisconnected:
		// Nobody is at it: the process died in the middle, or the store failed.
		return soon(spread).Add(revokeTimeout + flightPatience), nil
	case hub.StateNeedsReauthorization:
		return time.Time{}, nil
	}
	toks, err := e.cfg.Connections.Tokens(ctx, conn.ID)
	if err != nil {
		return time.Time{}, err
	}
	set := &toks.Current
	if set.RefreshToken.IsZero() {
		return time.Time{}, nil
	}
	e.mu.Lock()
	margin := refreshMargin(set, e.margins[conn.Provider])
	var retry time.Time
	if s := e.slots[conn.ID]; s != nil && s.failure != nil && s.failure.generation == toks.Generation {
		retry = s.failure.next
	}
	e.mu.Unlock()
	var at time.Time
	switch {
	case toks.Intent != nil:
		at = soon(spread) // an answer was lost: find out what became of it
	case set.Expiry.IsZero():
		return time.Time{}, nil
	default:
		// A fifth of jitter, towards the expiry.
		at = set.Expiry.Add(-margin + time.Duration(e.cfg.Jitter()*float64(margin)/5))
		if !at.After(now) {
			at = soon(min(spread, max(0, set.Expiry.Sub(now)/2)))
			if !set.Expiry.After(now) {
				at = soon(spread) // nobody waits, or would have refreshed it
			}
		}
		if first := set.IssuedAt.Add(minInterval); at.Before(first) {
			at = first
		}
	}
	if at.Before(retry) {
		at = retry
	}
	return at, nil
}

// refreshMargin is how long before its expiry a token is renewed; override is
// what the provider asks for, if anything. More than half of a life would be a
// refresh on end.
func refreshMargin(set *hub.TokenSet, override time.Duration) time.Duration {
	margin := maxMargin
	if override > 0 {
		margin = override
	}
	return max(0, min(margin, set.Life()/2))
}

// ahead does what is due for a connection.
func (e *Engine) ahead(ctx context.Context, id string) {
	conn, err := e.cfg.Connections.Get(ctx, id)
	if err != nil {
		return
	}
	if conn.State == hub.StateDisconnected {
		if _, err := e.remove(ctx, "", id, false); err != nil {
			e.cfg.Logger.Error("a disconnect could not be finished", "connection", id, "error", err)
		}
		return
	}
	state, failed := e.read(ctx, id)
	if failed != nil || state.tokens.Current.RefreshToken.IsZero() {
		return
	}
	if e.pending(state, false) != nil {
		return
	}
	if r, err := e.cfg.Resolver.ResolveFor(ctx, conn); err == nil && r.Descriptor.RefreshMargin > 0 {
		e.mu.Lock()
		e.margins[conn.Provider] = r.Descriptor.RefreshMargin
		e.mu.Unlock()
		set := &state.tokens.Current
		if state.tokens.Intent == nil && set.Expiry.Sub(e.now()) > refreshMargin(set, r.Descriptor.RefreshMargin) {
			return // this provider wants to be asked later
		}
	}
	select {
	case <-e.refresh(id, state.tokens.Generation, false).done:
	case <-ctx.Done():
	}
}

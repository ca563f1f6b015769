// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The numbers of the background refresh.
const (
	concurrency   = 4  // of one integration
	maxBackground = 32 // of all
	maxPlan       = 4096
	spread        = 30 * time.Second // over which what is overdue is spread, after a start or a sleep
	minInterval   = 5 * time.Second  // between two refreshes of one connection
	tick          = time.Minute      // how soon a jump of the clock is noticed
	clockJump     = 5 * time.Second  // what counts as one
	settleEvery   = 6 * 60           // minutes that a start may have to read again
)

// Run refreshes tokens ahead of their expiry until ctx ends, so that callers do
// not wait for a provider, and finishes what disconnects left undone. Its work
// and its memory are proportional to what is due, not to what is stored.
func (e *Engine) Run(ctx context.Context) error {
	s := &scheduler{
		e: e, plan: newPlan(), events: e.cfg.Bus.Subscribe(ctx), ended: make(chan *item),
		waiting: map[string][]*item{}, held: map[string]*item{}, running: map[string]*item{}, busy: map[string]int{},
	}
	if !s.begin(ctx) {
		return nil
	}
	var revoker sync.WaitGroup
	defer revoker.Wait()
	revoker.Go(func() { e.revokeLeft(ctx) })
	s.loop(ctx)
	for range s.running {
		s.look(context.WithoutCancel(ctx), <-s.ended)
	}
	s.flush(context.WithoutCancel(ctx), 0)
	return nil
}

// begin finds out how far the index was worked off; it returns false when ctx
// ended before the store would say.
func (s *scheduler) begin(ctx context.Context) bool {
	for {
		settled, err := s.e.cfg.Connections.Settled(ctx)
		if err == nil {
			s.settled, s.read = settled, min(settled, hub.Minute(s.e.now())-1)
			return true
		}
		s.trouble(ctx, err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(tick):
		}
	}
}

// scheduler belongs to the goroutine of Run. What it has in hand it has read
// from the index of what is due, minute by minute; each item leaves by a change
// of that index. So nothing is forgotten when the process ends at any moment.
type scheduler struct {
	e       *Engine
	events  <-chan hub.Event
	ended   chan *item
	plan    plan
	waiting map[string][]*item // due, without room among those of its integration
	running map[string]*item
	held    map[string]*item // those in waiting, by id
	busy    map[string]int   // how many are running, by integration

	read    int64 // minute up to which the index was read
	partial bool  // of the next minute a part was read
	settled int64 // as noted in the store
	moves   []move
	smaller int    // how often the size of a write was halved
	told    string // the last trouble with the store, told once
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
		case it := <-s.ended:
			s.end(ctx, it)
		case <-timer.C:
		}
		now := s.e.now()
		if jump := now.Sub(wall) - time.Since(awake); jump.Abs() > clockJump {
			s.e.cfg.Logger.Info("the clock jumped; looking again at what is due", "by", jump)
			s.again()
		}
		wall, awake = now, time.Now()
		if s.e.isPaused() {
			timer.Reset(tick)
			continue
		}
		s.advance(ctx)
		s.start(ctx)
		timer.Reset(s.wait())
	}
}

// wait is how long nothing is to be done.
func (s *scheduler) wait() time.Duration {
	now := s.e.now()
	wait := min(tick, now.Truncate(time.Minute).Add(time.Minute).Sub(now))
	if next, ok := s.plan.first(); ok && len(s.running) < maxBackground {
		wait = min(wait, next.Sub(now))
	}
	if s.partial && s.inHand() < maxPlan/2 {
		wait = 0
	}
	return max(0, wait)
}

// horizon is the last minute of which the plan holds what is due.
func (s *scheduler) horizon() int64 { return max(s.read, hub.Minute(s.e.now())+1) }

// inHand is how many items there are.
func (s *scheduler) inHand() int { return s.plan.Len() + len(s.held) + len(s.running) }

// start begins what is due, as far as there is room.
func (s *scheduler) start(ctx context.Context) {
	for len(s.running) < maxBackground {
		next, ok := s.plan.first()
		if !ok || next.After(s.e.now()) {
			return
		}
		it := s.plan.pop()
		if s.busy[it.integration] >= concurrency {
			s.waiting[it.integration] = append(s.waiting[it.integration], it)
			s.held[it.id] = it
			continue
		}
		s.launch(ctx, it)
	}
}

func (s *scheduler) launch(ctx context.Context, it *item) {
	s.running[it.id] = it
	s.busy[it.integration]++
	integration := it.integration // it may be another when it is looked at again
	go func() {
		s.e.ahead(ctx, it.id)
		it.integration = integration
		s.ended <- it
	}()
}

// end looks at what a refresh left, and lets the next one begin.
func (s *scheduler) end(ctx context.Context, it *item) {
	delete(s.running, it.id)
	if s.busy[it.integration]--; s.busy[it.integration] == 0 {
		delete(s.busy, it.integration)
	}
	if queue := s.waiting[it.integration]; len(queue) > 0 {
		next := queue[0]
		queue[0] = nil
		s.waiting[it.integration] = queue[1:]
		if len(queue) == 1 {
			delete(s.waiting, it.integration)
		}
		delete(s.held, next.id)
		s.launch(ctx, next)
	}
	s.look(ctx, it)
}

// note keeps the plan in step with what happens elsewhere. What was written is
// in the index; what is due in a minute that was read already is looked for
// there again.
func (s *scheduler) note(ctx context.Context, ev hub.Event) {
	switch ev.Type {
	case hub.EventResync, hub.EventLock:
		s.again()
	case hub.EventIntegration:
		for _, id := range s.e.IntegrationChanged(ev.Slug) {
			s.hasten(ctx, id)
		}
	case hub.EventConnected:
		s.e.reauthorized(ev.Connection)
		s.fresh(ctx, ev.Connection)
	case hub.EventRefreshed:
		s.fresh(ctx, ev.Connection)
	case hub.EventHealth:
		s.hasten(ctx, ev.Connection)
	case hub.EventNeedsReauthorization, hub.EventDisconnected:
		if it := s.plan.take(ev.Connection); it != nil {
			s.look(ctx, it)
		}
	}
}

// fresh looks at a connection whose tokens were written.
func (s *scheduler) fresh(ctx context.Context, id string) {
	if s.running[id] != nil {
		return // it is looked at when it ends
	}
	if it := s.plan.take(id); it != nil {
		s.look(ctx, it)
	}
	if at, _, err := s.e.due(ctx, id); err == nil && !at.IsZero() && hub.Minute(at) <= s.read {
		s.back(hub.Minute(s.e.now()) - 1) // where the write put its hint, or one before
	}
}

// hasten looks at a connection before its time in the index.
func (s *scheduler) hasten(ctx context.Context, id string) {
	if s.running[id] != nil || s.held[id] != nil {
		return
	}
	it := s.plan.take(id)
	if it == nil {
		it = &item{id: id, index: -1}
	}
	s.look(ctx, it)
}

// back has the index read again from a minute on.
func (s *scheduler) back(minute int64) {
	if minute-1 < s.read {
		s.read, s.partial = minute-1, false
	}
}

// again forgets what is planned, and reads it from the index once more. What is
// running goes on.
func (s *scheduler) again() {
	s.back(min(s.oldest(), hub.Minute(s.e.now())))
	s.plan, s.waiting, s.held = newPlan(), map[string][]*item{}, map[string]*item{}
}

// oldest is the first minute that has something in hand.
func (s *scheduler) oldest() int64 {
	oldest := s.read + 1
	for _, it := range s.plan.items {
		oldest = min(oldest, it.oldest(oldest))
	}
	for _, items := range []map[string]*item{s.held, s.running} {
		for _, it := range items {
			oldest = min(oldest, it.oldest(oldest))
		}
	}
	for _, m := range s.moves {
		for _, minute := range m.from {
			oldest = min(oldest, minute)
		}
	}
	return oldest
}

// look decides about an item that is in nobody's hand: into the plan, or to
// another minute of the index, or out of both.
func (s *scheduler) look(ctx context.Context, it *item) {
	at, integration, err := s.e.due(ctx, it.id)
	switch {
	case err != nil:
		s.trouble(ctx, err)
		at = s.e.now().Add(tick) // the store has a trouble, not the connection
	case at.IsZero() || hub.Minute(at) > s.horizon():
		s.moves = append(s.moves, move{it.id, it.minutes, at})
		return
	}
	it.at, it.integration = at, integration
	s.plan.add(it)
}

// trouble tells of a store that cannot be read or written, once.
func (s *scheduler) trouble(ctx context.Context, err error) {
	if ctx.Err() == nil && err.Error() != s.told {
		s.told = err.Error()
		s.e.cfg.Logger.Warn("tokens cannot be refreshed ahead of time", "error", err)
	}
}

// ahead does what is due for a connection.
func (e *Engine) ahead(ctx context.Context, id string) {
	state, failed := e.read(ctx, id)
	if failed != nil || state.tokens.Current.RefreshToken.IsZero() || e.pending(state, false) != nil {
		return
	}
	if r, err := e.cfg.Resolver.ResolveFor(ctx, state.conn); err == nil {
		due := e.wanted(id, state.tokens, r.Descriptor)
		if due.IsZero() || due.Sub(e.now()) > minInterval && !state.tokens.Current.FromTheFuture(e.now()) {
			return // this provider wants to be asked later
		}
	}
	select {
	case <-e.refresh(id, state.tokens.Generation, hub.CauseAhead).done:
	case <-ctx.Done():
	}
}

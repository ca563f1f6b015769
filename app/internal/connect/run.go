// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// sweepEvery is how often overdue flows are looked for.
const sweepEvery = 15 * time.Second

// Run ends flows that are overdue, until ctx ends; then it
// waits for what is being asked of providers. It begins by revoking what
// an earlier process left unconfirmed.
func (e *Engine) Run(ctx context.Context) error {
	defer e.work.Wait()
	defer e.stop()
	e.discardLeftovers(ctx)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			e.sweep(ctx)
		}
	}
}

func (e *Engine) sweep(ctx context.Context) {
	type unconfirmed struct {
		f *flow
		p *pending
	}
	var events []hub.Event
	var drop []unconfirmed
	e.mu.Lock()
	now := e.cfg.Now()
	for id, f := range e.flows {
		if now.Before(f.ExpiresAt) {
			continue
		}
		switch f.State {
		case hub.FlowWaiting:
			if !f.spent { // else the exchange is under way and bounded
				events = append(events, e.failLocked(f, expired()))
			}
		case hub.FlowConfirm:
			if f.pending != nil {
				drop = append(drop, unconfirmed{f, f.pending})
				f.pending = nil
			}
			events = append(events, e.failLocked(f, expired()))
		default:
			delete(e.flows, id)
			delete(e.results, f.result)
		}
	}
	for key, l := range e.links {
		if now.After(l.expires) {
			delete(e.links, key)
		}
	}
	e.mu.Unlock()
	for _, ev := range events {
		e.cfg.Publisher.Publish(ev)
	}
	for _, u := range drop {
		e.discard(ctx, u.f, u.p)
	}
}

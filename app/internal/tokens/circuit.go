// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The numbers of the circuit breaker. One connection alone never opens it: its
// own backoff does for it, and what fails may be its account, its tenant, its
// shop.
const (
	tripFailures    = 5 // in a row, without a success in between
	tripConnections = 3 // that they are spread over
	maxProviderWait = maxDelay
	maxInFlight     = 32 // calls to the provider of one integration at a time
)

// circuit is what the engine knows of an integration's provider. Its fields are
// guarded by Engine.mu, but slots.
type circuit struct {
	slots   chan struct{} // bounds the calls under way
	failing map[string]struct{}
	count   int // failures in a row, over all connections
	opened  int // times in a row that it opened
	err     *hub.Error
	since   time.Time
	until   time.Time     // open until then; then one try decides
	wait    time.Duration // from when it opened until then
	probing bool
}

// circuit needs e.mu held.
func (e *Engine) circuit(integration string) *circuit {
	c := e.circuits[integration]
	if c == nil {
		c = &circuit{slots: make(chan struct{}, maxInFlight), failing: map[string]struct{}{}}
		e.circuits[integration] = c
	}
	return c
}

// blocked is the answer while a provider is known to be out of order, or nil.
// It needs e.mu held.
func (c *circuit) blocked(now time.Time) *hub.Error {
	if c == nil || c.until.IsZero() || left(c.until, now, c.wait) == 0 && !c.probing {
		return nil
	}
	err := *c.err
	err.RetryAfter = max(left(c.until, now, c.wait), time.Second)
	return &err
}

// enter waits for a place among the calls to a provider. Where the circuit is
// open it returns what callers get. leave must be called without an error.
func (e *Engine) enter(ctx context.Context, integration string) (leave func(), err *hub.Error) {
	e.mu.Lock()
	c := e.circuit(integration)
	e.mu.Unlock()
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, &hub.Error{
			Code:    hub.CodeProviderUnavailable,
			Message: fmt.Sprintf("%d calls to %s are under way and none of them ends", maxInFlight, integration),
			Err:     ctx.Err(),
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := c.blocked(e.now()); err != nil {
		<-c.slots
		return nil, err
	}
	probe := !c.until.IsZero()
	c.probing = c.probing || probe
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		c.probing = c.probing && !probe
		<-c.slots
	}, nil
}

// answered notes that a provider did its work, whatever it said: a refusal is
// an answer too.
func (e *Engine) answered(integration, id string) {
	e.mu.Lock()
	c := e.circuit(integration)
	was := c.state()
	c.count, c.opened, c.err, c.since, c.until = 0, 0, nil, time.Time{}, time.Time{}
	delete(c.failing, id)
	now := c.state()
	e.mu.Unlock()
	e.turned(integration, was, now, "")
}

// failed notes that a provider did not do its work.
func (e *Engine) failed(integration, id string, err *hub.Error) {
	switch err.Code {
	case hub.CodeProviderUnavailable, hub.CodeRateLimited, hub.CodeProviderMisconfigured, hub.CodePluginUnavailable, hub.CodePluginFailed:
	default:
		return // the provider has no part in it
	}
	now := e.now()
	e.mu.Lock()
	c := e.circuit(integration)
	was := c.state()
	c.count++
	c.failing[id] = struct{}{}
	c.err = err
	if c.since.IsZero() {
		c.since = now
	}
	if c.probing || c.count >= tripFailures && len(c.failing) >= tripConnections && left(c.until, now, c.wait) == 0 {
		c.opened++
		wait := max(e.jittered(min(firstDelay<<min(c.opened-1, 10), maxDelay)), min(err.RetryAfter, maxProviderWait))
		c.until, c.wait = now.Add(wait), wait
	}
	is := c.state()
	e.mu.Unlock()
	e.turned(integration, was, is, err.Code)
}

// forgive forgets what was held against a provider: its settings changed. An
// empty slug means all. It needs e.mu held.
func (e *Engine) forgive(slug string) {
	for integration, c := range e.circuits {
		if slug == "" || slug == integration {
			c.count, c.opened, c.err, c.since, c.until = 0, 0, nil, time.Time{}, time.Time{}
			clear(c.failing)
		}
	}
}

// state needs Engine.mu held.
func (c *circuit) state() hub.ProviderState {
	switch {
	case !c.until.IsZero():
		return hub.ProviderDown
	case c.count > 0 || len(c.failing) > 0:
		return hub.ProviderDegraded
	}
	return hub.ProviderOK
}

// turned tells of a provider that went down or came back.
func (e *Engine) turned(integration string, was, is hub.ProviderState, code hub.Code) {
	if was == is || was != hub.ProviderDown && is != hub.ProviderDown {
		return
	}
	e.cfg.Logger.Info("a provider changed", "integration", integration, "state", is, "code", code)
	e.publish(hub.Event{Type: hub.EventProviderHealth, Slug: integration, Detail: string(is)})
}

// ProviderHealth tells how each provider answers that was asked since the hub
// started, by integration. It does no I/O.
func (e *Engine) ProviderHealth() []hub.ProviderHealth {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]hub.ProviderHealth, 0, len(e.circuits))
	for integration, c := range e.circuits {
		h := hub.ProviderHealth{Integration: integration, State: c.state(), Failing: len(c.failing)}
		if c.err != nil {
			h.Code, h.Message, h.Since, h.NextTry = c.err.Code, c.err.Message, c.since, c.until
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b hub.ProviderHealth) int { return cmp.Compare(a.Integration, b.Integration) })
	return out
}

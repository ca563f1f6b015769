// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The waiting times after a failure.
const (
	firstDelay   = 30 * time.Second
	maxDelay     = 15 * time.Minute
	pluginDelay  = 5 * time.Second // the first one where a plugin failed, which is restarted sooner
	storageDelay = 5 * time.Second // the first one where the disk failed, which is near
	maxStorage   = time.Minute
	// maxObeyed bounds the waiting time that a provider may impose.
	maxObeyed = 24 * time.Hour
)

// failure is why a connection could not be renewed, and when to try again.
type failure struct {
	integration string
	generation  uint64 // of the tokens that could not be renewed
	err         *hub.Error
	count       int
	since, next time.Time
	wait        time.Duration // from when it was noted until next
	// imposed is set when the provider named the time of the next try; then
	// not even a forced refresh comes earlier.
	imposed bool
}

// left is how long it takes until a moment that was wait ahead once. If it is
// farther now, the clock was put back, and nobody waits for it to be right again.
func left(until, now time.Time, wait time.Duration) time.Duration {
	if d := until.Sub(now); d > 0 && d <= wait {
		return d
	}
	return 0
}

// pending returns the failure that a refresh would only repeat, as an answer
// to be given at once; nil when it is time to try. Of the connection's own
// failure and its provider's it is the one that lasts longer.
func (e *Engine) pending(o *outcome, force bool) *hub.Error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.slots[o.key()]
	if s != nil && s.running != nil {
		return nil // it will tell
	}
	now := e.now()
	blocked := e.circuits[o.conn.Integration].blocked(now)
	if s == nil || s.failure == nil {
		return blocked
	}
	f := s.failure
	wait := left(f.next, now, f.wait)
	if f.generation != o.counted() || wait <= 0 || force && !f.imposed || blocked != nil && blocked.RetryAfter > wait {
		return blocked
	}
	err := *f.err
	err.RetryAfter = wait
	return &err
}

// fail notes that a refresh failed and returns what to tell those who wait.
func (e *Engine) fail(o *outcome, err *hub.Error) *hub.Error {
	now := e.now()
	e.mu.Lock()
	s := e.slot(o.key())
	f := &failure{integration: o.conn.Integration, generation: o.counted(), err: err, count: 1, since: now}
	if old := s.failure; old != nil && old.generation == f.generation {
		f.count, f.since = old.count+1, old.since
	}
	delay := e.delay(err, f.count)
	if errors.Is(err.Err, errOffline) {
		delay, f.count = e.jittered(offlineDelay), 0
	}
	if err.RetryAfter > delay {
		delay, f.imposed = min(err.RetryAfter, maxObeyed), true
	}
	f.next, f.wait = now.Add(delay), delay
	another := f.count == 1 || f.count > 1 && s.failure.err.Code != err.Code // being offline is no failure
	s.failure = f
	e.mu.Unlock()
	if another {
		e.noteFailure(o, err)
	}

	e.cfg.Logger.Warn("a token could not be renewed", "connection", o.conn.ID, "code", err.Code,
		"error", err.Err, "try", f.count, "next", delay)
	e.publish(hub.Event{Type: hub.EventHealth, Connection: o.conn.ID, Slug: o.conn.Integration, Detail: string(err.Code)})
	told := *err
	told.RetryAfter = delay
	return &told
}

func (e *Engine) delay(err *hub.Error, count int) time.Duration {
	d, most := firstDelay, maxDelay
	switch err.Code {
	case hub.CodeStorage:
		d, most = storageDelay, maxStorage
	case hub.CodePluginUnavailable, hub.CodePluginFailed:
		d = pluginDelay
	}
	d = min(d<<min(count-1, 10), most)
	return e.jittered(d)
}

// jittered takes up to a quarter off a delay, so that what failed together is
// not tried together.
func (e *Engine) jittered(d time.Duration) time.Duration {
	return d - d/4 + time.Duration(e.cfg.Jitter()*float64(d/4))
}

// recovered forgets a failure and reports whether there was one.
func (e *Engine) recovered(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.slots[id]
	if s == nil || s.failure == nil {
		return false
	}
	s.failure = nil
	e.tidy(id)
	return true
}

// overtaken forgets a failure, and an answer that could not be written, of older
// tokens than those of a generation, which are stored: the disk took a write
// after its caller was told that it did not.
func (e *Engine) overtaken(conn *hub.Connection, generation uint64) {
	e.mu.Lock()
	s := e.slots[conn.ID]
	old := s != nil && s.failure != nil && s.failure.generation < generation
	if old {
		s.failure = nil
		if s.unsaved != nil && s.unsaved.generation < generation {
			s.unsaved = nil
		}
		e.tidy(conn.ID)
	}
	e.mu.Unlock()
	if old {
		e.publish(hub.Event{Type: hub.EventHealth, Connection: conn.ID, Slug: conn.Integration})
	}
}

// reauthorized forgets the failures of a connection's earlier tokens.
func (e *Engine) reauthorized(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, s := range e.slotsOf(id) {
		s.failure = nil
		e.tidy(key)
	}
}

// IntegrationChanged lets the connections of an integration be tried again at
// once: its settings may have been what was wrong. It names those that had
// failed. An empty slug means all.
func (e *Engine) IntegrationChanged(slug string) (ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, s := range e.slots {
		if s.failure != nil && !s.failure.imposed && (slug == "" || s.failure.integration == slug) {
			s.failure = nil
			e.tidy(id)
			ids = append(ids, id)
		}
	}
	e.forgive(slug)
	return ids
}

func randomJitter() float64 { return rand.Float64() } //nolint:gosec // spreads load, protects nothing

func needsUser(integration string, r hub.Reason) *hub.Error {
	return &hub.Error{
		Code:    hub.CodeNeedsReauthorization,
		Message: fmt.Sprintf("the access to %s cannot be renewed without the user (%s)", integration, r),
		Reason:  r,
		Remedy:  r.Remedy(),
	}
}

func notConnected() *hub.Error {
	return &hub.Error{Code: hub.CodeNotInstalled, Message: "this account is not connected", Remedy: "Connect it in the window, or with `standpipe connect`."}
}

func stopping() *hub.Error {
	return &hub.Error{Code: hub.CodePluginUnavailable, Message: "the hub is stopping"}
}

func auditFailed(err error) *hub.Error {
	if e, ok := errors.AsType[*hub.Error](err); ok {
		return e
	}
	return &hub.Error{Code: hub.CodeAudit, Message: "the audit cannot be written, and without it nothing is handed out", Remedy: "Make room on the disk, or check the rights of the data folder.", Err: err}
}

// storageFailed names a failure of the store.
func storageFailed(err error) *hub.Error {
	if e, ok := errors.AsType[*hub.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*hub.IntegrityError](err); ok {
		return hub.AsError(err)
	}
	return &hub.Error{Code: hub.CodeStorage, Message: "the data folder cannot be read or written", Remedy: "Make room on the disk, or check the rights of the data folder.", Err: err}
}

// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Bounds of what a user is asked.
const (
	defaultPatience = 2 * time.Minute
	coolDown        = time.Minute // after a no
	maxQuestions    = 32
	maxPerApp       = 4
)

// questions are those that wait for the user. The zero value is ready to use.
type questions struct {
	mu      sync.Mutex
	byKey   map[questionKey]*question
	cooling map[questionKey]time.Time // until when the answer is no
}

// questionKey is what one asks about once: however many draw.
type questionKey struct{ app, integration, connection string }

// question is guarded by questions.mu, but for done.
type question struct {
	hub.Approval
	key     questionKey
	narrows bool
	known   []*hub.Connection // the one, or the candidates
	timer   *time.Timer
	done    chan struct{} // closed by the answer
	yes     bool
	claimed bool // an answer is being written down
}

// raise returns the question about a draw: the one that waits already, or a new
// one.
func (qs *questions) raise(a *Access, ctx context.Context, req *hub.DrawRequest, o *open) (*question, error) {
	key := questionKey{app: req.App.ID, integration: req.Integration}
	if o.connection != nil {
		key.connection = o.connection.ID
	}
	if q, err := qs.waiting(key, a.cfg.Now()); q != nil || err != nil {
		return q, err
	}
	program := hub.PeerOf(ctx) // slow: before the lock, and once per question
	now := a.cfg.Now()
	q := &question{key: key, narrows: req.Narrows, known: o.candidates, done: make(chan struct{}), Approval: hub.Approval{
		ID: a.cfg.NewID("approval"), App: req.App.ID, AppName: req.App.Name, AppKind: req.App.Kind, Program: program,
		Owner: req.Owner, Integration: req.Integration, Connection: key.connection, Scopes: req.Scopes, Wider: o.wider, Audience: req.Audience, Relay: req.Relay,
		CreatedAt: now, ExpiresAt: now.Add(a.cfg.Patience),
	}}
	if o.connection != nil {
		q.known = []*hub.Connection{o.connection}
	}
	for _, c := range q.known {
		q.Choices = append(q.Choices, c.Choice())
	}
	if old, err := qs.add(q, now); old != nil || err != nil {
		return old, err
	}
	q.timer = time.AfterFunc(a.cfg.Patience, func() { a.timeOut(q) })
	a.announce(q)
	return q, nil
}

// waiting is the question about key, or why there must be none now.
func (qs *questions) waiting(key questionKey, now time.Time) (*question, error) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if until := qs.cooling[key]; now.Before(until) && until.Sub(now) <= coolDown {
		e := hub.Errorf(hub.CodeConsentRequired, "the user did not allow this").WithRemedy("Ask again later, when the user expects it.")
		e.RetryAfter = until.Sub(now)
		return nil, e
	}
	return qs.byKey[key], nil
}

// add keeps a new question, unless another came first.
func (qs *questions) add(q *question, now time.Time) (*question, error) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if old := qs.byKey[q.key]; old != nil {
		return old, nil
	}
	same := 0
	for key := range qs.byKey {
		if key.app == q.App {
			same++
		}
	}
	if len(qs.byKey) >= maxQuestions || same >= maxPerApp {
		return nil, &hub.Error{Code: hub.CodeTooManyRequests, Message: "too many questions wait for the user already", Remedy: "Answer them in the window, or with `standpipe apps approvals`.", RetryAfter: q.ExpiresAt.Sub(now)}
	}
	if qs.byKey == nil {
		qs.byKey, qs.cooling = map[questionKey]*question{}, map[questionKey]time.Time{}
	}
	for key, until := range qs.cooling {
		if !now.Before(until) {
			delete(qs.cooling, key)
		}
	}
	qs.byKey[q.key] = q
	return nil, nil
}

// claim returns the question that id names, for one answer.
func (qs *questions) claim(id string) (*question, error) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	for _, q := range qs.byKey {
		if q.ID != id {
			continue
		}
		if q.claimed {
			return nil, hub.Errorf(hub.CodeConflict, "the question %q is being answered already", id)
		}
		q.claimed = true
		return q, nil
	}
	return nil, hub.Errorf(hub.CodeNotFound, "no question %q waits for an answer; it may have timed out", id).
		WithRemedy("`standpipe apps approvals` lists those that wait.")
}

// unclaim lets a question wait on, whose answer could not be written down.
func (qs *questions) unclaim(q *question) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	q.claimed = false
}

// end answers a question, once.
func (qs *questions) end(q *question, yes bool, coolUntil time.Time) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if qs.byKey[q.key] != q {
		return
	}
	delete(qs.byKey, q.key)
	if !coolUntil.IsZero() {
		qs.cooling[q.key] = coolUntil
	}
	q.yes = yes
	if q.timer != nil {
		q.timer.Stop()
	}
	close(q.done)
}

// drop takes questions back; those who wait get a no.
func (qs *questions) drop(which func(*question) bool) {
	qs.mu.Lock()
	var gone []*question
	for _, q := range qs.byKey {
		if which(q) {
			gone = append(gone, q)
		}
	}
	qs.mu.Unlock()
	for _, q := range gone {
		qs.end(q, false, time.Time{})
	}
}

// wait reports whether the answer was yes, within the time.
func (q *question) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-q.done:
		return q.yes
	case <-ctx.Done():
		return false
	}
}

// refusal is what a draw gets whose question was not answered with yes.
func (q *question) refusal() error {
	select {
	case <-q.done:
		return hub.Errorf(hub.CodeConsentRequired, "the user did not allow %q to draw from %s", q.AppName, q.Integration).
			WithRemedy("Ask again later, when the user expects it.")
	default:
	}
	e := hub.Errorf(hub.CodeConsentRequired, "the user is being asked whether %q may draw from %s", q.AppName, q.Integration).
		WithRemedy("Answer in the window, or with `standpipe apps approve %s`; then ask again.", q.ID)
	e.Approval = q.ID
	return e
}

// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// What changes with the use of a key is remembered beside the vends, not within
// them: a vend waits for no disk, and a thousand of them are one write. The
// audit, which each vend does wait for, knows it all the same.
const (
	// usedEvery is how exactly the store knows when a key was last used.
	usedEvery = 15 * time.Minute
	// rememberAfter is how long what was drawn may be unknown to the store.
	rememberAfter = 5 * time.Second
	// maxDrawn bounds the tokens that are known to be in an app's hands: a
	// product's backend may draw for a million users.
	maxDrawn = 1000
)

// use is what changes with the use of a key.
type use struct {
	last   time.Time
	stored time.Time            // last, as the store has it
	drawn  map[string]hub.Drawn // by connection: what may still live
	dirty  bool                 // the store has to be told
}

// at notes a use, and reports whether the store has to be told.
func (u *use) at(now time.Time) bool {
	u.last = now
	u.dirty = u.dirty || now.Sub(u.stored) >= usedEvery
	return u.dirty
}

// draw notes a token, and reports whether that is news. A connection's tokens
// end one after the other: the last is what matters.
func (u *use) draw(d hub.Drawn) bool {
	old, ok := u.drawn[d.Connection]
	if ok && (old.ExpiresAt.IsZero() || !d.ExpiresAt.IsZero() && !d.ExpiresAt.After(old.ExpiresAt)) {
		return false
	}
	if u.drawn == nil {
		u.drawn = map[string]hub.Drawn{}
	}
	for id := range u.drawn { // any: maps are walked at random
		if ok || len(u.drawn) < maxDrawn {
			break
		}
		delete(u.drawn, id)
	}
	u.drawn[d.Connection] = d
	return true
}

// living are the tokens that have not expired, in the order of their end.
func (u *use) living(now time.Time) []hub.Drawn {
	var out []hub.Drawn
	for _, d := range u.drawn {
		if d.ExpiresAt.IsZero() || now.Before(d.ExpiresAt) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b hub.Drawn) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), cmp.Compare(a.Connection, b.Connection))
	})
	return out
}

// Drew notes that an app was given a token of a connection.
func (a *Access) Drew(id string, v *hub.Vended) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.apps[id]
	if e != nil && e.use.draw(hub.Drawn{Connection: v.Connection.ID, Integration: v.Connection.Integration, ExpiresAt: v.Expiry}) {
		e.use.dirty = true
		a.remind()
	}
}

func (a *Access) remind() {
	select {
	case a.used <- struct{}{}:
	default: // Run knows already
	}
}

// Run remembers in the store what the use of keys changed, until ctx ends.
func (a *Access) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.used:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rememberAfter):
		}
		_ = a.Remember(ctx) // the next use tries again
	}
}

// Remember writes what the use of keys changed and the store does not know.
func (a *Access) Remember(ctx context.Context) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.mu.Lock()
	var used []*entry
	for _, e := range a.apps {
		if e.use.dirty {
			used = append(used, e)
		}
	}
	a.mu.Unlock()
	var errs []error
	for _, e := range used {
		errs = append(errs, a.rememberOne(ctx, e))
	}
	return errors.Join(errs...)
}

// rememberOne needs Access.writing held.
func (a *Access) rememberOne(ctx context.Context, e *entry) error {
	now := a.cfg.Now()
	a.mu.Lock()
	for id, d := range e.use.drawn {
		if !d.ExpiresAt.IsZero() && !now.Before(d.ExpiresAt) {
			delete(e.use.drawn, id)
		}
	}
	next := e.copy()
	e.use.dirty = false
	a.mu.Unlock()
	err := a.write(ctx, next)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		e.use.dirty = true
		return err
	}
	e.generation, e.use.stored = next.generation, next.use.last
	return nil
}

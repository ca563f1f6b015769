// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"context"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Grant lets an app draw something, from now on.
func (a *Access) Grant(ctx context.Context, id string, g hub.Grant) (*hub.Grant, error) {
	g, err := a.newGrant(g)
	if err != nil {
		return nil, err
	}
	if app, _ := a.live(id); app == nil {
		return nil, noApp(id)
	}
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppGrant, Subject: id, Connection: g.Connection, Rule: g.ID}); err != nil {
		return nil, err
	}
	return &g, a.give(ctx, id, g)
}

// newGrant completes a grant that somebody asks for.
func (a *Access) newGrant(g hub.Grant) (hub.Grant, error) {
	if err := g.Validate(); err != nil {
		return g, err
	}
	g.ID, g.CreatedAt = a.cfg.NewID("grant"), a.cfg.Now()
	g.Mode, g.Lasts = cmp.Or(g.Mode, hub.GrantToken), cmp.Or(g.Lasts, hub.LastsAlways)
	return g, nil
}

// give adds a grant that has been audited. A new answer to a question takes the
// place of the old one.
func (a *Access) give(ctx context.Context, id string, g hub.Grant) error {
	add := func(list []hub.Grant) ([]hub.Grant, error) {
		list = slices.DeleteFunc(slices.Clone(list), func(old hub.Grant) bool { return old.Expired(a.cfg.Now()) || replaces(g, old) })
		if len(list) >= maxGrants {
			return nil, invalid("grants", "an app has at most %d grants", maxGrants)
		}
		return append(list, g), nil
	}
	if g.Lasts.Stored() {
		_, err := a.change(ctx, id, func(e *stored) (err error) {
			e.app.Grants, err = add(e.app.Grants)
			return err
		})
		return err
	}
	return a.sitting(id, func(e *entry) (err error) {
		e.session, err = add(e.session)
		return err
	})
}

// sitting changes what an app has in memory only.
func (a *Access) sitting(id string, f func(*entry) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.apps[id]
	if e == nil {
		return noApp(id)
	}
	if err := f(e); err != nil {
		return err
	}
	a.changed(id)
	return nil
}

// replaces reports whether a new grant makes an old one pointless: the same
// thing in the same way, with the same limits, and in force at least as long.
func replaces(g, old hub.Grant) bool {
	longer := g.Lasts == hub.LastsAlways || g.Lasts == old.Lasts && !g.ExpiresAt.Before(old.ExpiresAt)
	return longer && g.Integration == old.Integration && g.Connection == old.Connection && g.Mode == old.Mode &&
		g.AcceptWider == old.AcceptWider && g.Audience == old.Audience && slices.Equal(g.Scopes, old.Scopes) && (g.Scopes == nil) == (old.Scopes == nil)
}

// Withdraw ends a grant: when it returns, nothing more is drawn by it. It returns
// what still lives of what the app drew and can no longer draw.
func (a *Access) Withdraw(ctx context.Context, id, grant string) ([]hub.Drawn, error) {
	app, _ := a.live(id)
	if app == nil {
		return nil, noApp(id)
	}
	i := slices.IndexFunc(app.Grants, func(g hub.Grant) bool { return g.ID == grant })
	if i < 0 {
		return nil, hub.Errorf(hub.CodeNotFound, "the app %q has no grant %q", app.Name, grant).
			WithRemedy("`standpipe apps list --json` lists them.")
	}
	g := app.Grants[i]
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppWithdraw, Subject: id, Connection: g.Connection, Rule: grant}); err != nil {
		return nil, err
	}
	without := func(list []hub.Grant) []hub.Grant {
		return slices.DeleteFunc(slices.Clone(list), func(g hub.Grant) bool { return g.ID == grant })
	}
	var err error
	if g.Lasts.Stored() {
		_, err = a.change(ctx, id, func(e *stored) error { e.app.Grants = without(e.app.Grants); return nil })
	} else {
		err = a.sitting(id, func(e *entry) error { e.session = without(e.session); return nil })
	}
	if err != nil {
		return nil, err
	}
	return a.outstanding(id, g), nil
}

// outstanding is what an app drew by a grant that it has no more, and cannot
// draw by another.
func (a *Access) outstanding(id string, g hub.Grant) []hub.Drawn {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.apps[id]
	if e == nil || e.app.All {
		return nil
	}
	left := e.public().Grants
	return slices.DeleteFunc(e.use.living(a.cfg.Now()), func(d hub.Drawn) bool {
		return !g.Covers(d) || slices.ContainsFunc(left, func(other hub.Grant) bool { return other.Covers(d) })
	})
}

// Locked ends what lasts until the lock, and takes back every question: nobody
// is there to answer.
func (a *Access) Locked() {
	a.mu.Lock()
	for _, e := range a.apps {
		e.session = nil
	}
	a.mu.Unlock()
	a.asked.drop(func(*question) bool { return true })
	a.changed("")
}

// GiveBack undoes the using up of a grant, by a draw that failed.
func (a *Access) GiveBack(id string, sel hub.Selection) {
	if sel.Once == nil {
		return
	}
	_ = a.sitting(id, func(e *entry) error { // no app, no grant
		e.session = append(slices.Clone(e.session), *sel.Once)
		return nil
	})
}

// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"context"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// damage is what cannot be read of the apps, by the id that it goes by: that of
// the app, or one of its own where that is sealed with what was damaged.
type damage map[string]*hub.IntegrityError

// damagedPrefix begins the ids of apps whose own nobody can read.
const damagedPrefix = "damaged_"

func (d damage) note(e *hub.IntegrityError) { d[cmp.Or(e.Ref.ID, damagedPrefix+e.Place)] = e }

// Damaged are the apps that could not be read when the hub was opened, and are
// still there: their keys open nothing. Revoke removes what is left of one.
func (a *Access) Damaged() []hub.DamagedApp {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []hub.DamagedApp
	for id, e := range a.damaged {
		out = append(out, hub.DamagedApp{ID: id, Detail: e.Detail})
	}
	slices.SortFunc(out, func(a, b hub.DamagedApp) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (a *Access) damage(id string) *hub.IntegrityError {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.damaged[id]
}

// discard removes what is left of a damaged app.
func (a *Access) discard(ctx context.Context, id string, e *hub.IntegrityError) error {
	if err := a.audit(ctx, hub.AuditEntry{Action: hub.AuditAppDiscard, Subject: id}); err != nil {
		return err
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	if a.damage(id) == nil { // two did it at once
		return noApp(id)
	}
	if err := a.cfg.Store.Update(ctx, func(tx hub.Tx) error {
		if e.Ref.ID != "" {
			return tx.Delete(e.Ref)
		}
		return tx.Discard(hub.KindApp, e.Place)
	}); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.damaged, id)
	a.changed(id)
	return nil
}

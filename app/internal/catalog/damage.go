// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// What is damaged in the store is passed over, so that it takes nothing else with
// it, and is told. It stays where it is until somebody enters it again.

// damage is what of the catalog's records cannot be read. Its fields are guarded
// by Catalog.mu.
type damage struct {
	named map[hub.Ref]string // the detail of each
	// nameless counts, by kind, those whose name is sealed with what was damaged.
	// Some are found by asking for the names that are known otherwise.
	nameless map[hub.Kind]int
}

func newDamage() damage {
	return damage{named: map[hub.Ref]string{}, nameless: map[hub.Kind]int{}}
}

// note takes an error of a listing and reports whether it was that of a damaged
// record, after which the listing goes on.
func (d *damage) note(kind hub.Kind, err error) bool {
	e, ok := errors.AsType[*hub.IntegrityError](err)
	switch {
	case !ok:
	case e.Ref == (hub.Ref{}):
		d.nameless[kind]++
	default:
		d.named[e.Ref] = e.Detail
	}
	return ok
}

// mended notes that a record was written anew, or removed.
func (d *damage) mended(kind hub.Kind, slug string) { delete(d.named, hub.Ref{Kind: kind, ID: slug}) }

// of is the damage of a record in words, or nil.
func (d *damage) of(kind hub.Kind, slug string) *hub.Error {
	detail, ok := d.named[hub.Ref{Kind: kind, ID: slug}]
	if !ok {
		return nil
	}
	if kind == hub.KindProvider {
		return hub.Errorf(hub.CodeIntegrity, "the custom provider %q in the data folder was altered or is damaged (%s), and is not used", slug, detail).
			WithRemedy("Declare it again under the same short name: its set-up and accounts are kept. Or restore a backup.")
	}
	return hub.Errorf(hub.CodeIntegrity, "the settings of the integration %q in the data folder were altered or are damaged (%s), and are not used", slug, detail).
		WithRemedy("Set it up again; with the same client id its accounts go on as they were. Or restore a backup.")
}

// found is where a nameless damage turned out to be.
func (d *damage) found(e *hub.IntegrityError) {
	if _, known := d.named[e.Ref]; !known && d.nameless[e.Ref.Kind] > 0 {
		d.named[e.Ref] = e.Detail
		d.nameless[e.Ref.Kind]--
	}
}

// search asks the store for what could be damaged, as long as there is damage
// whose name is not known.
func (c *Catalog) search(ctx context.Context) {
	c.mu.RLock()
	refs := map[hub.Ref]bool{}
	look := func(kind hub.Kind, slug string) {
		refs[hub.Ref{Kind: kind, ID: slug}] = c.damaged.nameless[kind] > 0
	}
	for slug := range c.descriptors {
		look(hub.KindIntegration, slug)
	}
	for slug := range c.custom {
		look(hub.KindIntegration, slug)
	}
	for _, in := range c.integrations {
		look(hub.KindProvider, in.Provider)
	}
	maps.DeleteFunc(refs, func(ref hub.Ref, wanted bool) bool {
		_, isIntegration := c.integrations[ref.ID]
		return !wanted || ref.Kind == hub.KindIntegration && isIntegration
	})
	c.mu.RUnlock()
	for ref := range refs {
		c.probe(ctx, ref)
	}
}

// probe asks for one record.
func (c *Catalog) probe(ctx context.Context, ref hub.Ref) {
	_, err := c.cfg.Store.Get(ctx, ref)
	if e, ok := errors.AsType[*hub.IntegrityError](err); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.damaged.found(e)
	}
}

// Damaged tells of integrations and custom providers that cannot be read, each
// with how to mend it.
func (c *Catalog) Damaged() []*hub.Error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []*hub.Error
	for _, ref := range slices.SortedFunc(maps.Keys(c.damaged.named), func(a, b hub.Ref) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	}) {
		out = append(out, c.damaged.of(ref.Kind, ref.ID))
	}
	if n := c.damaged.nameless[hub.KindIntegration]; n > 0 {
		out = append(out, hub.Errorf(hub.CodeIntegrity, "settings in the data folder were altered or are damaged, and are not used (integrations whose name cannot be read: %d)", n).
			WithRemedy("Set up again what is missing; with the same client id its accounts go on as they were. Or restore a backup."))
	}
	if n := c.damaged.nameless[hub.KindProvider]; n > 0 {
		out = append(out, hub.Errorf(hub.CodeIntegrity, "custom providers in the data folder were altered or are damaged, and are not used (those whose name cannot be read: %d)", n).
			WithRemedy("Declare again what is missing under the short name that it had: its set-up and accounts are kept. Or restore a backup."))
	}
	return out
}

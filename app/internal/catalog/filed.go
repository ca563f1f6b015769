// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Filed are the providers that files declare. It is not changed once it is made.
type Filed struct {
	Definitions [][]byte            // JSON objects with a slug
	Files       map[string][]string // of each provider, by slug, the base first
}

// with are all definitions: those of the files and, of what the user declared,
// those that no file declares as well.
func (f Filed) with(of map[string]custom) [][]byte {
	out := slices.Clone(f.Definitions)
	for _, slug := range slices.Sorted(maps.Keys(of)) {
		if p := of[slug]; f.Files[slug] == nil {
			out = append(out, definitionOf(&p.Custom))
		}
	}
	return out
}

// Redeclare puts what files declare now in the place of what they declared
// before. Where the plugin takes none of it, the error is the plugin's, and what
// was before stays. Accounts stay connected; calls under way are not disturbed.
func (c *Catalog) Redeclare(ctx context.Context, filed Filed) error {
	c.declaring.Lock()
	defer c.declaring.Unlock()
	c.mu.RLock()
	before, next := c.filed.with(c.custom), filed.with(c.custom)
	c.mu.RUnlock()
	if err := c.cfg.Declarer.SetDefinitions(ctx, next); err != nil {
		return errors.Join(err, c.cfg.Declarer.SetDefinitions(ctx, before))
	}
	c.mu.Lock()
	c.filed = filed
	c.mu.Unlock()
	return c.Refresh(ctx)
}

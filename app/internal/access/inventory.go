// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Kept is what an inventory has of the apps: the newest, at most
// hub.MaxInventory.
func (a *Access) Kept() []hub.KeptApp {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]hub.KeptApp, 0, len(a.apps))
	for _, e := range a.apps {
		out = append(out, hub.KeptApp{
			ID: e.app.ID, Name: e.app.Name, Kind: e.app.Kind, KeyHash: bytes.Clone(e.hash[:]), Life: e.life,
			CreatedAt: e.app.CreatedAt, ExpiresAt: e.app.ExpiresAt,
		})
	}
	slices.SortFunc(out, func(a, b hub.KeptApp) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return out[:min(len(out), hub.MaxInventory)]
}

// PutBack writes apps of an inventory into a store that has none of them. They
// are known by their keys, and may draw nothing.
func PutBack(ctx context.Context, store hub.Store, apps []hub.KeptApp) error {
	return store.Update(ctx, func(tx hub.Tx) error {
		for _, k := range apps {
			e := &entry{}
			e.life = k.Life
			e.app = hub.App{ID: k.ID, Name: k.Name, Kind: k.Kind, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt}
			if len(k.KeyHash) != sha256.Size || validate(&e.app, k.Life) != nil {
				return hub.Errorf(hub.CodeIntegrity, "the app %q of the inventory is not in the expected form", k.ID)
			}
			e.hash = [sha256.Size]byte(k.KeyHash)
			b, err := encode(e)
			if err != nil {
				return err
			}
			if _, err := tx.Put(ref(k.ID), 0, b); err != nil {
				return err
			}
		}
		return nil
	})
}

// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/standpipe/standpipe/app/internal/access"
	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/inventory"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
)

// ResetOptions say what to keep of a store whose keys are lost.
type ResetOptions struct {
	Empty bool // nothing, whatever the inventory has
	// Apps is asked whether these apps are put back. It is not called where
	// there is none.
	Apps func([]hub.KeptApp) (bool, error)
}

// ResetDone says what a reset did.
type ResetDone struct {
	Keys     seal.Info
	Replaced string        // where the lost store is kept; empty: there was none
	Kept     hub.Inventory // what was put back, and what is to be reconnected
}

// Reset begins anew in a data folder whose keys are lost, with what its
// inventory has: wholly or not at all. An inventory that cannot be used is an
// error, unless what.Empty. No hub may run on the folder. opts.Key says where
// the new key is kept; empty means as the lost store has it, or else in the
// keychain.
func Reset(ctx context.Context, opts Options, what ResetOptions) (_ *ResetDone, err error) {
	paths, err := instance.Resolve(opts.Config, opts.Data)
	if err != nil {
		return nil, err
	}
	source, err := seal.ParseSource(opts.Key)
	if err != nil {
		return nil, err
	}
	release, err := holdFolder(paths)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if there, err := seal.Occupied(paths.Data); err != nil {
		return nil, err
	} else if there != nil && source.IsZero() {
		source = there.Source
		if err := source.Explicit(); err != nil {
			return nil, err
		}
	}
	kept, err := what.choose(paths)
	if err != nil {
		return nil, err
	}
	out := &ResetDone{Kept: *kept}
	out.Keys, out.Replaced, err = replaceStore(paths.Data, source, func(v *seal.Vault) error { return putBack(ctx, v, kept, opts.Logger) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// choose reads the inventory, and leaves of it what is wanted.
func (what *ResetOptions) choose(paths instance.Paths) (*hub.Inventory, error) {
	if what.Empty {
		return &hub.Inventory{}, nil
	}
	kept, err := readInventory(paths)
	switch {
	case errors.Is(err, seal.ErrNoInventory):
		return &hub.Inventory{}, nil
	case err != nil:
		e := *hub.AsError(err)
		e.Remedy += "\nTo begin without it, from nothing: standpipe keys reset --yes --empty"
		return nil, &e
	}
	if len(kept.Apps) > 0 {
		if yes, err := what.Apps(kept.Apps); err != nil {
			return nil, err
		} else if !yes {
			kept.Apps = nil
		}
	}
	return kept, nil
}

// putBack fills the store of new keys from an inventory.
func putBack(ctx context.Context, v *seal.Vault, kept *hub.Inventory, log *slog.Logger) error {
	s, err := badgerstore.Open(v.StoreDir(), v, log)
	if err != nil {
		return err
	}
	return errors.Join(
		catalog.PutBack(ctx, s, kept.Integrations),
		access.PutBack(ctx, s, kept.Apps),
		inventory.Note(ctx, s, kept.Lost),
		beginAudit(v),
		leaveWord(ctx, s, hub.AuditReset, newID("reset")),
		s.Close(),
	)
}

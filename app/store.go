// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
)

// openStore opens keys and store, or gives birth to both where there is a
// keychain to hold the key. Any other key source is chosen by the user, with
// `standpipe keys init`.
func (a *App) openStore(ctx context.Context) error {
	source, err := seal.ParseSource(a.opts.Key)
	if err != nil {
		return err
	}
	if err := seal.Resume(a.paths.Data); err != nil { // a restore that was cut short
		return err
	}
	a.vault, err = seal.Open(a.paths.Data, source)
	if errors.Is(err, seal.ErrNotInitialised) && (source.IsZero() || source.Kind == seal.Keychain) {
		a.vault, err = seal.Init(a.paths.Data, source)
	}
	if err != nil {
		return err
	}
	a.onClose(func() error { return a.vault.Close() })
	if a.vault.Outdated() {
		if err := a.migrate(ctx); err != nil {
			return err
		}
	}
	if err := a.vault.RemoveLeftovers(); err != nil {
		return err
	}
	a.store, err = badgerstore.Open(a.vault.StoreDir(), a.vault, a.log, badgerstore.AcceptRollback(a.opts.AcceptRollback))
	if err != nil {
		return err
	}
	a.onClose(a.store.Close)
	return nil
}

// migrate copies a store of an older format into the current one. The header
// of the new one is what makes it count; killed before that, it begins anew.
func (a *App) migrate(ctx context.Context) error {
	old, next := a.vault, a.vault.Successor()
	switch anchor, err := next.Anchor(); {
	case errors.Is(err, seal.ErrNoAnchor) || a.opts.AcceptRollback:
	case err != nil:
		return err
	case anchor > 0: // 0 is of a migration that was cut short
		return hub.Errorf(hub.CodeIntegrity, "the data folder %s is of an older format than its store has been seen in: it is not the latest; revoked grants and old tokens would return", a.paths.Data).
			WithRemedy("Put the latest data folder back. If you put an older one there yourself and accept that what changed since is lost, start once with --accept-rollback.")
	}
	a.log.Info("the store is brought to the current format", "from", old.Info().Format, "to", next.Info().Format)
	if !next.Fresh() {
		if err := badgerstore.Migrate(ctx, old.StoreDir(), old, next.StoreDir(), next, a.log); err != nil {
			return err
		}
	}
	faults.Point("migrate.copied")
	if err := next.Commit(); err != nil {
		return err
	}
	faults.Point("migrate.committed")
	a.vault = next
	return old.Close()
}

// fingerprintKey keys the fingerprints of tokens in the audit.
func (a *App) fingerprintKey() ([]byte, error) {
	k, err := a.vault.Name("audit", "token fingerprints")
	return k[:], err
}

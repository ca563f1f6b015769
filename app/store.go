// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
)

// openStore opens keys and store, or gives birth to both where there is a
// keychain to hold the key. Any other key source is chosen by the user, with
// `standpipe keys init`.
func (a *App) openStore(context.Context) error {
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
	a.onClose(a.vault.Close)
	if a.store, err = badgerstore.Open(seal.StoreDir(a.paths.Data), a.vault, a.log); err != nil {
		return err
	}
	a.onClose(a.store.Close)
	return a.vault.Settle()
}

// fingerprintKey keys the fingerprints of tokens in the audit.
func (a *App) fingerprintKey() ([]byte, error) {
	k, err := a.vault.Name("audit", "token fingerprints")
	return k[:], err
}

func (a *App) keys() contract.Keys {
	i := a.vault.Info()
	return contract.Keys{Source: i.Source, Store: i.StoreID, Format: i.Format}
}

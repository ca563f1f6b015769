// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/seal"
)

func newKeys(e *env) *cobra.Command {
	return group("keys", "The master key of the data folder", newKeysInit(e), newKeysStatus(e), newKeysRotate(e), newKeysChangeSource(e),
		newKeysRecoveryKey(e), newKeysRecover(e), newKeysReset(e), newKeysForget(e))
}

func newKeysInit(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Make the keys of a new data folder",
		Long: `Make the keys of a new data folder. --key says where the master key is kept:

  keychain              in the keychain of the system (the default)
  file:PATH             in a new file, mode 0600
  passphrase-file:PATH  nowhere: derived from the passphrase in that file
  passphrase-fd:N       nowhere: derived from the passphrase read from a descriptor
  credential:NAME       in a systemd credential, which must exist

The data folder remembers which. It cannot be opened without its key, so keep
a copy of a file or a passphrase in a safe place.`,
		Example: "  standpipe keys init --key file:$HOME/.config/standpipe/master.key",
		Args:    operands,
		RunE: e.run(func(context.Context, []string) error {
			source, err := seal.ParseSource(e.key)
			if err != nil {
				return err
			}
			paths, err := e.paths()
			if err != nil {
				return err
			}
			// Nobody else may make keys, or a store, at the same time.
			lock, err := instance.Acquire(paths)
			if err != nil {
				return err
			}
			var vault *seal.Vault
			if err = seal.Resume(paths.Data); err == nil {
				vault, err = seal.Init(paths.Data, source)
			}
			if err := errors.Join(err, lock.Close()); err != nil {
				return err
			}
			info := vault.Info()
			return e.showKeys(contract.Keys{Source: info.Source, Store: info.StoreID, Format: info.Format, Anchor: info.Anchor})
		}),
	}
}

func newKeysStatus(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say where the master key is, and how the vault is",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				keys, err := c.Keys(ctx)
				if err != nil {
					return err
				}
				return e.showKeys(keys)
			})
		}),
	}
}

func (e *env) showKeys(k contract.Keys) error {
	if e.json {
		return e.printJSON(k)
	}
	e.print("Master key  %s", plain(k.Source))
	e.print("Store       %s (format %d)", k.Store, k.Format)
	e.print("Anchor      %s", plain(k.Anchor))
	if k.Recovery {
		e.print("Recovery    there is a recovery key")
	} else {
		e.print("Recovery    none; make a key for it: standpipe keys recovery-key")
	}
	if paths, err := e.paths(); err == nil && app.KeyInside(k.Source, paths.Data) {
		e.note("The key lies in the data folder: who gets a copy of the one has the other. Elsewhere it is safer: standpipe keys change-source file:PATH")
	}
	if k.Rotating {
		e.print("Rotation    begun and not ended: standpipe keys rotate")
	}
	return nil
}

func newKeysForget(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "forget",
		Short: "Make the keychain forget a data folder whose store was lost",
		Long: `Make the keychain forget that this data folder held a store, so that a new one
can be made there. Until then a vanished store is an error, since it may have
been taken away. The key of the lost store stays in the keychain.`,
		Args: operands,
		RunE: e.run(func(context.Context, []string) error {
			paths, err := e.paths()
			if err != nil {
				return err
			}
			return seal.ForgetFolder(paths.Data)
		}),
	}
}

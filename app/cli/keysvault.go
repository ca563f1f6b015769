// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/seal"
)

func newKeysRotate(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Seal everything anew under a new data key, and destroy the old one",
		Long: `Seal every record anew under a new data key, and destroy the old one. The hub
may run meanwhile, and serves. Cut short, it is gone on with the next time.

It protects what is written from now on from one who got hold of the old data
key. One who has the master key and an old copy of the data folder can still
open that copy.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				r, err := c.RotateKeys(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(r)
				}
				e.print("Sealed %s anew. The old data key is gone.", count(r.Records, "record", "records"))
				return nil
			})
		}),
	}
}

func newKeysChangeSource(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "change-source SOURCE",
		Short: "Keep the master key elsewhere, or under another passphrase",
		Long: `Keep the master key elsewhere, or under another passphrase. SOURCE is written as
in --key (see ` + "`standpipe keys init`" + `), or "passphrase" to type one. --key says
where the present one is, if it has to be given at each start.

Copies of the data folder that were made before still open with the old key.
If somebody may know that, rotate the data keys as well.`,
		Example: `  standpipe keys change-source keychain
  standpipe keys change-source passphrase-file:new.txt && standpipe keys rotate`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			in, err := e.newSource(args[0])
			if err != nil {
				return err
			}
			return e.withHub(ctx, func(c *instance.Client) error {
				before, err := c.Keys(ctx)
				if err != nil {
					return err
				}
				keys, err := c.ChangeSource(ctx, in)
				if err != nil {
					return err
				}
				if path, isFile := strings.CutPrefix(before.Source, string(seal.KeyFile)+":"); isFile && !e.json {
					e.note("The old key file %s still opens older copies of the data folder; delete it when you need none.", plain(path))
				}
				return e.showKeys(keys)
			})
		}),
	}
}

// newSource reads what the hub cannot: a descriptor, or the terminal.
func (e *env) newSource(arg string) (contract.ChangeSource, error) {
	p := passphrase{fd: -1}
	if arg != "passphrase" {
		s, err := seal.ParseSource(arg)
		if err != nil {
			return contract.ChangeSource{}, err
		}
		fd, isFD := s.Descriptor()
		if !isFD {
			return contract.ChangeSource{Source: s.String()}, nil
		}
		p.fd = fd
	}
	typed, err := p.read(e, "the new passphrase", true)
	return contract.ChangeSource{Source: string(seal.PassphraseFD), Passphrase: typed.Reveal()}, err
}

func newKeysRecoveryKey(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "recovery-key",
		Short: "Make a key that opens the vault when the passphrase or keychain is lost",
		Long: `Make a recovery key and show it, once. Keep it on paper or in a password manager.
When the passphrase, the key file or the keychain is lost, ` + "`standpipe keys recover`" + `
opens the vault with it and nothing is lost. It takes the place of an earlier one.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				k, err := c.NewRecoveryKey(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(k)
				}
				e.print("%s", k.Key)
				e.note("This is the only time that it is shown. Who has it and the data folder has everything.")
				return nil
			})
		}),
	}
}

// recoverWithKey puts the vault under a new source with its recovery key.
func (e *env) recoverWithKey(file string) error {
	source, err := seal.ParseSource(e.key)
	if err != nil {
		return err
	}
	p := passphrase{file: file, fd: -1, name: "recovery key"}
	key, err := p.read(e, "the recovery key", false)
	if err != nil {
		return err
	}
	return e.holding(func(data string) error {
		v, err := seal.Recover(data, key, source)
		if err != nil {
			return err
		}
		info := v.Info()
		if err := v.Close(); err != nil {
			return err
		}
		return e.showKeys(contract.Keys{Source: info.Source, Store: info.StoreID, Format: info.Format, Anchor: info.Anchor, Recovery: true})
	})
}

// holding runs f while nobody else can open the data folder.
func (e *env) holding(f func(data string) error) error {
	paths, err := e.paths()
	if err != nil {
		return err
	}
	lock, err := instance.Acquire(paths)
	if err != nil {
		return err
	}
	return errors.Join(f(paths.Data), lock.Close())
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app"
)

func newKeysRecover(e *env) *cobra.Command {
	var (
		by   opening
		from string
		key  string
	)
	cmd := &cobra.Command{
		Use:   "recover --recovery-key-file FILE | --from-backup FILE",
		Short: "Get a new key when the old one is lost: with the recovery key, or from a backup",
		Long: `With the recovery key (from a file, or typed): put the vault under a new key, and
lose nothing. The data folder is believed to be the latest.

Or get a new key and a new store from a backup, when the passphrase was forgotten,
the keychain wiped or the key file lost. The store that cannot be opened any more
is kept in a folder beside, should the key turn up.

--key says where the new key is kept; without it, where the lost one was.`,
		Example: `  standpipe keys recover --recovery-key-file paper.txt
  standpipe keys recover --from-backup standpipe.backup --key passphrase-file:new.txt`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			if (from == "") == (key == "") {
				return usagef("say from what: --recovery-key-file FILE, or --from-backup FILE")
			}
			if key != "" {
				return e.recoverWithKey(key)
			}
			return e.restore(ctx, from, &by, app.RestoreOptions{KeyLost: true})
		}),
	}
	cmd.Flags().StringVar(&from, "from-backup", "", "the backup `FILE`")
	cmd.Flags().StringVar(&key, "recovery-key-file", "", "the `FILE` with the recovery key, - for stdin")
	by.flags(cmd)
	return cmd
}

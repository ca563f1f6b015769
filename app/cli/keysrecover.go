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
	)
	cmd := &cobra.Command{
		Use:   "recover --from-backup FILE",
		Short: "Get a new key and store from a backup when the key is lost",
		Long: `Get a new key and a new store from a backup, when the passphrase was forgotten,
the keychain wiped or the key file lost. The store that cannot be opened any more
is kept in a folder beside, should the key turn up.

--key says where the new key is kept; without it, where the lost one was.`,
		Example: `  standpipe keys recover --from-backup standpipe.backup --key passphrase-file:new.txt`,
		Args:    cobra.NoArgs,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			if from == "" {
				return usagef("say from what: --from-backup FILE")
			}
			return e.restore(ctx, from, &by, app.RestoreOptions{KeyLost: true})
		}),
	}
	cmd.Flags().StringVar(&from, "from-backup", "", "the backup `FILE`")
	by.flags(cmd)
	return cmd
}

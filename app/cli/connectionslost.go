// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newConnectionsLost(e *env) *cobra.Command {
	var forget bool
	cmd := &cobra.Command{
		Use:   "lost",
		Short: "List the accounts that a reset of lost keys left to be connected again",
		Long: `List the accounts that were lost with the keys of the store and are not connected
again. Of each, the beginning of its name is known, so that you recognise it.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				if forget {
					return c.ForgetLost(ctx)
				}
				lost, err := c.Lost(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(lost)
				}
				if len(lost.Accounts)+len(lost.More) == 0 {
					e.print("None.")
				}
				accounts := make([]hub.LostAccount, 0, len(lost.Accounts))
				for _, a := range lost.Accounts {
					accounts = append(accounts, hub.LostAccount(a))
				}
				e.printLost(accounts, lost.More)
				return nil
			})
		}),
	}
	cmd.Flags().BoolVar(&forget, "forget", false, "give them up")
	return cmd
}

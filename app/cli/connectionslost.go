// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
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
					return e.forgetLost(ctx, c)
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

// forgetLost gives up what is lost, also where damage keeps it from being read:
// then nobody knows what it was.
func (e *env) forgetLost(ctx context.Context, c *instance.Client) error {
	lost, unread := c.Lost(ctx)
	if unread != nil && asHubError(unread).Code != hub.CodeIntegrity {
		return unread
	}
	if err := c.ForgetLost(ctx); err != nil {
		return err
	}
	if lost.Accounts == nil {
		lost.Accounts = []contract.LostAccount{}
	}
	if e.json {
		return e.printJSON(struct {
			Forgotten contract.Lost `json:"forgotten"`
		}{lost})
	}
	n := len(lost.Accounts)
	for _, more := range lost.More {
		n += more
	}
	switch {
	case unread != nil:
		e.print("Given up: a list that could not be read.")
	case n == 0:
		e.print("None.")
	default:
		e.print("Given up: %s.", count(n, "account", "accounts"))
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newDisconnect(e *env) *cobra.Command {
	var account string
	var body contract.Disconnect
	cmd := &cobra.Command{
		Use:   "disconnect ID|SLUG",
		Short: "Remove a connection and withdraw its tokens at the provider",
		Args:  cobra.ExactArgs(1),
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				conn, err := findConnection(ctx, c, args[0], account)
				if err != nil {
					return err
				}
				done, err := c.Disconnect(ctx, conn.ID, body)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(struct {
						Connection string `json:"connection"`
						contract.Disconnected
					}{conn.ID, done})
				}
				e.print("Disconnected %s (%s). %s", conn.Integration, plain(conn.Account.Label), plain(done.Message))
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&account, "account", "", "which one, where several are connected: login, e-mail or id")
	cmd.Flags().BoolVar(&body.RevokeGrant, "revoke-grant", false, "withdraw the tokens even where that ends other connections of the same account")
	return cmd
}

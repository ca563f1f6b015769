// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newDisconnect(e *env) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:   "disconnect ID|SLUG",
		Short: "Remove a connection and withdraw its tokens at the provider",
		Long: `Remove a connection and withdraw its tokens at the provider, as narrowly as the
provider can. Some, such as Google, can only end the whole authorization: where
another connection stands on it too, you are asked.`,
		Args: operands,
	}
	cmd.RunE = e.run(func(ctx context.Context, args []string) error {
		return e.withHub(ctx, func(c *instance.Client) error { return e.disconnect(ctx, c, cmd, args[0], account) })
	})
	cmd.Flags().StringVar(&account, "account", "", "which one, where several are connected: login, e-mail or id")
	cmd.Flags().Bool(revokeGrant, false, "end the whole authorization at the provider, and with it other connections of the same account; =false keeps it")
	return cmd
}

// revokeGrant is the flag that answers beforehand what askGrant asks.
const revokeGrant = "revoke-grant"

func (e *env) disconnect(ctx context.Context, c *instance.Client, cmd *cobra.Command, name, account string) error {
	conn, err := findConnection(ctx, c, name, account)
	if err != nil {
		return err
	}
	var body contract.Disconnect
	if cmd.Flags().Changed(revokeGrant) {
		all, err := cmd.Flags().GetBool(revokeGrant)
		if err != nil {
			return err
		}
		body.RevokeGrant = &all
	}
	done, err := c.Disconnect(ctx, conn.ID, body)
	if err != nil && asHubError(err).Code == hub.CodeGrantShared && e.InTTY && !e.json {
		if body.RevokeGrant, err = e.askGrant(asHubError(err)); err != nil || body.RevokeGrant == nil {
			return err
		}
		done, err = c.Disconnect(ctx, conn.ID, body)
	}
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
}

// askGrant asks whether other connections may end too; nil: nothing is to be
// done.
func (e *env) askGrant(question *hub.Error) (*bool, error) {
	e.note("%s:", plain(question.Message))
	for _, c := range question.Choices {
		e.note("  %s  %s", plain(c.Connection), plain(c.Account))
	}
	e.note("\nEnd them too? [y] ends all of it at the provider, [n] removes this one here only, anything else does nothing.")
	answer, err := bufio.NewReader(io.LimitReader(e.In, 1024)).ReadString('\n')
	if err != nil && err != io.EOF {
		return nil, err
	}
	var all bool
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		all = true
	case "n", "no":
	default:
		e.note("Nothing was done.")
		return nil, nil
	}
	return &all, nil
}

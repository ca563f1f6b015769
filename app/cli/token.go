// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// tokenFlags are those of every command that draws a token.
type tokenFlags struct {
	account string
	minTTL  time.Duration
	name    string
	force   bool
}

func (t *tokenFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.account, "account", "", "which account, where several are connected: login, e-mail or id")
	cmd.Flags().DurationVar(&t.minTTL, "min-ttl", 0, "how long the token must live at least, such as 10m")
	cmd.Flags().StringVar(&t.name, "token", "", "which `NAME` of token, where a connection has several (Slack: bot, user)")
	cmd.Flags().BoolVar(&t.force, "renew", false, "renew the token first, whatever its expiry says")
}

// draw asks the hub for a token and tells the user of a warning.
func (t *tokenFlags) draw(ctx context.Context, e *env, c *instance.Client, slug string) (contract.Token, error) {
	if t.minTTL < 0 {
		return contract.Token{}, usagef("--min-ttl must not be negative")
	}
	token, err := c.Token(ctx, contract.TokenRequest{
		Integration: slug,
		Account:     t.account,
		MinTTL:      int(t.minTTL.Seconds()),
		Token:       t.name,
		Force:       t.force,
	})
	if err == nil && token.Warning != nil && !e.json {
		e.note("standpipe: %s", plainLines(token.Warning.Message))
	}
	return token, err
}

func newToken(e *env) *cobra.Command {
	var flags tokenFlags
	cmd := &cobra.Command{
		Use:   "token SLUG",
		Short: "Print a fresh access token",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				token, err := flags.draw(ctx, e, c, args[0])
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(token)
				}
				e.print("%s", token.AccessToken)
				return nil
			})
		}),
	}
	flags.register(cmd)
	return cmd
}

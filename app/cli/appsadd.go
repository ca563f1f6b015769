// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newAppsAdd(e *env) *cobra.Command {
	var (
		grants      []string
		all, server bool
		expires     string
		to          keyFile
	)
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Register an app and print its key, this once",
		Example: `  standpipe apps add editor --grant github --header-file editor.header
  curl -H @editor.header …
  standpipe apps add my-script --grant github --key-file standpipe.key`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			body := contract.AddApp{Name: args[0], Kind: "app", All: all}
			if server {
				body.Kind = "server"
			}
			for _, g := range grants {
				grant, err := parseGrant(g)
				if err != nil {
					return err
				}
				body.Grants = append(body.Grants, grant)
			}
			if expires != "" {
				life, err := parseLife("--expires", expires)
				if err != nil {
					return err
				}
				body.ExpiresIn = int(life.Seconds())
			}
			return e.withHub(ctx, func(c *instance.Client) error {
				if err := nameConnections(ctx, c, body.Grants); err != nil {
					return err
				}
				return e.addApp(ctx, c, body, to)
			})
		}),
	}
	f := cmd.Flags()
	f.StringArrayVar(&grants, "grant", nil, "let it draw from `SLUG[:ACCOUNT]`: all of a provider, or one account by its login, e-mail address or id (repeatable)")
	f.BoolVar(&all, "all", false, "let it draw everything, without a limit")
	f.BoolVar(&server, "server", false, "it is the backend of a product and draws for the users it names")
	f.StringVar(&expires, "expires", "", "when its key ends, such as 90d or 12h (one year)")
	to.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("all", "grant")
	return cmd
}

func (e *env) addApp(ctx context.Context, c *instance.Client, body contract.AddApp, to keyFile) error {
	return e.keepKey(to, "Added", func() (contract.AddedApp, error) { return c.AddApp(ctx, body) }, func(app contract.AddedApp) error {
		_, err := c.RevokeApp(ctx, app.ID)
		return err
	})
}

// parseLife reads a duration, in days with a "d" as well.
func parseLife(flag, s string) (time.Duration, error) {
	var life time.Duration
	var err error
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		life = time.Duration(n) * 24 * time.Hour
	} else {
		life, err = time.ParseDuration(s)
	}
	if err != nil || life < time.Second {
		return 0, usagef("%s %q: want a time such as 90d, 12h or 10m", flag, s)
	}
	return life, nil
}

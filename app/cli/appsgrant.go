// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// lasting are the flags that say how long something is allowed.
type lasting struct {
	once, untilLock, always bool
	until                   string
}

func (l *lasting) flags(f *pflag.FlagSet) {
	f.BoolVar(&l.once, "once", false, "for one token")
	f.StringVar(&l.until, "for", "", "for a `TIME` such as 10m or 8h")
	f.BoolVar(&l.untilLock, "until-lock", false, "until the hub is locked or ends")
	f.BoolVar(&l.always, "always", false, "until it is withdrawn")
}

// read returns what the flags say; usual holds where there is none.
func (l *lasting) read(usual hub.GrantLife) (hub.GrantLife, int, error) {
	given, life := 0, usual
	for _, one := range []struct {
		set  bool
		life hub.GrantLife
	}{{l.once, hub.LastsOnce}, {l.until != "", hub.LastsUntil}, {l.untilLock, hub.LastsUntilLock}, {l.always, hub.LastsAlways}} {
		if one.set {
			given, life = given+1, one.life
		}
	}
	if given > 1 {
		return "", 0, usagef("say one of --once, --for, --until-lock and --always")
	}
	if life != hub.LastsUntil {
		return life, 0, nil
	}
	d, err := parseLife("--for", l.until)
	return life, int(d.Seconds()), err
}

// parseGrant reads SLUG[:ACCOUNT]; nameConnections has to be called with it.
func parseGrant(s string) (contract.NewGrant, error) {
	slug, conn, _ := strings.Cut(s, ":")
	if slug == "" {
		return contract.NewGrant{}, usagef("%q: want SLUG or SLUG:ACCOUNT", s)
	}
	return contract.NewGrant{Integration: slug, Connection: conn}, nil
}

// nameConnections puts its id in the place of a connection that was named by its
// login, e-mail address or label.
func nameConnections(ctx context.Context, c *instance.Client, grants []contract.NewGrant) error {
	for i := range grants {
		g := &grants[i]
		if g.Connection == "" || strings.HasPrefix(g.Connection, connectionPrefix) {
			continue // an id may be of anybody's connection
		}
		conn, err := findConnection(ctx, c, g.Integration, g.Connection)
		if err != nil {
			return err
		}
		g.Connection = conn.ID
	}
	return nil
}

func newAppsGrant(e *env) *cobra.Command {
	var l lasting
	var scopes []string
	var wider, relay bool
	var audience string
	cmd := &cobra.Command{
		Use:   "grant ID|NAME SLUG[:ACCOUNT]",
		Short: "Let an app draw from an account, or from all of a provider",
		Example: `  standpipe apps grant editor github
  standpipe apps grant editor github:octocat --scope repo --for 8h`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			body, err := parseGrant(args[1])
			if err != nil {
				return err
			}
			if body.Lasts, body.For, err = l.read(hub.LastsAlways); err != nil {
				return err
			}
			body.Scopes, body.AcceptWider, body.Audience = scopes, wider, audience
			if relay {
				body.Mode = hub.GrantRelay
			}
			return e.withApp(ctx, args[0], func(c *instance.Client, app contract.App) error {
				grants := []contract.NewGrant{body}
				if err := nameConnections(ctx, c, grants); err != nil {
					return err
				}
				g, err := c.AddGrant(ctx, app.ID, grants[0])
				if err != nil {
					return err
				}
				return e.granted(app.Name, g)
			})
		}),
	}
	l.flags(cmd.Flags())
	cmd.Flags().StringArrayVar(&scopes, "scope", nil, "no more than this `SCOPE` (repeatable)")
	cmd.Flags().BoolVar(&relay, "relay", false, "only calls to the provider's API that the hub makes: the app sees no token")
	cmd.Flags().StringVar(&audience, "audience", "", "only tokens for this resource server, by its `URI` (RFC 8707)")
	cmd.Flags().BoolVar(&wider, "accept-wider", false, "where the provider cannot issue a token with these scopes only, let it have the wider one")
	return cmd
}

func newAppsWithdraw(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "withdraw ID|NAME GRANT|SLUG",
		Short: "End what an app was granted",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withApp(ctx, args[0], func(c *instance.Client, app contract.App) error {
				var ended []string
				all := contract.Revoked{Outstanding: []contract.Outstanding{}}
				for _, g := range app.Grants {
					if g.ID != args[1] && g.Integration != args[1] {
						continue
					}
					r, err := c.WithdrawGrant(ctx, app.ID, g.ID)
					if err != nil {
						return err
					}
					ended, all.Outstanding = append(ended, g.ID), append(all.Outstanding, r.Outstanding...)
				}
				if len(ended) == 0 {
					return hub.Errorf(hub.CodeNotFound, "%s has no grant %s", app.Name, args[1]).WithRemedy("`standpipe apps list --json` lists them.")
				}
				if e.json {
					return e.printJSON(struct {
						App         string                 `json:"app"`
						Withdrawn   []string               `json:"withdrawn"`
						Outstanding []contract.Outstanding `json:"outstanding"`
					}{app.ID, ended, all.Outstanding})
				}
				e.print("Withdrawn from %s: %s.", plain(app.Name), plain(args[1]))
				return e.outstanding(all)
			})
		}),
	}
}

// granted says what an app may draw from now on.
func (e *env) granted(app string, g contract.Grant) error {
	if e.json {
		return e.printJSON(g)
	}
	e.print("%s may draw from %s.", plain(app), plain(grantText(g)))
	return nil
}

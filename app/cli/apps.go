// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newApps(e *env) *cobra.Command {
	return group("apps", "Programs that may draw tokens, each with a key of its own", newAppsAdd(e), newAppsList(e), newAppsRename(e), newAppsRotate(e), newAppsRevoke(e),
		newAppsGrant(e), newAppsWithdraw(e), newAppsApprovals(e), newAppsPairings(e), newAppsApprove(e), newAppsDeny(e))
}

func newAppsList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the apps and what they may draw",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				all, err := c.Apps(ctx)
				if err != nil {
					return err
				}
				if len(all.Damaged) > 0 && !e.json {
					e.note("Left out: %s that cannot be read any more, and that no key opens. Add again what is missing, or restore a backup. "+
						"`standpipe apps revoke ID` removes what is left of one:", count(len(all.Damaged), "app", "apps"))
					for _, d := range all.Damaged {
						e.note("  %s  %s", plain(d.ID), d.Problem)
					}
				}
				var rows [][]string
				for _, a := range all.Apps {
					rows = append(rows, []string{a.ID, a.Name, string(a.Kind), grantWords(a), dateWords(a.LastUsed), dateWords(a.ExpiresAt)})
				}
				return e.list(all, []string{"ID", "NAME", "KIND", "MAY DRAW", "LAST USED", "EXPIRES"}, rows,
					"There is no app. `standpipe apps add NAME --grant SLUG` makes one, with a key.")
			})
		}),
	}
}

func newAppsRevoke(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID|NAME",
		Short: "End an app's access",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withHub(ctx, func(c *instance.Client) error { return e.revokeApp(ctx, c, args[0]) })
		}),
	}
}

func (e *env) revokeApp(ctx context.Context, c *instance.Client, name string) error {
	app, damaged, err := findRevocable(ctx, c, name)
	if err != nil {
		return err
	}
	revoked, err := c.RevokeApp(ctx, app.ID)
	switch {
	case err != nil:
		return err
	case e.json:
		return e.printJSON(struct {
			ID          string                 `json:"id"`
			Revoked     bool                   `json:"revoked"`
			Outstanding []contract.Outstanding `json:"outstanding"`
		}{app.ID, true, revoked.Outstanding})
	case damaged:
		e.print("Removed what was left of the damaged app %s.", plain(app.ID))
		return nil
	}
	e.print("Revoked %s (%s). Its key no longer works.", plain(app.Name), app.ID)
	return e.outstanding(revoked)
}

// withApp is withHub for what is about one app, by its id or name.
func (e *env) withApp(ctx context.Context, name string, f func(*instance.Client, contract.App) error) error {
	return e.withHub(ctx, func(c *instance.Client) error {
		app, err := findApp(ctx, c, name)
		if err != nil {
			return err
		}
		return f(c, app)
	})
}

func findApp(ctx context.Context, c *instance.Client, name string) (contract.App, error) {
	all, err := c.Apps(ctx)
	if err != nil {
		return contract.App{}, err
	}
	return pickApp(all, name)
}

// findRevocable is findApp for a damaged one as well, of which nothing but the id
// is known.
func findRevocable(ctx context.Context, c *instance.Client, name string) (app contract.App, damaged bool, err error) {
	all, err := c.Apps(ctx)
	if err != nil {
		return contract.App{}, false, err
	}
	if slices.ContainsFunc(all.Damaged, func(d contract.DamagedApp) bool { return d.ID == name }) {
		return contract.App{ID: name}, true, nil
	}
	app, err = pickApp(all, name)
	return app, false, err
}

func pickApp(all contract.Apps, name string) (contract.App, error) {
	var found []contract.App
	for _, a := range all.Apps {
		if a.ID == name {
			return a, nil
		}
		if a.Name == name {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return contract.App{}, hub.Errorf(hub.CodeNotFound, "there is no app %s", name).WithRemedy("`standpipe apps list` lists them.")
	}
	return contract.App{}, hub.Errorf(hub.CodeConflict, "%d apps are called %s", len(found), name).WithRemedy("Say which one, by its id: standpipe apps list")
}

func grantWords(a contract.App) string {
	if a.All {
		return "EVERYTHING"
	}
	return grantsText(a.Grants)
}

func grantsText(grants []contract.Grant) string {
	var out []string
	for _, g := range grants {
		out = append(out, grantText(g))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// grantText is a grant in a few words: github:octocat (repo), 10m left.
func grantText(g contract.Grant) string {
	s := g.Integration
	if g.Connection != "" {
		s += ":" + cmp.Or(g.Account, g.Connection)
	}
	if g.Scopes != nil {
		s += " (" + strings.Join(g.Scopes, " ")
		if g.AcceptWider {
			s += ", or a wider token"
		}
		s += ")"
	}
	if g.Audience != "" {
		s += " for " + g.Audience
	}
	if g.Mode == hub.GrantRelay {
		s += " through the hub"
	}
	switch g.Lasts {
	case hub.LastsOnce:
		s += " once"
	case hub.LastsUntilLock:
		s += " until the lock"
	case hub.LastsUntil:
		if g.ExpiresAt != nil {
			s += " until " + g.ExpiresAt.Local().Format(time.DateTime)
		}
	}
	return s
}

func dateWords(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format(time.DateOnly)
}

// outstandingShown bounds a list that is as long as a backend has users.
const outstandingShown = 20

// outstanding tells what lives on after a revocation.
func (e *env) outstanding(r contract.Revoked) error {
	if len(r.Outstanding) == 0 {
		return nil
	}
	e.print("It still holds tokens, which only the provider could take back:")
	var rows [][]string
	for _, o := range r.Outstanding[:min(len(r.Outstanding), outstandingShown)] {
		until := "unknown: disconnect the account to end it"
		if o.ExpiresAt != nil {
			until = o.ExpiresAt.Local().Format(time.DateTime)
		}
		rows = append(rows, []string{o.Integration, plain(cmp.Or(o.Account, o.Connection)), until})
	}
	if err := e.table([]string{"PROVIDER", "ACCOUNT", "LIVES UNTIL"}, rows); err != nil {
		return err
	}
	if more := len(r.Outstanding) - len(rows); more > 0 {
		e.print("... and %d more, which --json lists; all that was drawn is in `standpipe audit export`.", more)
	}
	return nil
}

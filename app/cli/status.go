// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newStatus(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the connections and how they are; exit 3 when one needs you",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				info, err := c.HubInfo(ctx)
				if err != nil {
					return err
				}
				accounts, err := c.Accounts(ctx)
				if err != nil {
					return err
				}
				lost, err := c.Lost(ctx)
				if err != nil && asHubError(err).Code != hub.CodeIntegrity {
					return err
				}
				if err != nil { // that is for the doctor; the accounts are told all the same
					lost = contract.Lost{Accounts: []contract.LostAccount{}}
				}
				return e.status(info, accounts, lost, time.Now())
			})
		}),
	}
}

func (e *env) status(info contract.Hub, accounts contract.Accounts, lost contract.Lost, now time.Time) error {
	conns := accounts.Connections
	needUser := []contract.Connection{}
	for _, conn := range conns {
		if conn.State == hub.StateNeedsReauthorization {
			needUser = append(needUser, conn)
		}
	}
	if e.json {
		err := e.printJSON(struct {
			Hub         contract.Hub              `json:"hub"`
			Connections []contract.Connection     `json:"connections"`
			Providers   []contract.ProviderHealth `json:"providers"`
			Lost        contract.Lost             `json:"lost"` // with the keys, by a reset, and not connected again
		}{info, append([]contract.Connection{}, conns...), append([]contract.ProviderHealth{}, accounts.Providers...), lost})
		if err != nil {
			return err
		}
	} else if err := e.statusWords(info, conns, needUser, now); err != nil {
		return err
	}
	if len(needUser)+len(lost.Accounts)+len(lost.More) > 0 { // of what is lost, a notice tells
		return exitCode(hub.ExitNeedsUser)
	}
	return nil
}

func (e *env) statusWords(info contract.Hub, conns, needUser []contract.Connection, now time.Time) error {
	for _, n := range info.Notices {
		e.note("%s: %s", n.Severity, plainLines(n.Message))
		if n.Remedy != "" {
			e.note("  %s", plainLines(n.Remedy))
		}
	}
	if len(conns) == 0 {
		e.print("No account is connected. `standpipe connect SLUG` connects one; `standpipe integrations list` says which there are.")
		return nil
	}
	rows := make([][]string, 0, len(conns))
	for _, conn := range conns {
		rows = append(rows, []string{conn.Integration, conn.Account.Label, stateWords(conn), lifeWords(conn.Expiry, now), conn.ID})
	}
	if err := e.table([]string{"INTEGRATION", "ACCOUNT", "STATE", "TOKEN", "ID"}, rows); err != nil {
		return err
	}
	for _, conn := range needUser {
		e.note("")
		e.note("%s (%s): %s", conn.Integration, plain(conn.Account.Label), plainLines(conn.Remedy))
		e.note("  standpipe connect %s --reauthorize %s", conn.Integration, conn.ID)
	}
	return nil
}

func stateWords(conn contract.Connection) string {
	s := string(conn.State)
	if conn.Reason != "" {
		s += " (" + string(conn.Reason) + ")"
	}
	if conn.Health != nil {
		s += ", " + string(conn.Health.Code)
	}
	if len(conn.MissingScopes) > 0 {
		s += ", scopes missing"
	}
	if conn.Sandbox {
		s += ", sandbox"
	}
	return s
}

// lifeWords says how long the current token lives. One that has run out is
// renewed when somebody asks for it.
func lifeWords(expiry *time.Time, now time.Time) string {
	switch {
	case expiry == nil:
		return "no known expiry"
	case !expiry.After(now):
		return "renewed on use"
	}
	return "for " + expiry.Sub(now).Round(time.Second).String()
}

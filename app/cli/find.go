// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// connectionPrefix is how the id of a connection begins.
const connectionPrefix = "data_installation_"

// findConnection returns the one connection that name means: its id, or an
// integration's slug. account, unless empty, is an id, login, e-mail or label
// that narrows it down.
func findConnection(ctx context.Context, c *instance.Client, name, account string) (contract.Connection, error) {
	all, err := c.Accounts(ctx)
	if err != nil {
		return contract.Connection{}, err
	}
	var found []contract.Connection
	for _, conn := range all.Connections {
		if (conn.ID == name || conn.Integration == name) && (account == "" || isAccount(conn, account)) {
			found = append(found, conn)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		what := name
		if account != "" {
			what += " of " + account
		}
		return contract.Connection{}, hub.Errorf(hub.CodeNotFound, "there is no connection %s", what).
			WithRemedy("%s`standpipe status` lists them; `standpipe connect SLUG` makes one.", meant(name, all.Integrations))
	}
	choice := hub.Errorf(hub.CodeAccountSelection, "several accounts are connected through %s", name).
		WithRemedy("Say which one, by its id.")
	for _, conn := range found {
		choice.Choices = append(choice.Choices, hub.Choice{Connection: conn.ID, Account: conn.Account.Label})
	}
	return contract.Connection{}, choice
}

func isAccount(conn contract.Connection, name string) bool {
	a := conn.Account
	return name == conn.ID || name == a.Login || name == a.Email || name == a.Label
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/backup"
)

func newRestore(e *env) *cobra.Command {
	var (
		by   opening
		what app.RestoreOptions
	)
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the store from a backup: all of it, or nothing",
		Long: `Make the store of the data folder from a backup: all of it, or, whatever goes
wrong, nothing. No hub may run meanwhile. A store that is there already is
replaced only with --replace, and kept in a folder beside.

--key says where the key of the new store is kept (see ` + "`standpipe keys init`" + `);
without it, where that of the replaced store is, or else in the keychain.

Where two hubs renew one token, many providers end it for both. So the accounts
of a backup are out of use after its restore, until you say that they are not in
use where it was made any more (` + "`standpipe connections resume`" + `, or --only-here
right away); except where the backup was made with --move, or of the very store
that it replaces.

An older backup brings back what it holds: apps that were revoked since then, and
tokens that were renewed since then and do not work any more.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.restore(ctx, args[0], &by, what)
		}),
	}
	by.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&what.Replace, "replace", false, "take the place of the store that is there, which is kept beside")
	f.BoolVar(&what.OnlyHere, "only-here", false, "no other hub uses the tokens of the backup any more: use them here")
	return cmd
}

func (e *env) restore(ctx context.Context, path string, by *opening, what app.RestoreOptions) error {
	file, ids, err := by.open(e, path, "the backup")
	if err != nil {
		return err
	}
	defer file.Close()
	what.File, what.Identities = file, ids
	done, err := app.Restore(ctx, e.quietly(), what)
	if err != nil {
		return err
	}
	return e.showRestored(done)
}

func (e *env) showRestored(r *app.Restored) error {
	m := r.Manifest
	if e.json {
		return e.printJSON(struct {
			Backup   backup.Manifest `json:"backup"`
			Source   string          `json:"source"`
			Store    string          `json:"store"`
			Replaced string          `json:"replaced,omitempty"`
			Held     int             `json:"held"`
		}{m, r.Keys.Source, r.Keys.StoreID, r.Replaced, r.Held})
	}
	e.print("Restored %s, as of %s.", contentWords(m), m.CreatedAt.Local().Format(time.DateTime))
	e.print("The key is kept in %s.", plain(r.Keys.Source))
	if r.Replaced != "" {
		e.note("The earlier store is in %s; delete that folder when all is well.", plain(r.Replaced))
	}
	switch {
	case r.Held > 0:
		e.note("")
		e.note("Accounts that are out of use for now: %d. Their tokens may be in use where the backup was made, and two hubs that", r.Held)
		e.note("renew one token can destroy it. Once that hub is stopped for good: standpipe connections resume --all")
	case m.Moved:
		e.note("The accounts have moved here. Restore this backup nowhere else, and delete it.")
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newConnections(e *env) *cobra.Command {
	return group("connections", "The connected accounts of all owners: list, bring in, take out",
		newConnectionsList(e), newConnectionsImport(e), newConnectionsExport(e), newConnectionsResume(e), newConnectionsLost(e))
}

func newConnectionsList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the connections of all owners",
		Long:  `List the connections of all owners. ` + "`standpipe status`" + ` tells more of your own, and how they are.`,
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				all, err := c.Connections(ctx)
				if err != nil {
					return err
				}
				slices.SortFunc(all.Connections, func(a, b contract.Connection) int {
					if n := strings.Compare(ownerWords(a.Owner), ownerWords(b.Owner)); n != 0 {
						return n
					}
					return a.CreatedAt.Compare(b.CreatedAt)
				})
				return e.listConnections(all)
			})
		}),
	}
}

func (e *env) listConnections(all contract.Connections) error {
	if all.Damaged > 0 && !e.json {
		e.note("%s damaged and cannot be read; `standpipe doctor` tells more.", count(all.Damaged, "connection is", "connections are"))
	}
	var rows [][]string
	for _, c := range all.Connections {
		rows = append(rows, []string{ownerWords(c.Owner), c.Integration, c.Account.Label, stateWords(c), c.ID})
	}
	return e.list(all, []string{"OWNER", "INTEGRATION", "ACCOUNT", "STATE", "ID"}, rows, "No account is connected.")
}

// ownerWords is an owner in one word.
func ownerWords(o hub.Owner) string {
	switch {
	case o.Shared:
		return o.Organization + "/*"
	case o.Organization != "":
		return o.Organization + "/" + o.User
	}
	return o.User
}

func newConnectionsResume(e *env) *cobra.Command {
	var body contract.Resume
	cmd := &cobra.Command{
		Use:   "resume [ID…]",
		Short: "Use connections here that were moved away, or restored from a backup",
		Long: `Use connections here again whose tokens may have been in use elsewhere: of a
backup that was restored here, or that moved them away and was never restored.

Do this when the other hub is stopped for good. Where two hubs renew one token,
many providers end it for both. Where that may have happened already, reauthorize
in place of this.`,
		Args: cobra.ArbitraryArgs,
		RunE: e.run(func(ctx context.Context, args []string) error {
			if body.Connections = args; len(args) == 0 && body.Backup == "" && !body.All {
				return usagef("say which: their ids, --backup ID, or --all")
			}
			return e.withHub(ctx, func(c *instance.Client) error {
				done, err := c.Resume(ctx, body)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(done)
				}
				for _, conn := range done.Connections {
					e.print("%s (%s) is in use here: %s", conn.Integration, plain(conn.Account.Label), conn.ID)
				}
				if len(done.Connections) == 0 {
					e.print("None of them was out of use because of a move or a restore.")
				}
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&body.Backup, "backup", "", "those that went into, or came from, the backup `ID`")
	cmd.Flags().BoolVar(&body.All, "all", false, "all of them")
	cmd.MarkFlagsMutuallyExclusive("all", "backup")
	return cmd
}

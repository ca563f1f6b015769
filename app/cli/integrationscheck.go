// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newIntegrationsCheck(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "check SLUG",
		Short: "Try an integration as far as that goes without a person",
		Long: `Look for what is often wrong with client id and secret, make the authorization
URL (discovery included), look at the page behind it, and trade a code that
nobody issued: the error tells whether the provider takes the client. Nothing is
connected or changed. Exit code 1 where a step failed.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				checked, err := c.CheckIntegration(ctx, args[0], contract.SaveIntegration{})
				if err != nil {
					return err
				}
				if err := e.tellChecked(checked); err != nil {
					return err
				}
				if !checked.OK {
					return exitCode(hub.ExitError)
				}
				return nil
			})
		}),
	}
}

func (e *env) tellChecked(checked contract.Checked) error {
	if e.json {
		return e.printJSON(checked)
	}
	var rows [][]string
	for _, c := range checked.Checks {
		rows = append(rows, []string{string(c.Step), string(c.Result), c.Message})
	}
	if err := e.table([]string{"STEP", "RESULT", "WHAT"}, rows); err != nil {
		return err
	}
	for _, c := range checked.Checks {
		if c.Remedy != "" {
			e.note("standpipe: %s: %s", c.Step, plainLines(c.Remedy))
		}
	}
	return nil
}

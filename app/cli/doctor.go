// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newDoctor(e *env) *cobra.Command {
	var compact bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the vault, the process, the configuration and the plugins, and explain what is wrong",
		Long: `Check modes and owners, the key, the rollback anchor, every record, room on the
disk, how the process is hardened, the configuration and the plugins; and say
how to mend what is wrong. The report holds no secret, name or account.

--compact first copies what is alive into a new store, so that nothing that was
deleted can be read in the files any more.

The exit code is 0 if there are no errors (there may be warnings), else that of
the first error.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error { return e.doctor(ctx, compact) }),
	}
	cmd.Flags().BoolVar(&compact, "compact", false, "copy what is alive into a new store first")
	return cmd
}

func (e *env) doctor(ctx context.Context, compact bool) error {
	var d contract.Diagnosis
	opened := false
	err := e.withHub(ctx, func(c *instance.Client) (err error) {
		opened = true
		if compact {
			done, err := c.Compact(ctx)
			if err != nil {
				return err
			}
			e.note("Compacted the store: %d KiB before, %d KiB now.", done.Before>>10, done.After>>10)
		}
		d, err = c.Doctor(ctx)
		return err
	})
	if err != nil && opened {
		return err
	}
	if err != nil {
		d = app.DiagnoseClosed(e.options(), err)
	}
	if err := e.showDiagnosis(d); err != nil {
		return err
	}
	if err != nil { // its words stand in the report
		return exitCode(hub.OutcomeOf(asHubError(err).Code).Exit)
	}
	for _, f := range d.Findings {
		if f.Status == contract.FindingError {
			return exitCode(hub.ExitError)
		}
	}
	return nil
}

func (e *env) showDiagnosis(d contract.Diagnosis) error {
	if e.json {
		return e.printJSON(d)
	}
	marks := map[string]string{contract.FindingOK: "ok", contract.FindingWarning: "warning", contract.FindingError: "ERROR"}
	var rows [][]string
	for _, f := range d.Findings {
		rows = append(rows, []string{marks[f.Status], f.Check, f.Detail})
		if f.Remedy != "" {
			rows = append(rows, []string{"", "", "→ " + f.Remedy})
		}
	}
	return e.table([]string{"RESULT", "CHECK", "WHAT"}, rows)
}

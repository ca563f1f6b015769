// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newProviderReload(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the running hub read the files of declared providers again",
		Long: `Have the running hub read the files of declared providers again, those in the
folder "providers" beside the configuration file. Nothing else is interrupted. A
provider whose file is wrong stays as it was; what is wrong is said here and in
the window, and the exit code is 1.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withRunning(ctx, func(c *instance.Client) error {
				done, err := c.ReloadProviders(ctx)
				if err != nil {
					return err
				}
				bad := false
				for _, p := range done.Problems {
					bad = bad || p.Severity == "error"
				}
				if e.json {
					err = e.printJSON(done)
				} else {
					if len(done.Changed) == 0 && len(done.Removed) == 0 {
						e.print("Nothing is different.")
					}
					if len(done.Changed) > 0 {
						e.print("New or changed: %s", plain(strings.Join(done.Changed, ", ")))
					}
					if len(done.Removed) > 0 {
						e.print("Gone: %s", plain(strings.Join(done.Removed, ", ")))
					}
					for _, p := range done.Problems {
						e.note("standpipe: %s", plain(p.Message))
						e.note("           %s", plainLines(p.Remedy))
					}
				}
				if err == nil && bad {
					return exitCode(hub.ExitError)
				}
				return err
			})
		}),
	}
}

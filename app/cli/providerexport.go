// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/instance"
)

func newProviderExport(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "export SLUG",
		Short: "Print a provider that was declared in the window as a file in HCL",
		Long: `Print a provider that was declared in the window as a file in HCL, to keep it
under version control or to share it: in the folder "providers" beside the
configuration file it is the same provider. It holds no client id and no secret.`,
		Example: "  standpipe provider export acme > acme.hcl",
		Args:    operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				file, err := c.ProviderFile(ctx, args[0])
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(file)
				}
				_, err = e.Out.Write([]byte(file.Text))
				return err
			})
		}),
	}
}

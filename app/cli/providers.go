// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/instance"
)

func newProviders(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "providers",
		Short: "List the providers that the plugins serve, and the state of the plugins",
		Args:  cobra.NoArgs,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				all, err := c.Providers(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(all)
				}
				var rows [][]string
				for _, p := range all.Providers {
					caps := make([]string, len(p.Capabilities))
					for i, c := range p.Capabilities {
						caps[i] = string(c)
					}
					rows = append(rows, []string{p.Slug, p.Name, p.Plugin, strings.Join(caps, " ")})
				}
				if err := e.table([]string{"PROVIDER", "NAME", "PLUGIN", "CAN"}, rows); err != nil {
					return err
				}
				for _, p := range all.Plugins {
					if p.Error != "" {
						e.note("standpipe: the plugin %s (%s) is %s: %s", plain(p.Name), plain(p.Path), p.State, plainLines(p.Error))
					}
				}
				return nil
			})
		}),
	}
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newProviders(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "providers",
		Short: "List the providers that the plugins serve, and the state of the plugins",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				all, err := c.Providers(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(all)
				}
				held := map[string]string{}
				for _, p := range all.Plugins {
					held[p.Name] = heldWords(p)
				}
				var rows [][]string
				for _, p := range all.Providers {
					caps := make([]string, len(p.Capabilities))
					for i, c := range p.Capabilities {
						caps[i] = string(c)
					}
					rows = append(rows, []string{p.Slug, p.Name, p.Plugin, held[p.Plugin], strings.Join(caps, " ")})
				}
				if err := e.table([]string{"PROVIDER", "NAME", "PLUGIN", "HELD", "CAN"}, rows); err != nil {
					return err
				}
				e.print("\n%s", holdingWords(all.Holding))
				for _, p := range all.Providers {
					if p.HidesCustom {
						e.note("standpipe: %s is declared in %s, which wins over what was declared in the window", plain(p.Slug), plain(p.DeclaredIn))
					}
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

// heldWords say what a running plugin is held by.
func heldWords(p contract.Plugin) string {
	if p.Network == "" {
		return "-"
	}
	return "network " + p.Network + ", files " + p.Files
}

// holdingWords say how this system lets plugins be held, and why not better.
func holdingWords(h contract.Holding) string {
	s := fmt.Sprintf("Plugins are started with their network %s and your files %s to them", h.Network, h.Files)
	if h.Landlock > 0 {
		s += fmt.Sprintf(" (Landlock %d)", h.Landlock)
	}
	for _, m := range h.Missing {
		s += "\n  " + plain(m)
	}
	return s
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost/install"
)

func (e *env) installer(yes bool) (*install.Installer, error) {
	paths, err := e.paths()
	if err != nil {
		return nil, err
	}
	return &install.Installer{
		Data: paths.Data, Bundled: e.bundledNames(), Logger: e.quietly().Logger,
		Ask: func(p *install.Plan) (bool, error) { return e.askInstall(p, yes) },
	}, nil
}

// askInstall shows what an installation means and asks. Without a terminal, it
// takes --yes.
func (e *env) askInstall(p *install.Plan, yes bool) (bool, error) {
	if !e.json {
		e.showInspection(p.Inspection)
		e.print("\nSource:     %s", plain(p.Source))
		if p.Key != "" {
			e.print("Signed by:  %s (%s)", plain(p.Key), p.KeyFrom)
		} else {
			e.print("Signed by:  nobody")
		}
		if p.Replaces != nil {
			e.print("Replaces:   %s", plain(orSaid(p.Replaces.Version)))
			for _, h := range p.NewHosts {
				e.print("NEW:        it may reach %s", plain(h))
			}
			for _, c := range p.NewCapabilities {
				e.print("NEW:        it can %s", plain(c))
			}
		}
	}
	if yes {
		return true, nil
	}
	if !e.InTTY {
		return false, hub.Errorf(hub.CodeConsentRequired, "installing %s needs your consent, and nobody is at the terminal", p.Name).
			WithRemedy("Look at it with `standpipe plugin describe`, then add --yes.")
	}
	e.note("\nInstall it? [y/N]")
	answer, err := bufio.NewReader(io.LimitReader(e.In, 1024)).ReadString('\n')
	if err != nil && err != io.EOF {
		return false, err
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

func newPluginInstall(e *env) *cobra.Command {
	var o install.Options
	var yes, locked bool
	cmd := &cobra.Command{
		Use:   "install PATH|URL|ARCHIVE",
		Short: "Install a plugin of somebody else's",
		Long: `Install a plugin: an executable named standpipe-provider-NAME, or the archive of
a release, from a path or an https address. The release's SHA-256 sums and its
minisign signature are checked; the key is pinned with the first installation.
What the plugin is and may reach is shown, and you are asked.

With --locked, what the lock file names is installed, with nobody to ask: on
another machine, or after the plugin folder was lost.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 != locked {
				return nil
			}
			return usagef("plugin install: name one path, address or archive, or say --locked")
		},
		RunE: e.run(func(ctx context.Context, args []string) error {
			i, err := e.installer(yes)
			if err != nil {
				return err
			}
			if locked {
				done, err := i.Locked(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.finish(ctx, map[string]any{"installed": append([]string{}, done...)})
				}
				if len(done) == 0 {
					e.print("All that the lock file names is installed already.")
				} else {
					e.print("Installed as locked: %s", strings.Join(done, ", "))
				}
				return e.rescan(ctx)
			}
			o.Source = args[0]
			return e.install(ctx, i, o)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Key, "publisher-key", "", "the minisign public `KEY` that must have signed the release")
	f.BoolVar(&yes, "yes", false, "agree without being asked")
	f.BoolVar(&locked, "locked", false, "install what the lock file names")
	return cmd
}

func newPluginUpdate(e *env) *cobra.Command {
	var o install.Options
	var yes bool
	cmd := &cobra.Command{
		Use:   "update NAME [PATH|URL|ARCHIVE]",
		Short: "Replace an installed plugin by a newer release",
		Long: `Replace an installed plugin. It must be signed as before and not be older. You
are asked again where it wants to reach other hosts, or can do more, than what
you agreed to. Without a source it is looked for where it came from.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			i, err := e.installer(yes)
			if err != nil {
				return err
			}
			file, err := i.List()
			if err != nil {
				return err
			}
			old, ok := file.Plugins[args[0]]
			if !ok {
				return hub.Errorf(hub.CodeNotFound, "there is no installed plugin %q", args[0]).WithRemedy("`standpipe plugin list` lists them.")
			}
			o.Update, o.Source = args[0], old.Source
			if len(args) == 2 {
				o.Source = args[1]
			}
			return e.install(ctx, i, o)
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "agree without being asked")
	return cmd
}

func (e *env) install(ctx context.Context, i *install.Installer, o install.Options) error {
	plan, err := i.Install(ctx, o)
	if err != nil {
		return err
	}
	if e.json {
		return e.finish(ctx, inspectionJSON(plan.Inspection))
	}
	e.print("Installed %s %s.", plan.Name, plan.Version)
	return e.rescan(ctx)
}

// finish tells the hub and prints the result.
func (e *env) finish(ctx context.Context, v any) error {
	if err := e.rescan(ctx); err != nil {
		return err
	}
	return e.printJSON(v)
}

func newPluginRemove(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an installed plugin; what was connected through it stays, disabled",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			i, err := e.installer(false)
			if err != nil {
				return err
			}
			if err := i.Remove(args[0]); err != nil {
				return err
			}
			if e.json {
				return e.finish(ctx, map[string]string{"removed": args[0]})
			}
			e.print("Removed %s. Its connections are kept and come back with it.", args[0])
			return e.rescan(ctx)
		}),
	}
}

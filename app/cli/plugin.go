// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
)

func newPlugin(e *env) *cobra.Command {
	return group("plugin", "Write, check, install and list provider plugins",
		newPluginNew(e), newPluginDev(e), newPluginCheck(e), newPluginDescribe(e),
		newPluginInstall(e), newPluginUpdate(e), newPluginRemove(e), newPluginList(e))
}

func newPluginDescribe(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "describe BINARY",
		Short: "Say what installing a plugin would mean; needs no hub",
		Long: `Start a plugin once, without a network and held away from your files where the
system can do that, and show what it says of itself: the providers it serves,
the hosts it may reach, what it asks for, and what it was made with.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			in, err := pluginhost.Inspect(ctx, args[0], e.quietly().Logger)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(inspectionJSON(in))
			}
			e.showInspection(in)
			return nil
		}),
	}
}

// description is an inspection in JSON.
type description struct {
	Name      string              `json:"name"`
	Path      string              `json:"path"`
	SHA256    string              `json:"sha256"`
	Version   string              `json:"version,omitempty"`
	SDK       string              `json:"sdk,omitempty"`
	Protocol  int                 `json:"protocol"`
	Network   pluginhost.Closure  `json:"network"`
	Files     pluginhost.Closure  `json:"files"`
	Hosts     []string            `json:"hosts"`
	Providers []describedProvider `json:"providers"`
	Problems  []string            `json:"problems"`
}

type describedProvider struct {
	Slug         string   `json:"slug"`
	Name         string   `json:"name"`
	Description  string   `json:"description"`
	Hosts        []string `json:"hosts"`
	Scopes       []string `json:"scopes"`
	Settings     []string `json:"settings"`
	Capabilities []string `json:"capabilities"`
	Revoke       string   `json:"revoke"`
}

func inspectionJSON(in *pluginhost.Inspection) description {
	out := description{
		Name: in.Name, Path: in.Path, SHA256: in.SHA256, Version: in.Version, SDK: in.SDK, Protocol: in.Protocol,
		Network: in.Network, Files: in.Files, Hosts: in.Hosts(), Problems: append([]string{}, in.Problems...),
		Providers: []describedProvider{},
	}
	for _, d := range in.Providers {
		p := describedProvider{
			Slug: d.Slug, Name: d.Name, Description: d.Description, Revoke: string(d.Revoke),
			Hosts: append([]string{}, d.AllowedHosts...), Scopes: []string{}, Settings: []string{}, Capabilities: []string{},
		}
		for _, s := range d.Scopes {
			p.Scopes = append(p.Scopes, s.Name)
		}
		for _, f := range d.Config {
			p.Settings = append(p.Settings, f.Key)
		}
		for _, c := range d.Capabilities {
			p.Capabilities = append(p.Capabilities, string(c))
		}
		out.Providers = append(out.Providers, p)
	}
	return out
}

// showInspection says in words what a plugin is and wants.
func (e *env) showInspection(in *pluginhost.Inspection) {
	version := in.Version
	if version == "" {
		version = "says no version"
	}
	e.print("Plugin %s (%s), protocol %d, SDK: %s", plain(in.Name), plain(version), in.Protocol, plain(orSaid(in.SDK)))
	e.print("SHA-256 %s", in.SHA256)
	for _, d := range in.Providers {
		e.print("\n%s (%s): %s", plain(d.Name), d.Slug, plain(d.Description))
		hosts := strings.Join(d.AllowedHosts, ", ")
		for _, f := range d.Config {
			if f.URL {
				hosts = strings.TrimPrefix(hosts+", the host that you set as "+plain(f.Label), ", ")
			}
		}
		e.print("  may reach:  %s", orSaid(plain(hosts)))
		for _, s := range d.Scopes {
			mark := ""
			switch {
			case s.Required:
				mark = ", always asked for"
			case s.Default:
				mark = ", asked for unless you say otherwise"
			}
			e.print("  scope:      %s: %s%s", plain(s.Name), plain(s.Title), mark)
		}
		for _, f := range d.Config {
			e.print("  setting:    %s: %s", f.Key, plain(f.Label))
		}
		caps := make([]string, len(d.Capabilities))
		for i, c := range d.Capabilities {
			caps[i] = string(c)
		}
		e.print("  can:        %s", orSaid(strings.Join(caps, ", ")))
	}
	for _, p := range in.Problems {
		e.note("standpipe: %s", plain(p))
	}
	e.print("\nOn this system it is started with its network %s and your files %s to it.", in.Network, in.Files)
}

func orSaid(s string) string {
	if s == "" {
		return "nothing that it says"
	}
	return s
}

func newPluginList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the plugins, bundled and installed, with their state",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withHub(ctx, func(c *instance.Client) error {
				all, err := c.Providers(ctx)
				if err != nil {
					return err
				}
				if e.json {
					return e.printJSON(all.Plugins)
				}
				var rows [][]string
				for _, p := range all.Plugins {
					source := p.Source
					if p.Development {
						source = "IN DEVELOPMENT"
					}
					rows = append(rows, []string{p.Name, p.Version, source, p.State, heldWords(p), p.SHA256[:min(12, len(p.SHA256))], strconv.Itoa(p.Restarts)})
				}
				if err := e.table([]string{"PLUGIN", "VERSION", "SOURCE", "STATE", "HELD", "SHA-256", "RESTARTS"}, rows); err != nil {
					return err
				}
				e.print("\n%s", holdingWords(all.Holding))
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

// rescan tells the running hub, if there is one, that the plugins changed.
func (e *env) rescan(ctx context.Context) error {
	c, err := e.attach(ctx)
	if errors.Is(err, instance.ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.RescanPlugins(ctx)
	return err
}

// bundledNames are the plugins beside the program, whose names are taken.
func (e *env) bundledNames() []string {
	dirs := e.plugins
	if len(dirs) == 0 {
		if self, err := os.Executable(); err == nil {
			if real, err := filepath.EvalSymlinks(self); err == nil {
				dirs = []string{filepath.Join(filepath.Dir(real), "plugins")}
			}
		}
	}
	var out []string
	for _, dir := range dirs {
		found, _ := filepath.Glob(filepath.Join(dir, pluginhost.Prefix+"*"))
		for _, f := range found {
			out = append(out, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), pluginhost.Prefix), ".exe"))
		}
	}
	return out
}

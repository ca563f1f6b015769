// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/configs"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/conformance"
	"github.com/standpipe/standpipe/sdk/oauth"
)

func newProvider(e *env) *cobra.Command {
	return group("provider", "Declare providers in HCL", newProviderCheck(e), newProviderExport(e), newProviderReload(e))
}

func newProviderCheck(e *env) *cobra.Command {
	c := checking{env: e}
	var definitionOnly bool
	cmd := &cobra.Command{
		Use:   "check FILE.hcl",
		Short: "Say what a declared provider lacks, and run it against a stand-in that is shaped by it",
		Long: `Read a declared provider, say with line and column what is wrong with it and what
it lacks (identity, error map, revocation, a sentence per scope, redirect rule),
and run the conformance suite on it: the plugin that serves declared providers is
started, and a stand-in on this machine answers as the definition says that the
provider does.

A file that only changes a bundled definition is laid over it, as in a hub.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error { return c.definition(ctx, args[0], definitionOnly) }),
	}
	f := cmd.Flags()
	f.StringArrayVar(&c.settings, "set", nil, "a setting, as `KEY=VALUE` (repeatable; default: the examples of the definition, and the stand-in for addresses)")
	f.BoolVar(&definitionOnly, "definition-only", false, "only read it, run nothing")
	return cmd
}

// checkedFile is the result in JSON.
type checkedFile struct {
	File        string             `json:"file"`
	OK          bool               `json:"ok"`
	Diagnostics config.Diagnostics `json:"diagnostics"`
	Providers   []checkedProvider  `json:"providers"`
}

func (c *checking) definition(ctx context.Context, path string, definitionOnly bool) error {
	file, found := config.ReadProviderFile(path, configs.Providers())
	out := checkedFile{File: path, Providers: []checkedProvider{}}
	if file != nil && !definitionOnly {
		binary, err := c.declaredPlugin()
		if err != nil {
			return err
		}
		for _, d := range file.Definitions {
			p, more, err := c.runDefinition(ctx, file, d, binary)
			if err != nil {
				return err
			}
			found = append(found, more...)
			if p != nil {
				out.Providers = append(out.Providers, *p)
			}
		}
	}
	out.OK = !found.HasErrors()
	out.Diagnostics = append(config.Diagnostics{}, found...)
	if c.json {
		if err := c.printJSON(out); err != nil {
			return err
		}
	} else {
		if err := found.Write(c.Err); err != nil {
			return err
		}
		for _, p := range out.Providers {
			c.print("%s: %d passed, %d failed, %d left out", p.Provider, p.Passed, p.Failed, p.Skipped)
		}
	}
	if !out.OK {
		return exitCode(hub.ExitError)
	}
	return nil
}

// declaredPlugin is the plugin that serves declared providers.
func (c *checking) declaredPlugin() (string, error) {
	name := pluginhost.Prefix + pluginhost.Declaring
	dirs := c.plugins
	if len(dirs) == 0 {
		if self, err := os.Executable(); err == nil {
			if self, err = filepath.EvalSymlinks(self); err == nil {
				dirs = []string{filepath.Join(filepath.Dir(self), "plugins")}
			}
		}
	}
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); exists(path) {
			return filepath.Abs(path)
		}
	}
	return "", hub.Errorf(hub.CodeNotConfigured, "the plugin %s, which serves declared providers, is not beside this program", name).
		WithRemedy("Name its folder with --plugins, or add --definition-only.")
}

// runDefinition runs the suite on one definition and says of each failure where
// in the file it may come from.
func (c *checking) runDefinition(ctx context.Context, file *config.ProviderFile, d config.Definition, binary string) (*checkedProvider, config.Diagnostics, error) {
	standard, err := oauth.ParseDefinition(d.JSON)
	if err != nil {
		return nil, config.Diagnostics{file.At(config.Error, d.Slug, "The plugin does not take the definition",
			strings.TrimPrefix(err.Error(), "provider definition: ")+".", fieldIn(err.Error())...)}, nil
	}
	settings, err := pairs(c.settings)
	if err != nil {
		return nil, nil, err
	}
	settings = exampleSettings(standard.Description(), settings)
	cfg := conformance.Config{
		Provider: d.Slug, Definition: d.JSON, Settings: settings,
		ClientID: checkClientID, ClientSecret: checkClientSecret, RedirectURI: checkRedirectURI + d.Slug,
	}
	cfg.Server = conformance.ShapeOf(standard, settings).Server(cfg.ClientID, cfg.ClientSecret, cfg.RedirectURI)
	cell, err := c.hold(&cfg, binary)
	if err != nil {
		return nil, nil, err
	}
	defer cell.Close()
	if _, err := conformance.Describe(ctx, cfg, cell.Path); err != nil { // nothing else would say more
		return nil, config.Diagnostics{file.At(config.Error, d.Slug, "The plugin does not serve the definition", err.Error()+".", fieldIn(err.Error())...)}, nil
	}
	var found config.Diagnostics
	if plain := conformance.PlainHosts(standard, settings); len(plain) > 0 {
		found = append(found, file.At(config.Warning, d.Slug, "It is called in clear", "What is sent to "+strings.Join(plain, ", ")+
			` can be read on the way. Write https where the provider has it; else its integration needs network = "private".`, "issuer", "authorize_url", "token_url"))
	}
	p := c.suite(ctx, conformance.Executable(cfg, cell.Path))
	p.Provider = d.Slug
	for _, r := range p.Cases {
		for _, problem := range r.Problems {
			found = append(found, file.At(config.Error, d.Slug, "It fails where it "+r.Case, problem+".", caseFields[r.Case]...))
		}
	}
	return &p, found, nil
}

// caseFields are the parts of a definition on which a case depends, the likeliest
// first.
var caseFields = map[string][]string{
	"authorizes":                        {"authorize_url", "authorize_params", "issuer"},
	"connects":                          {"identity", "answer", "token_url", "issuer"},
	"says where a picture is":           {"picture_hosts", "identity"},
	"refreshes":                         {"rotation", "refresh_url", "answer"},
	"refuses what the provider refuses": {"error", "answer"},
	"revokes":                           {"revocation", "revoke"},
	"bears a bad provider":              {"answer", "error"},
	"describes itself":                  {"revoke_note", "name"},
	"connects a device":                 {"device_url"},
	"sends no secret that a call does not need": {"identity", "revocation"},
}

// fieldIn guesses the field that an error of the parser is about.
func fieldIn(message string) []string {
	var out []string
	for word := range strings.FieldsFuncSeq(message, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
		out = append(out, word)
	}
	return out
}

// exampleSettings completes what was given: addresses lead to the stand-in, the
// rest is as the definition's examples say.
func exampleSettings(d sdk.Descriptor, given map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range d.Sandbox {
		out[k] = v
	}
	for _, f := range d.Config {
		switch {
		case given[f.Key] != "":
			out[f.Key] = given[f.Key]
		case out[f.Key] != "":
		case f.Kind == sdk.FieldURL:
			out[f.Key] = conformance.URL
		case f.Default != "":
			out[f.Key] = f.Default
		default:
			out[f.Key] = f.Example
		}
	}
	return out
}

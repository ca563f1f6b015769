// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/sdk/conformance"
)

// checking is one run of the suite.
type checking struct {
	*env
	provider string
	shape    string
	offline  bool
	settings []string
	answers  []string
	scopes   []string
}

// The client as which the suite connects. It exists nowhere else.
const (
	checkClientID     = "a-client-of-the-suite"
	checkClientSecret = "a-client-secret-of-the-suite"
	checkRedirectURI  = "http://127.0.0.1:4780/callback/"
)

func newPluginCheck(e *env) *cobra.Command {
	c := checking{env: e}
	cmd := &cobra.Command{
		Use:   "check BINARY",
		Short: "Run the conformance suite against a plugin, in any language",
		Long: `Run the conformance suite against a plugin's executable: the handshake, what it
says of itself, every capability that it declares, every class of error, what
it does with secrets, deadlines, the death of the host, hostile input.

As in a hub, a copy of it runs, alone: without what lies beside it, without an
environment, away from your files and the network where the system can do that,
and with whatever it started killed in the end.

A stand-in on this machine plays the provider. It takes requests by what they
hold, not by their paths, and answers as the standards say. Where the provider
departs from them, describe how in a JSON file and name it with --shape.

Exit code 1: the plugin does not pass. One that does not say what it serves is
held against the beginning of the suite.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error { return c.run(ctx, args[0]) }),
	}
	f := cmd.Flags()
	f.StringVar(&c.provider, "provider", "", "check this provider of the plugin only, by its `SLUG`")
	f.StringVar(&c.shape, "shape", "", "how the provider departs from the standards, as JSON in `FILE`")
	f.BoolVar(&c.offline, "offline", false, "check only what needs no provider")
	f.StringArrayVar(&c.settings, "set", nil, "a setting, as `KEY=VALUE`; {sandbox} stands for the stand-in (repeatable; default: what the plugin says)")
	f.StringArrayVar(&c.answers, "answer", nil, "what to answer to a question of the plugin's, as `LABEL=VALUE` (repeatable)")
	f.StringSliceVar(&c.scopes, "scopes", nil, "scopes to ask for (default: what the plugin says)")
	return cmd
}

// checked is the result in JSON.
type checked struct {
	Binary    string            `json:"binary"`
	OK        bool              `json:"ok"`
	Providers []checkedProvider `json:"providers"`
}

type checkedProvider struct {
	Provider string               `json:"provider"`
	Passed   int                  `json:"passed"`
	Failed   int                  `json:"failed"`
	Skipped  int                  `json:"skipped"`
	Cases    []conformance.Result `json:"cases"`
}

func (c *checking) run(ctx context.Context, binary string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	cfg, shape, err := c.config()
	if err != nil {
		return err
	}
	cell, err := c.hold(&cfg, binary)
	if err != nil {
		return err
	}
	defer cell.Close()
	out := checked{Binary: binary, OK: true, Providers: []checkedProvider{}}
	descriptors, err := conformance.Describe(ctx, cfg, cell.Path)
	if err != nil {
		p := c.suite(ctx, conformance.Beginning(cfg, cell.Path))
		p.Provider, p.Failed = filepath.Base(binary), p.Failed+1
		p.Cases = append(p.Cases, conformance.Result{Case: "describes itself", Verdict: conformance.Fail, Problems: []string{err.Error()}})
		out.OK, out.Providers = false, append(out.Providers, p)
		return c.report(out)
	}
	for _, d := range descriptors {
		if c.provider != "" && d.Slug != c.provider {
			continue
		}
		cfg.Provider, cfg.RedirectURI = d.Slug, checkRedirectURI+d.Slug
		if !c.offline {
			cfg.Server = shape.Of(&d).Server(cfg.ClientID, cfg.ClientSecret, cfg.RedirectURI)
		}
		p := c.suite(ctx, conformance.Executable(cfg, cell.Path))
		p.Provider = d.Slug
		if name, ok := strings.CutPrefix(strings.TrimSuffix(filepath.Base(binary), ".exe"), pluginhost.Prefix); ok && !pluginhost.Bears(name, d.Slug) {
			p.fail("describes itself", fmt.Sprintf("the plugin %s serves the provider %q, which does not bear its name: it cannot be installed", name, d.Slug))
		}
		out.OK = out.OK && p.Failed == 0
		out.Providers = append(out.Providers, p)
	}
	if len(out.Providers) == 0 {
		return hub.Errorf(hub.CodeNotFound, "the plugin describes no provider %q", c.provider)
	}
	return c.report(out)
}

// config reads the flags.
func (c *checking) config() (conformance.Config, conformance.Shape, error) {
	cfg := conformance.Config{ClientID: checkClientID, ClientSecret: checkClientSecret, Scopes: c.scopes}
	var shape conformance.Shape
	var err error
	if len(c.settings) > 0 {
		if cfg.Settings, err = pairs(c.settings); err != nil {
			return cfg, shape, err
		}
	}
	if cfg.Answers, err = pairs(c.answers); err != nil {
		return cfg, shape, err
	}
	if c.shape != "" {
		if shape, err = conformance.ReadShape(c.shape); err != nil {
			return cfg, shape, hub.Errorf(hub.CodeInvalid, "%w", err)
		}
	}
	return cfg, shape, nil
}

// hold has the suite run a copy of binary that is held as a hub holds plugins.
func (c *checking) hold(cfg *conformance.Config, binary string) (*pluginhost.Cell, error) {
	cell, err := pluginhost.NewCell(binary, c.quietly().Logger)
	if err != nil {
		return nil, hub.Errorf(hub.CodeInvalid, "%s cannot be checked: %w", binary, err)
	}
	cfg.Start = func(cmd *exec.Cmd) (conformance.Process, error) { return cell.Start(cmd) }
	return cell, nil
}

func (c *checking) suite(ctx context.Context, cases []conformance.Case) checkedProvider {
	p := checkedProvider{Cases: []conformance.Result{}}
	for i := range cases {
		if c.verbose {
			c.note("%s …", cases[i].Name)
		}
		r := cases[i].Run(ctx)
		switch r.Verdict {
		case conformance.Pass:
			p.Passed++
		case conformance.Fail:
			p.Failed++
		case conformance.Skip:
			p.Skipped++
		}
		p.Cases = append(p.Cases, r)
	}
	return p
}

// fail notes a problem of a case that ran.
func (p *checkedProvider) fail(name, problem string) {
	i := slices.IndexFunc(p.Cases, func(r conformance.Result) bool { return r.Case == name })
	if p.Cases[i].Verdict == conformance.Pass {
		p.Passed, p.Failed = p.Passed-1, p.Failed+1
	}
	p.Cases[i].Verdict, p.Cases[i].Problems = conformance.Fail, append(p.Cases[i].Problems, problem)
}

// shapeHint tells whoever named no shape how to: what the suite finds then is
// often a provider that answers differently, not a plugin that is wrong.
func shapeHint(binary string) string {
	if beside := filepath.Join(filepath.Dir(binary), "shape.json"); exists(beside) {
		return "A description of other answers lies beside the plugin: try --shape " + beside
	}
	return "Where the provider answers differently, say how with --shape FILE."
}

func (c *checking) report(out checked) error {
	if c.json {
		if err := c.printJSON(out); err != nil {
			return err
		}
	} else {
		for _, p := range out.Providers {
			var rows [][]string
			for _, r := range p.Cases {
				rows = append(rows, []string{r.Case, string(r.Verdict), r.Took.Round(time.Millisecond).String(), r.Note})
			}
			if err := c.table([]string{p.Provider, "VERDICT", "TOOK", ""}, rows); err != nil {
				return err
			}
			for _, r := range p.Cases {
				for _, problem := range r.Problems {
					c.print("\n%s: %s", r.Case, plainLines(problem))
				}
			}
			c.print("\n%s: %d passed, %d failed, %d left out\n", p.Provider, p.Passed, p.Failed, p.Skipped)
		}
		if !out.OK && c.shape == "" && !c.offline {
			c.note("The stand-in answered as the standards say. %s", shapeHint(out.Binary))
		}
	}
	if !out.OK {
		return exitCode(hub.ExitError)
	}
	return nil
}

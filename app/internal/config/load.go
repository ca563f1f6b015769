// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// harmless are the settings and blocks whose values may show in a diagnostic.
var harmless = safeNames{
	"mode", "listen", "ui_listen", "base_url", "sandbox", "log", "level", "plugins", "idle", "metrics",
	"embed", "origins", "integration", "provider", "credentials", "client_id", "scopes", "description", "enabled", "network", "config",
	"peers", "approvals", "timeout", "lock", "screen", "suspend", "background", "vault", "inventory", "avatars",
	"policy", "app", "connection", "accept_wider", "audience", "audiences", "decision",
}

// Load reads the configuration file at path. Where there is none, or path is
// empty, it returns the defaults. The Config is nil where a diagnostic is an
// error; warnings come beside a usable one.
//
// A secret that the file refers to is read here, which may ask the keychain;
// a file without such a reference never does.
func Load(path string) (*Config, Diagnostics) {
	if path == "" {
		return Default(), nil
	}
	src, _, err := readRegular(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return nil, Diagnostics{{
			Severity: Error, File: path, Summary: "The configuration file cannot be read", Detail: "The system says: " + reason(err) + ".",
		}}
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, Diagnostics{{Severity: Error, File: path, Summary: "The folder of the configuration file cannot be found", Detail: err.Error()}}
	}
	return decode(path, dir, src)
}

// decode reads src; dir is where its relative paths begin.
func decode(path, dir string, src []byte) (*Config, Diagnostics) {
	s, body := parse(path, src, harmless)
	if body == nil {
		return nil, s.found
	}
	c := Default()
	c.Path = path
	d := &decoder{source: s, dir: dir}
	d.config(c, body)
	if s.found.HasErrors() {
		return nil, s.found
	}
	return c, s.found
}

// config reads the top of the file.
func (d *decoder) config(c *Config, body *hclsyntax.Body) {
	var declared, policies []*hclsyntax.Block
	seen := map[string]*hclsyntax.Block{}
	// single reads a block of which there can be one.
	single := func(read func(*decoder, *hclsyntax.Block)) func(*hclsyntax.Block) {
		return func(b *hclsyntax.Block) {
			if first := seen[b.Type]; first != nil {
				d.fail(b.TypeRange, fmt.Sprintf("The block %q is there twice", b.Type), fmt.Sprintf("The first one is on line %d. Put both into one.", first.TypeRange.Start.Line))
				return
			}
			seen[b.Type] = b
			if len(b.Labels) > 0 {
				d.fail(b.LabelRanges[0], fmt.Sprintf("The block %q has no name", b.Type), fmt.Sprintf("Write %s { … }.", b.Type))
			}
			read(d.within(b), b)
		}
	}
	d.body(body, settings{
		"mode":      oneOf(d, &c.Mode, ModeDesktop, ModeServer, ModeProduction),
		"listen":    d.str(&c.Listen, checkListen("listen")),
		"ui_listen": d.str(&c.UIListen, checkListen("ui_listen")),
		"base_url":  d.str(&c.BaseURL, checkBaseURL),
		"sandbox":   d.str(&c.Sandbox, checkSandbox),
		"peers":     oneOf(d, &c.Peers, PeersSameUser, PeersAny),
		"avatars":   d.boolean(&c.Avatars),
	}, blocks{
		"log": single(func(d *decoder, b *hclsyntax.Block) {
			d.body(b.Body, settings{"level": d.level(&c.LogLevel)}, nil)
		}),
		"plugins": single(func(d *decoder, b *hclsyntax.Block) {
			d.body(b.Body, settings{"idle": d.duration(&c.PluginIdle, time.Second, 24*time.Hour)}, nil)
		}),
		"metrics": single(func(d *decoder, b *hclsyntax.Block) {
			d.body(b.Body, settings{"listen": d.str(&c.Metrics, orEmpty(checkListen("listen")))}, nil)
		}),
		"approvals": single(func(d *decoder, b *hclsyntax.Block) {
			d.body(b.Body, settings{"timeout": d.duration(&c.ApprovalTimeout, time.Second, time.Hour)}, nil)
		}),
		"vault": single(func(d *decoder, b *hclsyntax.Block) {
			d.body(b.Body, settings{"inventory": d.boolean(&c.Inventory)}, nil)
		}),
		"lock":   single(func(d *decoder, b *hclsyntax.Block) { d.lock(c, b) }),
		"policy": func(b *hclsyntax.Block) { policies = append(policies, b) },
		"embed": single(func(d *decoder, b *hclsyntax.Block) {
			d.body(b.Body, settings{"origins": d.origins(&c.EmbedOrigins)}, nil)
		}),
		"integration": func(b *hclsyntax.Block) { declared = append(declared, b) },
	})
	if a := body.Attributes["ui_listen"]; a != nil && c.UIListen == c.Listen && !anyPort(c.Listen) {
		d.fail(a.Expr.Range(), "\"ui_listen\" is the same as \"listen\"",
			"The web UI has an address of its own, so that no page of the app API shares its origin. Choose another port.")
	}
	d.integrations(c, declared)
	d.policies(c, policies)
}

// level sets the log level.
func (d *decoder) level(dst *slog.Level) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		name := ""
		oneOf(d, &name, "debug", "info", "warn", "error")(a)
		if name != "" {
			_ = dst.UnmarshalText([]byte(name)) // it is one of those four
		}
	}
}

// integrations reads the integration blocks, once the mode is known.
func (d *decoder) integrations(c *Config, declared []*hclsyntax.Block) {
	first := map[string]int{}
	for _, b := range declared {
		if len(b.Labels) != 1 {
			d.fail(b.TypeRange, "An integration has one name", "Write integration \"github\" { … }.")
			continue
		}
		slug := b.Labels[0]
		if !slugPattern.MatchString(slug) {
			d.fail(b.LabelRanges[0], fmt.Sprintf("%q is no name for an integration", clean(slug)), slugHelp)
			continue
		}
		if line := first[slug]; line > 0 {
			d.fail(b.LabelRanges[0], fmt.Sprintf("There are two integrations %q", slug),
				fmt.Sprintf("The first one is on line %d. Give this one another name and say whose it is:\n  integration \"%s-2\" {\n    provider = %q", line, slug, slug))
			continue
		}
		first[slug] = b.TypeRange.Start.Line
		in := hub.Integration{Slug: slug, Provider: slug, Enabled: true, Credentials: hub.CredentialsOwn, FromFile: true}
		d.within(b).integration(c, &in, b)
		c.Integrations = append(c.Integrations, in)
	}
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/configs"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// provider is a description in the JSON of the protocol, as far as it is shown.
type provider struct {
	Slug, Name, Description string
	DocsURL                 string   `json:"docs_url"`
	ConsoleURL              string   `json:"console_url"`
	SetupSteps              []string `json:"setup_steps"`
	Warnings                []string
	Scopes                  []scope
	Config                  []struct{ Key, Label, Description, Default string }
	SecretRequired          bool `json:"secret_required"`
	PublicDevice            bool `json:"public_device"`
	PKCE                    string
	Redirect                struct {
		Host           string
		AnyPort        bool `json:"any_port"`
		Paste          bool
		LoopbackScopes string `json:"loopback_scopes"`
	}
	Rotation        string
	GraceWindow     string `json:"grace_window"`
	RefreshIdleLife string `json:"refresh_idle_life"`
	RefreshMaxLife  string `json:"refresh_max_life"`
	Revoke          string
	RevokeNote      string `json:"revoke_note"`
	RevokesGrant    bool   `json:"revokes_grant"`
	Sandbox         any
	Capabilities    []string

	plugin string // of a coded one
	note   string // what its package says beyond the first paragraph
	quirks []quirk
}

type scope struct {
	Name, Title, Sensitivity string
	Default, Required        bool
}

func (s scope) asked() string {
	switch {
	case s.Required:
		return "always"
	case s.Default:
		return "by default"
	}
	return ""
}

// coded asks every plugin but oauth2, which knows none by itself.
func coded(root string) ([]provider, error) {
	dirs, err := filepath.Glob(filepath.Join(root, "plugins", "*", "main.go"))
	if err != nil {
		return nil, err
	}
	var out []provider
	for _, main := range dirs {
		dir := filepath.Dir(main)
		if filepath.Base(dir) == "oauth2" {
			continue
		}
		cmd := exec.Command("go", "run", "./plugins/"+filepath.Base(dir), "describe")
		cmd.Dir, cmd.Stderr = root, os.Stderr
		b, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		var described struct{ Providers []provider }
		if err := json.Unmarshal(b, &described); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		note, err := remarks(main)
		if err != nil {
			return nil, err
		}
		quirks, err := quirksOf(filepath.Join(dir, "quirks_test.go"))
		if err != nil {
			return nil, err
		}
		for _, p := range described.Providers {
			p.plugin, p.note, p.quirks = filepath.Base(dir), note, quirks
			out = append(out, p)
		}
	}
	return out, nil
}

// remarks are the paragraphs of a package comment after the first.
func remarks(file string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(f.Doc.Text(), "\n\n")
	return strings.TrimSpace(rest), nil
}

// declared reads the definitions that standpipe brings.
func declared() ([]provider, error) {
	definitions, diags := config.LoadProviders(configs.Providers())
	if err := diags.Err(); err != nil {
		return nil, err
	}
	var out []provider
	for _, raw := range definitions {
		s, err := oauth.ParseDefinition(raw.JSON)
		if err != nil {
			return nil, err
		}
		d := s.Description()
		p := provider{
			Slug: d.Slug, Name: d.Name, Description: d.Description, DocsURL: d.DocsURL, ConsoleURL: d.ConsoleURL, SetupSteps: d.SetupSteps,
			Warnings: d.Warnings, SecretRequired: d.SecretRequired, PublicDevice: d.PublicDevice, PKCE: string(d.PKCE), Rotation: string(d.Rotation),
			GraceWindow: seconds(d.GraceWindow), RefreshIdleLife: seconds(d.RefreshIdleLife), RefreshMaxLife: seconds(d.RefreshMaxLife),
			Revoke: string(d.Revoke), RevokeNote: d.RevokeNote, RevokesGrant: d.RevokesGrant,
		}
		p.Redirect.Host, p.Redirect.AnyPort, p.Redirect.Paste = string(d.Redirect.Host), d.Redirect.AnyPort, d.Redirect.Paste
		if d.Sandbox != nil {
			p.Sandbox = d.Sandbox
		}
		for _, s := range d.Scopes {
			p.Scopes = append(p.Scopes, scope{s.Name, s.Title, string(s.Sensitivity), s.Default, s.Required})
		}
		for _, f := range d.Config {
			p.Config = append(p.Config, struct{ Key, Label, Description, Default string }{f.Key, f.Label, f.Description, f.Default})
		}
		for _, c := range d.Capabilities {
			p.Capabilities = append(p.Capabilities, string(c))
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b provider) int { return strings.Compare(a.Slug, b.Slug) })
	return out, nil
}

func seconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%ds", int64(d/time.Second))
}

func (p *provider) kind() string {
	if p.plugin != "" {
		return "plugin"
	}
	return "declared"
}

func (p *provider) ways() string {
	ways := "browser"
	if p.Redirect.Host == string(sdk.RedirectHTTPS) {
		ways = "browser with an https base URL, else paste"
		if p.Redirect.LoopbackScopes != "" {
			ways = fmt.Sprintf("browser (scopes `%s…` only, or an https base URL), else paste", p.Redirect.LoopbackScopes)
		}
	}
	if slices.Contains(p.Capabilities, string(sdk.CanDevice)) {
		ways += ", code"
	}
	return ways
}

func (p *provider) secret() string {
	switch {
	case p.SecretRequired && p.PublicDevice:
		return "needed, but for a code"
	case p.SecretRequired:
		return "needed"
	}
	return "optional"
}

func (p *provider) redirect() string {
	host := map[string]string{"": "127.0.0.1", "localhost": "localhost", "https": "https"}[p.Redirect.Host]
	if p.Redirect.AnyPort {
		host += ", any port"
	}
	if p.PKCE == string(sdk.PKCENever) {
		host += ", without PKCE"
	}
	return host
}

func (p *provider) renewal() string {
	out := map[string]string{"": "yes", "none": "refresh token stays", "soft": "new refresh token, old one works on", "single_use": "single-use refresh tokens"}[p.Rotation]
	if d := days(p.GraceWindow); d != "" {
		out += ", grace " + d
	}
	if d := days(p.RefreshIdleLife); d != "" {
		out += ", dies unused after " + d
	}
	if d := days(p.RefreshMaxLife); d != "" {
		out += ", dies after " + d
	}
	return out
}

// days puts a duration of the protocol into words.
func days(s string) string {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil || d == 0:
		return ""
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

func (p *provider) revocation() string {
	switch {
	case p.Revoke == "token" && p.RevokesGrant:
		return "the token, or the whole grant"
	case p.Revoke == "token":
		return "the token"
	case p.Revoke == "grant":
		return "the whole grant"
	}
	return "no"
}

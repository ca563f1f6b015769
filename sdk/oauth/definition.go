// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/standpipe/standpipe/sdk"
)

// definition is the JSON of a declared provider: the fields of its descriptor
// and those of Standard side by side.
type definition struct {
	Slug        string   `json:"slug"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Icon        string   `json:"icon"`
	BrandColor  string   `json:"brand_color"`
	Categories  []string `json:"categories"`
	DocsURL     string   `json:"docs_url"`
	ConsoleURL  string   `json:"console_url"`
	SetupSteps  []string `json:"setup_steps"`
	Warnings    []string `json:"warnings"`

	Scopes       []scopeDefinition  `json:"scopes"`
	Config       []configDefinition `json:"config"`
	AllowedHosts []string           `json:"allowed_hosts"`
	APIs         []string           `json:"apis"`
	PictureHosts []string           `json:"picture_hosts"`

	PKCE           sdk.PKCEPolicy     `json:"pkce"`
	SecretRequired bool               `json:"secret_required"`
	PublicDevice   bool               `json:"public_device"`
	PushedRequests bool               `json:"pushed_requests"`
	Redirect       redirectDefinition `json:"redirect"`

	Rotation        sdk.Rotation `json:"rotation"`
	GraceWindow     Duration     `json:"grace_window"`
	RefreshMargin   Duration     `json:"refresh_margin"`
	RefreshIdleLife Duration     `json:"refresh_idle_life"`
	RefreshMaxLife  Duration     `json:"refresh_max_life"`
	Revoke          sdk.Reach    `json:"revoke"`
	RevokeNote      string       `json:"revoke_note"`
	NarrowsScopes   bool         `json:"narrows_scopes"`
	NarrowsAudience bool         `json:"narrows_audience"`

	Remedies map[sdk.Reason]string `json:"remedies"`

	Sandbox map[string]string `json:"sandbox"`

	Standard
}

type scopeDefinition struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Default  bool   `json:"default"`
	Required bool   `json:"required"`

	Sensitivity sdk.Sensitivity `json:"sensitivity"`
}

type configDefinition struct {
	Key         string         `json:"key"`
	Label       string         `json:"label"`
	Description string         `json:"description"`
	Example     string         `json:"example"`
	Pattern     string         `json:"pattern"`
	Default     string         `json:"default"`
	Required    bool           `json:"required"`
	Kind        sdk.FieldKind  `json:"kind"`
	Level       sdk.FieldLevel `json:"level"`
}

type redirectDefinition struct {
	Host    sdk.RedirectHost `json:"host"`
	AnyPort bool             `json:"any_port"`
	AnyPath bool             `json:"any_path"`

	Paste          bool   `json:"paste"`
	LoopbackScopes string `json:"loopback_scopes"`
}

// ParseDefinition reads a declared provider from JSON: the fields of
// sdk.Descriptor and of Standard in one flat object, in snake case. An unknown
// field, a template key that is no config field, and whatever else Validate
// finds is an error.
func ParseDefinition(b []byte) (*Standard, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var d definition
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("provider definition: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("provider definition: something follows the JSON object")
	}
	s := d.Standard
	s.Descriptor = d.descriptor()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &s, nil
}

func (d *definition) descriptor() sdk.Descriptor {
	out := sdk.Descriptor{
		Slug: d.Slug, Name: d.Name, Description: d.Description, Icon: d.Icon,
		BrandColor: d.BrandColor, Categories: d.Categories, Warnings: d.Warnings, Remedies: d.Remedies,
		PublicDevice: d.PublicDevice, PushedRequests: d.PushedRequests, RefreshMaxLife: time.Duration(d.RefreshMaxLife),
		DocsURL: d.DocsURL, ConsoleURL: d.ConsoleURL, SetupSteps: d.SetupSteps,
		AllowedHosts: d.AllowedHosts, APIs: d.APIs, PictureHosts: d.PictureHosts, PKCE: d.PKCE, SecretRequired: d.SecretRequired,
		Redirect: sdk.RedirectRule(d.Redirect), Rotation: d.Rotation,
		GraceWindow:     time.Duration(d.GraceWindow),
		RefreshMargin:   time.Duration(d.RefreshMargin),
		RefreshIdleLife: time.Duration(d.RefreshIdleLife),
		Revoke:          d.Revoke, RevokeNote: d.RevokeNote, NarrowsScopes: d.NarrowsScopes, NarrowsAudience: d.NarrowsAudience, Sandbox: d.Sandbox,
	}
	for _, s := range d.Scopes {
		out.Scopes = append(out.Scopes, sdk.Scope(s))
	}
	for _, c := range d.Config {
		out.Config = append(out.Config, sdk.ConfigField(c))
	}
	return out
}

// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// declarer is a plugin host that serves what is declared to it, but what the
// plugin does not take.
type declarer struct {
	plugins
	definitions [][]byte
	refuses     string
	err         error
}

func (d *declarer) SetDefinitions(_ context.Context, all [][]byte) error {
	d.definitions = all
	return d.err
}

func (d *declarer) Describe(ctx context.Context) ([]hub.Descriptor, error) {
	out, err := d.plugins.Describe(ctx)
	for _, raw := range d.definitions {
		s, err := oauth.ParseDefinition(raw)
		if err != nil {
			return nil, err
		}
		if s.Descriptor.Slug != d.refuses {
			out = append(out, hub.Descriptor{Slug: s.Descriptor.Slug, Name: s.Descriptor.Name, AllowedHosts: s.Description().AllowedHosts, PictureHosts: s.Description().PictureHosts})
		}
	}
	return out, err
}

// TestFileWinsOverCustom: what the user declared is kept while a file of that
// name is there, and can be removed without the set-up, which the file's
// provider goes on with.
func TestFileWinsOverCustom(t *testing.T) {
	ctx, store := context.Background(), memstore.New()
	c, _ := openCustom(t, store)
	if _, err := c.SaveCustom(ctx, acme(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Save(ctx, "acme", own("id", "key")); err != nil {
		t.Fatal(err)
	}
	reopen := func() *catalog.Catalog {
		d := &declarer{}
		return open(t, store, func(cfg *catalog.Config) {
			cfg.Providers, cfg.Declarer = d, d
			cfg.Filed = filed("acme")
			d.definitions = cfg.Filed.Definitions
		})
	}
	c = reopen()
	e, err := c.Get(ctx, "acme")
	if err != nil || !e.Hides || e.Custom || e.Name() != "Filed" || e.Integration.ClientID != "id" {
		t.Fatalf("with a file of its name: %+v, %v", e, err)
	}
	if p, err := c.Custom(ctx, "acme"); err != nil || p.Name != "Acme" {
		t.Errorf("what is hidden: %+v, %v", p, err)
	}
	if _, err := c.SaveCustom(ctx, acme(), false); hub.AsError(err).Code != hub.CodeReadOnly {
		t.Errorf("changing what is hidden: %v", err)
	}
	if err := c.RemoveCustom(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if e, err := c.Get(ctx, "acme"); err != nil || e.Hides || e.Integration.ClientID != "id" {
			t.Errorf("after the removal: %+v, %v", e, err)
		}
		c = reopen()
	}
}

// filed are providers that are declared in files of their names.
func filed(slugs ...string) catalog.Filed {
	out := catalog.Filed{Files: map[string][]string{}}
	for _, slug := range slugs {
		out.Definitions = append(out.Definitions, []byte(`{"slug":"`+slug+`","name":"Filed","authorize_url":"https://f.test/a","token_url":"https://f.test/t"}`))
		out.Files[slug] = []string{"/etc/standpipe/providers/" + slug + ".hcl"}
	}
	return out
}

// TestRedeclare: a file that comes wins, one that goes gives back what it hid, and
// where the plugin takes nothing, everything stays as it was.
func TestRedeclare(t *testing.T) {
	ctx := context.Background()
	c, d := openCustom(t, memstore.New())
	if _, err := c.SaveCustom(ctx, acme(), true); err != nil {
		t.Fatal(err)
	}
	name := func(slug string) string {
		e, err := c.Get(ctx, slug)
		if err != nil {
			return string(hub.AsError(err).Code)
		}
		return e.Name()
	}
	if err := c.Redeclare(ctx, filed("acme", "more")); err != nil {
		t.Fatal(err)
	}
	if name("acme") != "Filed" || name("more") != "Filed" || name("filed") != string(hub.CodeNotFound) {
		t.Errorf("with other files: %s, %s, %s", name("acme"), name("more"), name("filed"))
	}
	d.err = errors.New("no")
	if err := c.Redeclare(ctx, filed()); err == nil || name("more") != "Filed" || len(d.definitions) != 2 {
		t.Errorf("the plugin refuses: %v, %d definitions", err, len(d.definitions))
	}
	d.err = nil
	if err := c.Redeclare(ctx, filed()); err != nil || name("acme") != "Acme" || name("more") != string(hub.CodeNotFound) {
		t.Errorf("without files: %v, %s, %s", err, name("acme"), name("more"))
	}
}

func openCustom(t *testing.T, store hub.Store) (*catalog.Catalog, *declarer) {
	t.Helper()
	d := &declarer{}
	c := open(t, store, func(cfg *catalog.Config) {
		cfg.Providers, cfg.Declarer = d, d
		cfg.Filed = filed("filed")
	})
	return c, d
}

func acme() hub.Custom {
	return hub.Custom{
		Slug: "acme", Name: "Acme", AuthorizeURL: "https://login.acme.test/authorize", TokenURL: "https://api.acme.test/token",
		Scopes:   []hub.CustomScope{{Name: "read", Title: "Read things"}, {Name: "write"}},
		Identity: hub.CustomIdentity{URL: "https://api.acme.test/me", Subject: "data.id", Login: "data.login"},
	}
}

func TestCustomProviderLives(t *testing.T) {
	ctx, store := context.Background(), memstore.New()
	c, _ := openCustom(t, store)
	e, err := c.SaveCustom(ctx, acme(), true)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Custom || e.Files != nil || e.RedirectURI != "http://127.0.0.1:4780/callback/acme" || e.Problem.Code != hub.CodeIntegrationNotConfigured {
		t.Errorf("declared: %+v, %v", e, e.Problem)
	}
	if want := []string{"api.acme.test:443", "login.acme.test:443"}; !slices.Equal(e.Descriptor.AllowedHosts, want) {
		t.Errorf("hosts %v, want %v", e.Descriptor.AllowedHosts, want)
	}
	if e.Descriptor.PictureHosts != nil {
		t.Errorf("pictures at %v", e.Descriptor.PictureHosts)
	}
	if _, err := c.Save(ctx, "acme", own("id", "key")); err != nil {
		t.Fatal(err)
	}

	// It outlives a restart, with its set-up, and can be changed.
	c, d := openCustom(t, store)
	changed := acme()
	changed.Name, changed.PrivateNetwork = "Acme 2", true
	changed.Identity.Picture, changed.PictureHosts = "data.avatar", []string{"images.acme.test", "*.Cdn.acme.test:8443"}
	if e, err = c.SaveCustom(ctx, changed, false); err != nil || e.Name() != "Acme 2" || e.Integration.ClientID != "id" {
		t.Fatalf("changed: %+v, %v", e, err)
	}
	if want := []string{"*.cdn.acme.test:8443", "images.acme.test:443"}; !slices.Equal(e.Descriptor.PictureHosts, want) {
		t.Errorf("pictures at %v, want %v", e.Descriptor.PictureHosts, want)
	}
	if last := string(d.definitions[len(d.definitions)-1]); !strings.Contains(last, `"picture":"data.avatar"`) {
		t.Errorf("told the plugin: %s", last)
	}
	r, err := c.Resolve(ctx, "acme", nil)
	if err != nil || !r.Target.PrivateNetwork || r.Target.Draft != nil {
		t.Errorf("resolved: %+v, %v", r, err)
	}
	stored, err := c.Custom(ctx, "acme")
	if err != nil || stored.Name != "Acme 2" || stored.CreatedAt.IsZero() || !stored.UpdatedAt.After(stored.CreatedAt) {
		t.Errorf("read back: %+v, %v", stored, err)
	}

	// It goes with its set-up: another one of that name begins from nothing.
	if err := c.RemoveCustom(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	if len(d.definitions) != 1 {
		t.Errorf("%d definitions are left", len(d.definitions))
	}
	c, _ = openCustom(t, store)
	if _, err := c.Get(ctx, "acme"); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("after the removal: %v", err)
	}
	if e, err := c.SaveCustom(ctx, acme(), true); err != nil || e.Integration.ClientID != "" {
		t.Errorf("again: %+v, %v", e.Integration, err)
	}
}

// TestCustomProviderThatIsRefused: what the plugin does not take leaves nothing
// behind.
func TestCustomProviderThatIsRefused(t *testing.T) {
	ctx, store := context.Background(), memstore.New()
	c, d := openCustom(t, store)
	d.refuses = "acme"
	if _, err := c.SaveCustom(ctx, acme(), true); hub.AsError(err).Code != hub.CodePluginUnavailable {
		t.Errorf("refused: %v", err)
	}
	if len(d.definitions) != 1 {
		t.Errorf("the plugin still has %d definitions", len(d.definitions))
	}
	d.refuses = ""
	broken := errors.New("broken")
	d.err = broken
	if _, err := c.SaveCustom(ctx, acme(), true); !errors.Is(err, broken) {
		t.Errorf("a broken host: %v", err)
	}
	d.err = nil
	if _, err := c.Custom(ctx, "acme"); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("it is there: %v", err)
	}
	if c, _ := openCustom(t, store); len(c.List(ctx)) != 5 {
		t.Errorf("after a restart: %d entries", len(c.List(ctx)))
	}
}

func TestCustomProvidersKeepToTheirNames(t *testing.T) {
	ctx := context.Background()
	c, _ := openCustom(t, memstore.New())
	for _, slug := range []string{"git", "filed"} {
		p := acme()
		p.Slug = slug
		if _, err := c.SaveCustom(ctx, p, true); hub.AsError(err).Code != hub.CodeConflict || hub.AsError(err).Field != "slug" {
			t.Errorf("a second %s: %v", slug, err)
		}
	}
	filed := acme()
	filed.Slug = "filed"
	if _, err := c.SaveCustom(ctx, filed, false); hub.AsError(err).Code != hub.CodeReadOnly || !strings.Contains(err.Error(), "filed.hcl") {
		t.Errorf("the page changes what a file declares: %v", err)
	}
	if err := c.RemoveCustom(ctx, "filed"); hub.AsError(err).Code != hub.CodeReadOnly {
		t.Errorf("the page removes what a file declares: %v", err)
	}
	if _, err := c.SaveCustom(ctx, acme(), false); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("a change of nothing: %v", err)
	}
}

func TestCustomProviderFields(t *testing.T) {
	ctx := context.Background()
	c, _ := openCustom(t, memstore.New())
	for name, test := range map[string]struct {
		change func(*hub.Custom)
		field  string
		later  bool // a preview does not depend on it
	}{
		"short name":              {func(p *hub.Custom) { p.Slug = "Acme!" }, "slug", false},
		"no name":                 {func(p *hub.Custom) { p.Name = " " }, "name", true},
		"no authorization URL":    {func(p *hub.Custom) { p.AuthorizeURL = "" }, "authorize_url", false},
		"no token URL":            {func(p *hub.Custom) { p.TokenURL = "" }, "token_url", true},
		"no TLS":                  {func(p *hub.Custom) { p.TokenURL = "http://api.acme.test/token" }, "token_url", false},
		"no URL":                  {func(p *hub.Custom) { p.TokenURL = "api.acme.test/token" }, "token_url", false},
		"another scheme":          {func(p *hub.Custom) { p.AuthorizeURL = "javascript://acme.test/%0aalert(1)" }, "authorize_url", false},
		"a user in the URL":       {func(p *hub.Custom) { p.RevokeURL = "https://u:p@acme.test/" }, "revoke_url", false},
		"a template":              {func(p *hub.Custom) { p.TokenURL = "https://{client_id}.acme.test/" }, "token_url", false},
		"a parameter of ours":     {func(p *hub.Custom) { p.AuthorizeParams = map[string]string{"state": "x"} }, "authorize_params", false},
		"a template in a value":   {func(p *hub.Custom) { p.TokenParams = map[string]string{"audience": "{client_id}"} }, "token_params", false},
		"no identity":             {func(p *hub.Custom) { p.Identity = hub.CustomIdentity{} }, "identity.url", true},
		"no subject":              {func(p *hub.Custom) { p.Identity.Subject = "" }, "identity.subject", true},
		"no path":                 {func(p *hub.Custom) { p.Identity.Login = "$.login" }, "identity.login", true},
		"a scope with a blank":    {func(p *hub.Custom) { p.Scopes[0].Name = "read all" }, "scopes", false},
		"a scope twice":           {func(p *hub.Custom) { p.Scopes[1].Name = "read" }, "scopes", false},
		"an issuer without scope": {func(p *hub.Custom) { p.Issuer, p.Identity = "https://id.acme.test", hub.CustomIdentity{} }, "scopes", true},
		"a picture's address":     {func(p *hub.Custom) { p.Identity.Picture = "https://images.acme.test/{id}" }, "identity.picture", true},
		"a picture's URL as host": {func(p *hub.Custom) { p.PictureHosts = []string{"https://images.acme.test"} }, "picture_hosts", true},
		"pictures of anybody":     {func(p *hub.Custom) { p.PictureHosts = []string{"*.test"} }, "picture_hosts", true},
		"client authentication":   {func(p *hub.Custom) { p.ClientAuth = "guess" }, "", false},
	} {
		p := acme()
		p.Scopes = slices.Clone(p.Scopes)
		test.change(&p)
		for what, do := range map[string]func() error{
			"save":    func() error { _, err := c.SaveCustom(ctx, p, true); return err },
			"preview": func() error { _, err := c.DraftCustom(ctx, p); return err },
		} {
			if err := do(); what == "preview" && test.later {
				if err != nil {
					t.Errorf("%s: no preview: %v", name, err)
				}
			} else if e := hub.AsError(err); e == nil || e.Code != hub.CodeInvalid || e.Field != test.field {
				t.Errorf("%s: %s: %v, want a complaint about %q", name, what, e, test.field)
			}
		}
	}
}

func TestCustomProviderDraft(t *testing.T) {
	p := acme()
	p.Issuer, p.AuthorizeURL, p.TokenURL = "https://id.acme.test", "", ""
	p.Scopes = append(p.Scopes, hub.CustomScope{Name: "openid"})
	p.Hosts = []string{"keys.acme.test:443"}
	p.RedirectHost, p.NoPKCE, p.ScopeSeparator = hub.RedirectHTTPS, true, ","
	c, d := openCustom(t, memstore.New())
	r, err := c.DraftCustom(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"api.acme.test:443", "id.acme.test:443", "keys.acme.test:443"}; !slices.Equal(r.Target.AllowedHosts, want) {
		t.Errorf("hosts %v", r.Target.AllowedHosts)
	}
	if r.RedirectURI != "https://localhost/callback/acme" || !r.Paste || !r.Descriptor.NoPKCE || !slices.Equal(r.Scopes, []string{"read", "write", "openid"}) {
		t.Errorf("%+v", r)
	}
	var raw map[string]any
	if err := json.Unmarshal(r.Target.Draft, &raw); err != nil || raw["pkce"] != "never" || raw["scope_separator"] != "," {
		t.Errorf("definition %s, %v", r.Target.Draft, err)
	}
	if len(d.definitions) != 1 {
		t.Error("a draft was declared")
	}
}

// TestTrySavesNothing: the test button sees what the form holds.
func TestTrySavesNothing(t *testing.T) {
	ctx := context.Background()
	c, _ := openCustom(t, memstore.New())
	r, err := c.Try(ctx, "git", own("typed", "key"))
	if err != nil || r.Target.ClientID != "typed" || r.Target.ClientSecret.Reveal() != "key" {
		t.Fatalf("%+v, %v", r, err)
	}
	if e, err := c.Get(ctx, "git"); err != nil || e.Configured {
		t.Errorf("it was saved: %+v, %v", e.Integration, err)
	}
	if _, err := c.Try(ctx, "git", hub.IntegrationChange{}); hub.AsError(err).Code != hub.CodeInvalid {
		t.Errorf("nothing to try: %v", err)
	}
}

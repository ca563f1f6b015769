// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

// plugins describes two providers: one that is played by the sandbox, and one
// that takes https redirects only.
type plugins struct {
	hub.Providers
	err error
}

func (p plugins) Describe(context.Context) ([]hub.Descriptor, error) {
	return []hub.Descriptor{
		{
			Slug: "git", Name: "Git", SecretRequired: true, AllowedHosts: []string{"git.test:443"},
			Sandbox: map[string]string{"base_url": "{sandbox}/git"},
			Scopes:  []hub.Scope{{Name: "read", Default: true}, {Name: "id", Required: true}, {Name: "write"}},
			Config:  []hub.ConfigField{{Key: "base_url", Label: "Address", Default: "https://git.test", URL: true}},
		},
		{Slug: "web", Name: "Web", Redirect: hub.RedirectRule{Host: hub.RedirectHTTPS}},
		{Slug: "local", Name: "Local", Redirect: hub.RedirectRule{Host: hub.RedirectLocalhost}},
		{
			Slug: "chat", Name: "Chat", Redirect: hub.RedirectRule{Host: hub.RedirectHTTPS, Paste: true, LoopbackScopes: "user:"},
			Scopes: []hub.Scope{{Name: "user:read", Default: true}, {Name: "bot"}}, Sandbox: map[string]string{},
			SecretRequired: true, PublicDevice: true, Capabilities: []hub.Capability{hub.CanDevice},
		},
	}, p.err
}

func open(t *testing.T, store hub.Store, change func(*catalog.Config)) *catalog.Catalog {
	t.Helper()
	n := 0
	cfg := catalog.Config{
		Declarer: &declarer{}, Write: func(definition []byte, _ ...string) ([]byte, error) { return definition, nil },
		Store: store, Providers: plugins{}, Publisher: events.New(), Now: time.Now, Listen: "127.0.0.1:4780", Sandbox: "http://127.0.0.1:4790/",
		NewID:         func(p string) string { n++; return p + "_" + string(rune('a'+n)) },
		SandboxClient: catalog.Client{ID: "sandbox-id", Secret: secret.New("sandbox-secret")},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := catalog.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c
}

func ptr[T any](v T) *T { return &v }

func own(id, key string) hub.IntegrationChange {
	return hub.IntegrationChange{Credentials: ptr(hub.CredentialsOwn), ClientID: &id, ClientSecret: ptr(secret.New(key))}
}

func TestSavedIntegrationsOutliveARestart(t *testing.T) {
	ctx, store := context.Background(), memstore.New()
	c := open(t, store, nil)
	if e, err := c.Get(ctx, "git"); err != nil || e.Configured || e.Problem == nil || e.Problem.Code != hub.CodeIntegrationNotConfigured {
		t.Fatalf("before: %+v, %v", e, err)
	}
	change := own("id-1", "secret-1")
	change.Scopes = []string{} // nothing but what is required
	saved, err := c.Save(ctx, "git", change)
	if err != nil {
		t.Fatal(err)
	}
	c = open(t, store, nil)
	r, err := c.Resolve(ctx, "git", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Integration.ID != saved.Integration.ID || r.Target.ClientID != "id-1" || r.Target.ClientSecret.Reveal() != "secret-1" {
		t.Errorf("after a restart: %+v", r.Integration)
	}
	if !slices.Equal(r.Scopes, []string{"id"}) {
		t.Errorf("scopes %v, want the required one only", r.Scopes)
	}
	if !slices.Equal(r.Target.AllowedHosts, []string{"git.test:443"}) || r.Target.PrivateNetwork {
		t.Errorf("target %+v", r.Target)
	}
	if r.RedirectURI != "http://127.0.0.1:4780/callback/git" {
		t.Errorf("redirect URI %s", r.RedirectURI)
	}
}

func TestSandbox(t *testing.T) {
	ctx := context.Background()
	change := hub.IntegrationChange{Credentials: ptr(hub.CredentialsSandbox)}
	c := open(t, memstore.New(), nil)
	if _, err := c.Save(ctx, "git", change); err != nil {
		t.Fatal(err)
	}
	r, err := c.Resolve(ctx, "git", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Target.ClientID != "sandbox-id" || r.Target.Config["base_url"] != "http://127.0.0.1:4790/git" || !r.Target.PrivateNetwork ||
		!slices.Contains(r.Target.AllowedHosts, "127.0.0.1:4790") {
		t.Errorf("target %+v", r.Target)
	}
	if _, err := c.Save(ctx, "web", change); err == nil {
		t.Error("the sandbox plays what it does not play")
	}
	production := open(t, memstore.New(), func(cfg *catalog.Config) { cfg.Sandbox = "" })
	if _, err := production.Save(ctx, "git", change); err == nil {
		t.Error("production mode takes sandbox credentials")
	}
}

func TestFileWinsAndIsReadOnly(t *testing.T) {
	ctx, store := context.Background(), memstore.New()
	saved, err := open(t, store, nil).Save(ctx, "git", own("from-ui", "x"))
	if err != nil {
		t.Fatal(err)
	}
	file := hub.Integration{Slug: "git", Provider: "git", Enabled: true, Credentials: hub.CredentialsOwn, ClientID: "from-file", ClientSecret: secret.New("y")}
	c := open(t, store, func(cfg *catalog.Config) { cfg.File = []hub.Integration{file} })
	e, err := c.Get(ctx, "git")
	if err != nil || e.Integration.ClientID != "from-file" || !e.Integration.FromFile || e.Integration.ID != saved.Integration.ID {
		t.Errorf("with the file: %+v, %v", e.Integration, err)
	}
	if _, err := c.Save(ctx, "git", own("again", "x")); hub.AsError(err).Code != hub.CodeReadOnly {
		t.Errorf("the page changed what the file says: %v", err)
	}

	// An integration that leaves the file is switched off, and keeps its id.
	fresh := memstore.New()
	file.Slug = "git-work"
	first, err := open(t, fresh, func(cfg *catalog.Config) { cfg.File = []hub.Integration{file} }).Get(ctx, "git-work")
	if err != nil || first.RedirectURI != "http://127.0.0.1:4780/callback/git/git-work" {
		t.Fatalf("%+v, %v", first, err)
	}
	later, err := open(t, fresh, nil).Get(ctx, "git-work")
	if err != nil || later.Integration.Enabled || later.Integration.ID != first.Integration.ID || !later.Integration.ClientSecret.IsZero() {
		t.Errorf("after it left the file: %+v, %v", later.Integration, err)
	}
}

func TestAnotherClientMeansReauthorize(t *testing.T) {
	ctx := context.Background()
	c := open(t, memstore.New(), nil)
	if _, err := c.Save(ctx, "git", own("old", "x")); err != nil {
		t.Fatal(err)
	}
	conn := &hub.Connection{Integration: "git", Provider: "git", ClientID: "old"}
	if _, err := c.ResolveFor(ctx, conn); err != nil {
		t.Fatal(err)
	}
	// A new secret of the same client changes nothing; neither does switching
	// the integration off.
	if _, err := c.Save(ctx, "git", hub.IntegrationChange{ClientSecret: ptr(secret.New("y")), Enabled: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	if r, err := c.ResolveFor(ctx, conn); err != nil || r.Target.ClientSecret.Reveal() != "y" {
		t.Errorf("with a new secret: %+v, %v", r, err)
	}
	if _, err := c.Save(ctx, "git", hub.IntegrationChange{ClientID: ptr("new")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ResolveFor(ctx, conn); hub.AsError(err).Code != hub.CodeNeedsReauthorization || hub.AsError(err).Reason != hub.ReasonClientInvalid {
		t.Errorf("with another client: %v", err)
	}
}

func TestRedirectRules(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct{ slug, base, want string }{
		{"git", "", "http://127.0.0.1:4780/callback/git"},
		{"local", "", "http://localhost:4780/callback/local"},
		{"git", "https://hub.example.com", "https://hub.example.com/callback/git"},
	} {
		c := open(t, memstore.New(), func(cfg *catalog.Config) { cfg.BaseURL = test.base })
		if e, err := c.Get(ctx, test.slug); err != nil || e.RedirectURI != test.want {
			t.Errorf("%s behind %q: %s, %v; want %s", test.slug, test.base, e.RedirectURI, err, test.want)
		}
	}
	c := open(t, memstore.New(), nil)
	if _, err := c.Save(ctx, "web", own("id", "x")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resolve(ctx, "web", nil); hub.AsError(err).Code != hub.CodeIntegrationNotConfigured {
		t.Errorf("an https-only provider on loopback: %v", err)
	}
}

// TestHTTPSRedirects: a provider that wants https gets the base URL, or an
// address that is carried over by hand; on loopback only what it allows there.
func TestHTTPSRedirects(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		scopes     []string
		base, want string
		ways       string
	}{
		{nil, "", "http://localhost:4780/callback/chat", "browser paste device"},
		{[]string{"user:read", "bot"}, "", "https://localhost/callback/chat", "paste device"},
		{[]string{}, "", "https://localhost/callback/chat", "paste device"},
		{[]string{"user:read", "bot"}, "https://hub.example.com", "https://hub.example.com/callback/chat", "browser paste device"},
	} {
		c := open(t, memstore.New(), func(cfg *catalog.Config) { cfg.BaseURL = test.base })
		change := own("id", "secret-of-the-client")
		change.Scopes = test.scopes
		e, err := c.Save(ctx, "chat", change)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Trim(fmt.Sprint(e.Ways()), "[]"); e.RedirectURI != test.want || got != test.ways {
			t.Errorf("%q behind %q: %s by %s, want %s by %s", test.scopes, test.base, e.RedirectURI, got, test.want, test.ways)
		}
		if r, err := c.Resolve(ctx, "chat", nil); err != nil || r.Paste != e.Paste {
			t.Errorf("resolved: %+v, %v", r, err)
		}
	}
}

// TestPublicCredentials: a client without a secret, of the user's or of the
// build, connects where the provider lets it, and takes no secret along.
func TestPublicCredentials(t *testing.T) {
	ctx := context.Background()
	c := open(t, memstore.New(), nil)
	public := hub.IntegrationChange{Credentials: ptr(hub.CredentialsPublic)}
	if _, err := c.Save(ctx, "git", public); hub.AsError(err).Field != "credentials" {
		t.Errorf("a provider that needs a secret: %v", err)
	}
	if _, err := c.Save(ctx, "chat", public); hub.AsError(err).Field != "client_id" {
		t.Errorf("without a client id: %v", err)
	}
	if _, err := c.Save(ctx, "chat", own("old-id", "secret-of-the-client")); err != nil {
		t.Fatal(err)
	}
	public.ClientID = ptr("public-id")
	e, err := c.Save(ctx, "chat", public)
	if err != nil {
		t.Fatal(err)
	}
	if ways := e.Ways(); len(ways) != 1 || ways[0] != hub.FlowDevice {
		t.Errorf("ways %q", ways)
	}
	r, err := c.Resolve(ctx, "chat", nil)
	if err != nil || r.Target.ClientID != "public-id" || !r.Target.ClientSecret.IsZero() {
		t.Errorf("target %+v, %v", r, err)
	}
}

func TestPluginsThatCannotBeAsked(t *testing.T) {
	for _, broken := range []error{
		errors.New("no plugins"),
		&hub.ProviderError{Class: hub.ProviderTemporary, Message: "not in time"}, // as where the machine is busy
	} {
		cfg := catalog.Config{Declarer: &declarer{}, Store: memstore.New(), Providers: plugins{err: broken}, Publisher: events.New(), Now: time.Now, NewID: func(p string) string { return p }}
		c, err := catalog.New(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Resolve(context.Background(), "git", nil)
		if !errors.Is(err, broken) {
			t.Errorf("resolve: %v", err)
		}
		if _, late := errors.AsType[*hub.ProviderError](broken); late && hub.AsError(err).Code != hub.CodePluginUnavailable {
			t.Errorf("of plugins that were late the caller learns %+v", hub.AsError(err))
		}
		if _, err := c.Get(context.Background(), "git"); hub.AsError(err).Code != hub.CodeNotFound {
			t.Errorf("get: %v", err)
		}
	}
}

// slowPlugins take a while to say what they serve.
type slowPlugins struct {
	plugins
	takes time.Duration
}

func (p slowPlugins) Describe(ctx context.Context) ([]hub.Descriptor, error) {
	time.Sleep(p.takes)
	return p.plugins.Describe(ctx)
}

// TestFirstLook: a hub that has just started says what it serves, and not that it
// serves nothing; an integration, whose tokens need no plugin, is there at once.
func TestFirstLook(t *testing.T) {
	for name, tt := range map[string]struct {
		begins, takes, waits time.Duration
		listed               int
	}{
		"slow plugins":          {0, time.Second, time.Second, 4},
		"hung plugins":          {0, time.Hour, 3 * time.Second, 1},
		"not asked at the time": {time.Second, time.Second, 2 * time.Second, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := catalog.New(t.Context(), catalog.Config{
					Declarer: &declarer{}, Store: memstore.New(), Providers: slowPlugins{takes: tt.takes}, Publisher: events.New(), Now: time.Now,
					NewID: func(p string) string { return p }, File: []hub.Integration{{Slug: "git", Provider: "git", Enabled: true}},
				})
				if err != nil {
					t.Fatal(err)
				}
				c.Expect()
				done, begin := make(chan error), time.Now()
				go func() {
					time.Sleep(tt.begins)
					done <- c.Refresh(context.Background())
				}()
				if _, err := c.Get(t.Context(), "git"); err != nil || time.Since(begin) != 0 {
					t.Errorf("the integration: %v after %v", err, time.Since(begin))
				}
				if list := c.List(t.Context()); len(list) != tt.listed || time.Since(begin) != tt.waits {
					t.Errorf("%d are listed after %v", len(list), time.Since(begin))
				}
				if _, err := c.Get(t.Context(), "web"); (err == nil) != (tt.listed > 1) {
					t.Errorf("another provider: %v", err)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				if list := c.List(t.Context()); len(list) != 4 {
					t.Errorf("%d are listed in the end", len(list))
				}
			})
		})
	}
}

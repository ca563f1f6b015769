// SPDX-License-Identifier: Apache-2.0

// Package catalog knows the integrations: what the plugins describe, put
// together with what the configuration file declares and what the user entered.
// It resolves an integration into the target of a provider call.
package catalog

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Config is what a Catalog needs. All fields but BaseURL, Sandbox and Filed
// must be set.
type Config struct {
	Store     hub.Store
	Providers hub.Providers
	Publisher hub.Publisher
	Now       func() time.Time
	NewID     func(prefix string) string
	// File holds the integrations of the configuration file; they win over
	// the store and are read-only.
	File []hub.Integration
	// Listen is the host:port of the app API, for redirect URIs.
	Listen string
	// BaseURL is the https origin under which the app API is reached from
	// outside; empty on a desktop.
	BaseURL string
	// Sandbox is the base URL of the local sandbox; empty refuses sandbox
	// credentials, as production mode does.
	Sandbox       string
	SandboxClient Client
	// Declarer makes the providers known that the user declares.
	Declarer Declarer
	// Filed are the providers that files declare, at first; see Redeclare.
	Filed Filed
	// Write makes a file of the definition of a provider, with comments above.
	Write func(definition []byte, comment ...string) ([]byte, error)
}

// Client is an OAuth client registration.
type Client struct {
	ID     string
	Secret secret.Value
}

// Catalog is safe for concurrent use.
type Catalog struct {
	cfg Config

	declaring sync.Mutex // one change of what is declared at a time

	asking   sync.Once     // the plugins for the first time
	asked    chan struct{} // that has ended, however
	expected atomic.Bool   // see Expect

	mu           sync.RWMutex
	filed        Filed // changed by Redeclare only
	custom       map[string]custom
	descriptors  map[string]*hub.Descriptor
	order        []string // slugs in the order to show
	integrations map[string]stored
	damaged      damage
}

// stored is an integration with the generation of its record; 0 for one that
// is not in the store.
type stored struct {
	hub.Integration
	generation uint64
}

// New loads the integrations. What is damaged is passed over, see Damaged. It
// starts no plugin; Refresh does.
func New(ctx context.Context, cfg Config) (*Catalog, error) {
	c := &Catalog{
		cfg: cfg, filed: cfg.Filed, descriptors: map[string]*hub.Descriptor{}, integrations: map[string]stored{}, custom: map[string]custom{},
		asked: make(chan struct{}), damaged: newDamage(),
	}
	if err := c.loadCustom(ctx); err != nil {
		return nil, err
	}
	for rec, err := range cfg.Store.List(ctx, hub.KindIntegration) {
		var in hub.Integration
		if err == nil {
			in, err = decode(rec)
		}
		if c.damaged.note(hub.KindIntegration, err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c.integrations[in.Slug] = stored{in, rec.Generation}
	}
	for _, in := range cfg.File {
		// An integration of the file keeps the id and the birthday that it
		// had in the store, if it was there before.
		old, ok := c.integrations[in.Slug]
		if ok {
			in.ID, in.CreatedAt = old.ID, old.CreatedAt
		} else {
			in.ID, in.CreatedAt = cfg.NewID("data_integration"), cfg.Now()
			if err := c.keepIdentity(ctx, in); err != nil {
				return nil, err
			}
		}
		in.FromFile = true
		in.UpdatedAt = in.CreatedAt
		c.integrations[in.Slug] = stored{Integration: in}
	}
	return c, nil
}

// keepIdentity stores the id of an integration that lives in the file, without
// its secret, so that the id outlives a restart. One that is damaged is made anew:
// all the rest of it is in the file.
func (c *Catalog) keepIdentity(ctx context.Context, in hub.Integration) error {
	in.ClientSecret = secret.Value{}
	in.Enabled = false
	c.probe(ctx, hub.Ref{Kind: hub.KindIntegration, ID: in.Slug})
	if _, err := c.write(ctx, in, 0); err != nil {
		return err
	}
	c.damaged.mended(hub.KindIntegration, in.Slug)
	return nil
}

// firstPatience is how long a look at a hub that has just started waits for its
// plugins to say what they serve.
const firstPatience = 3 * time.Second

// Expect says that a first Refresh will come: who looks before it has ended waits
// for it.
func (c *Catalog) Expect() { c.expected.Store(true) }

// settle waits for the first Refresh, if that is expected: a list without the
// plugins' providers would be wrong.
func (c *Catalog) settle(ctx context.Context) {
	if !c.expected.Load() {
		return
	}
	select {
	case <-c.asked:
		return
	default:
	}
	patience := time.NewTimer(firstPatience)
	defer patience.Stop()
	select {
	case <-c.asked:
	case <-patience.C:
	case <-ctx.Done():
	}
}

// Refresh asks the plugins again what they serve.
func (c *Catalog) Refresh(ctx context.Context) error {
	c.Expect()
	told := func() { c.asking.Do(func() { close(c.asked) }) }
	defer told()
	list, err := c.cfg.Providers.Describe(ctx)
	if err != nil {
		return err
	}
	byslug := make(map[string]*hub.Descriptor, len(list))
	order := make([]string, 0, len(list))
	for i := range list {
		byslug[list[i].Slug] = &list[i]
		order = append(order, list[i].Slug)
	}
	c.mu.Lock()
	c.descriptors, c.order = byslug, order
	c.mu.Unlock()
	c.search(ctx)
	told()
	c.cfg.Publisher.Publish(hub.Event{Type: hub.EventIntegration, Time: c.cfg.Now()})
	return nil
}

// List returns every integration, and every provider that has none. For some
// seconds after the start it waits for the plugins.
func (c *Catalog) List(ctx context.Context) []hub.Entry {
	c.settle(ctx)
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []hub.Entry
	used := map[string]bool{}
	for _, slug := range c.order {
		out = append(out, c.entry(slug))
		used[slug] = true
	}
	rest := make([]string, 0, len(c.integrations))
	for slug := range c.integrations {
		if !used[slug] {
			rest = append(rest, slug)
		}
	}
	slices.Sort(rest)
	for _, slug := range rest {
		out = append(out, c.entry(slug))
	}
	return out
}

// Get returns one, or CodeNotFound where neither an integration nor a provider
// has that slug. It waits as List does for what is not known yet; for an
// integration, whose tokens need no plugin, it does not.
func (c *Catalog) Get(ctx context.Context, slug string) (hub.Entry, error) {
	if !c.has(slug) {
		c.settle(ctx)
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.hasLocked(slug) {
		return hub.Entry{}, hub.Errorf(hub.CodeNotFound, "there is no integration and no provider %q", slug).
			WithRemedy("`standpipe providers` lists what there is.")
	}
	return c.entry(slug), nil
}

func (c *Catalog) has(slug string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.hasLocked(slug)
}

// hasLocked needs c.mu held.
func (c *Catalog) hasLocked(slug string) bool {
	_, isIntegration := c.integrations[slug]
	_, isProvider := c.descriptors[slug]
	return isIntegration || isProvider
}

// entry needs c.mu held.
func (c *Catalog) entry(slug string) hub.Entry {
	in, configured := c.integrations[slug]
	if !configured {
		in.Integration = hub.Integration{Slug: slug, Provider: slug, Enabled: true}
	}
	e := hub.Entry{
		Integration: in.Integration, Configured: configured && in.Credentials != "", Descriptor: c.descriptors[in.Provider],
		Files: c.filed.Files[in.Provider],
	}
	_, known := c.custom[in.Provider]
	e.Custom, e.Hides = known && e.Files == nil, known && e.Files != nil
	if lost := c.damaged.of(hub.KindProvider, in.Provider); lost != nil && e.Descriptor == nil {
		e.Problem = lost
		return e
	}
	if e.Descriptor == nil {
		e.Problem = hub.Errorf(hub.CodePluginUnavailable, "no working plugin serves the provider %q", in.Provider).
			WithRemedy("`standpipe providers` shows which plugins were found, and why one was refused.")
		return e
	}
	e.RedirectURI, e.Paste = c.redirect(&in.Integration, e.Descriptor)
	e.Problem = c.problem(&e)
	return e
}

func (c *Catalog) problem(e *hub.Entry) *hub.Error {
	in, d := &e.Integration, e.Descriptor
	damaged := c.damaged.of(hub.KindIntegration, in.Slug)
	switch {
	case !e.Configured && damaged != nil:
		return damaged
	case !e.Configured:
		return hub.Errorf(hub.CodeIntegrationNotConfigured, "%s is not set up yet: it has no client credentials", d.Name).
			WithRemedy("Set it up in the window, or with `standpipe integrations set %s`.", in.Slug)
	case in.SecretLost:
		return hub.Errorf(hub.CodeIntegrationNotConfigured, "the client secret of %s was lost with the keys of the store", d.Name).
			WithRemedy("Enter it again in the window, or with `standpipe integrations set %s --client-secret-file FILE`.", in.Slug)
	case !in.Enabled:
		return hub.Errorf(hub.CodeIntegrationDisabled, "the integration %q is switched off", in.Slug).
			WithRemedy("Switch it on in its settings.")
	case in.Credentials == hub.CredentialsSandbox && c.cfg.Sandbox == "":
		return hub.Errorf(hub.CodeIntegrationNotConfigured, "the sandbox is refused in production mode").
			WithRemedy("Give the integration a client id and secret of its own.")
	case e.Paste && !d.Redirect.Paste && in.Credentials != hub.CredentialsSandbox:
		return hub.Errorf(hub.CodeIntegrationNotConfigured, "%s accepts only https redirect URIs, and this hub has no https base URL", d.Name).
			WithRemedy("Set base_url in the configuration file.")
	}
	return nil
}

// redirect is where the provider sends the browser back to: a path of its own
// for each integration, so that an answer cannot be taken for another's. paste
// is set where nobody listens there.
func (c *Catalog) redirect(in *hub.Integration, d *hub.Descriptor) (uri string, paste bool) {
	path := in.CallbackPath()
	scopes := in.Scopes
	if scopes == nil {
		scopes = d.DefaultScopes()
	}
	_, port, _ := net.SplitHostPort(c.cfg.Listen)
	switch {
	case c.cfg.BaseURL != "":
		return strings.TrimSuffix(c.cfg.BaseURL, "/") + path, false
	case d.Redirect.Host == hub.RedirectHTTPS && !d.LoopbackMayAsk(scopes):
		return "https://localhost" + path, true
	case d.Redirect.Host != hub.RedirectLoopback && port != "":
		return "http://localhost:" + port + path, false
	}
	return "http://" + c.cfg.Listen + path, false
}

// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// Declarer makes declared providers known to the plugin that serves them.
type Declarer interface {
	// SetDefinitions replaces them all; each is a JSON object with a slug.
	SetDefinitions(ctx context.Context, all [][]byte) error
}

// custom is a stored hub.Custom.
type custom struct {
	hub.Custom
	generation uint64
}

// customRecord is its stored form, version 1.
type customRecord struct {
	Version int `json:"v"`
	hub.Custom
}

// loadCustom reads the providers that the user declared and makes them known.
// It starts no plugin.
func (c *Catalog) loadCustom(ctx context.Context) error {
	for rec, err := range c.cfg.Store.List(ctx, hub.KindProvider) {
		var r customRecord
		if err == nil && json.Unmarshal(rec.Value, &r) != nil {
			err = &hub.IntegrityError{Ref: rec.Ref, Detail: "not JSON"}
		}
		if c.damaged.note(hub.KindProvider, err) {
			continue
		}
		if err != nil {
			return err
		}
		if r.Version != recordVersion {
			return hub.OtherFormat(fmt.Sprintf("the provider %q", rec.ID), r.Version, recordVersion)
		}
		c.custom[r.Slug] = custom{r.Custom, rec.Generation}
	}
	return c.cfg.Declarer.SetDefinitions(ctx, c.filed.with(c.custom))
}

// Custom returns a provider that the user declared.
func (c *Catalog) Custom(_ context.Context, slug string) (hub.Custom, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.custom[slug]
	switch {
	case !ok && c.filed.Files[slug] != nil:
		return hub.Custom{}, c.fromFile(slug)
	case !ok:
		return hub.Custom{}, noCustom(slug)
	}
	return p.Custom, nil
}

// CustomFile is a provider that the user declared as a configuration file: in
// the folder of such files it is the same provider, here or elsewhere.
func (c *Catalog) CustomFile(ctx context.Context, slug string) ([]byte, error) {
	p, err := c.Custom(ctx, slug)
	if err != nil {
		return nil, err
	}
	comment := []string{
		"The provider " + slug + ", as it was declared in Standpipe. Keep this file as",
		"providers/" + slug + ".hcl beside standpipe.hcl, on any machine.",
	}
	if p.PrivateNetwork {
		comment = append(comment, "", "It is in a private network, which its integration in standpipe.hcl has to say:",
			"integration \""+slug+"\" { network = \"private\" … }")
	}
	return c.cfg.Write(definitionOf(&p), comment...)
}

func noCustom(slug string) error {
	return hub.Errorf(hub.CodeNotFound, "there is no custom provider %q", slug).WithRemedy("The providers' page shows which there are.")
}

// fromFile needs c.mu held.
func (c *Catalog) fromFile(slug string) error {
	files := c.filed.Files[slug]
	return hub.Errorf(hub.CodeReadOnly, "the provider %q is declared in a file: %s", slug, files[len(files)-1]).
		WithRemedy("Change it there, then run `standpipe provider reload`.")
}

// SaveCustom declares a provider, or changes one that was declared: create says
// which of the two is meant. Nothing is changed when anything is wrong. Accounts
// that are connected stay connected.
func (c *Catalog) SaveCustom(ctx context.Context, p hub.Custom, create bool) (hub.Entry, error) {
	if err := checkCustom(&p); err != nil {
		return hub.Entry{}, err
	}
	c.declaring.Lock()
	defer c.declaring.Unlock()
	old, err := c.mayDeclare(p.Slug, create)
	if err != nil {
		return hub.Entry{}, err
	}
	p.CreatedAt, p.UpdatedAt = old.CreatedAt, c.cfg.Now()
	if p.CreatedAt.IsZero() {
		p.CreatedAt = p.UpdatedAt
	}
	if err := c.declare(ctx, p.Slug, &custom{Custom: p, generation: old.generation}); err != nil {
		return hub.Entry{}, err
	}
	return c.Get(ctx, p.Slug)
}

// mayDeclare returns what the slug stands for so far. What is damaged may be
// declared anew, and removed.
func (c *Catalog) mayDeclare(slug string, create bool) (custom, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	old, exists := c.custom[slug]
	switch {
	case c.filed.Files[slug] != nil && !create:
		return old, c.fromFile(slug)
	case !exists && c.descriptors[slug] == nil && c.damaged.of(hub.KindProvider, slug) != nil:
		return old, nil
	case !create && !exists:
		return old, noCustom(slug)
	case create && (exists || c.descriptors[slug] != nil || c.filed.Files[slug] != nil || c.integrations[slug].Slug != ""):
		e := hub.Errorf(hub.CodeConflict, "there is a provider %q already", slug).WithRemedy("Choose another short name.")
		e.Field = "slug"
		return old, e
	}
	return old, nil
}

// RemoveCustom takes a declared provider away, with its set-up. That no account
// is connected through it is for the caller to see to: without the definition
// nothing can be revoked. Of one that a file hides only the declaration goes:
// the set-up, and the accounts, are those of the file's.
func (c *Catalog) RemoveCustom(ctx context.Context, slug string) error {
	c.declaring.Lock()
	defer c.declaring.Unlock()
	if c.hidden(slug) {
		return c.forgetHidden(ctx, slug)
	}
	if _, err := c.mayDeclare(slug, false); err != nil {
		return err
	}
	return c.declare(ctx, slug, nil)
}

func (c *Catalog) hidden(slug string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, known := c.custom[slug]
	return known && c.filed.Files[slug] != nil
}

func (c *Catalog) forgetHidden(ctx context.Context, slug string) error {
	err := c.cfg.Store.Update(ctx, func(tx hub.Tx) error { return tx.Delete(hub.Ref{Kind: hub.KindProvider, ID: slug}) })
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.custom = maps.Clone(c.custom)
	delete(c.custom, slug)
	c.mu.Unlock()
	c.cfg.Publisher.Publish(hub.Event{Type: hub.EventIntegration, Slug: slug, Time: c.cfg.Now()})
	return nil
}

// declare puts p in the place of the slug's custom provider, nil: removes it. It
// is told to the plugin first, which may refuse, then stored.
func (c *Catalog) declare(ctx context.Context, slug string, p *custom) error {
	c.mu.RLock()
	next := maps.Clone(c.custom)
	filed, before := c.filed, c.filed.with(c.custom)
	c.mu.RUnlock()
	if p == nil {
		delete(next, slug)
	} else {
		next[slug] = *p
	}
	err := c.cfg.Declarer.SetDefinitions(ctx, filed.with(next))
	if err == nil && p != nil {
		err = c.taken(ctx, slug)
	}
	if err == nil {
		err = c.cfg.Store.Update(ctx, func(tx hub.Tx) error { return writeCustom(tx, slug, p) })
	}
	if err != nil {
		return errors.Join(err, c.cfg.Declarer.SetDefinitions(ctx, before))
	}
	if p != nil {
		next[slug] = *p // with its new generation
	}
	c.mu.Lock()
	c.custom = next
	c.damaged.mended(hub.KindProvider, slug)
	if p == nil && !c.integrations[slug].FromFile {
		delete(c.integrations, slug)
		c.damaged.mended(hub.KindIntegration, slug)
	}
	c.mu.Unlock()
	return c.Refresh(ctx)
}

// taken reports whether the plugin serves what was declared.
func (c *Catalog) taken(ctx context.Context, slug string) error {
	all, err := c.cfg.Providers.Describe(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(d hub.Descriptor) bool { return d.Slug == slug }) {
		return hub.Errorf(hub.CodePluginUnavailable, "the plugin that serves declared providers did not take %q", slug).
			WithRemedy("`standpipe providers` shows the plugins and what is wrong with them; the hub's log says more.")
	}
	return nil
}

// writeCustom stores p, or removes it together with its integration.
func writeCustom(tx hub.Tx, slug string, p *custom) error {
	ref := hub.Ref{Kind: hub.KindProvider, ID: slug}
	if p == nil {
		return errors.Join(tx.Delete(ref), tx.Delete(hub.Ref{Kind: hub.KindIntegration, ID: slug}))
	}
	b, err := json.Marshal(customRecord{recordVersion, p.Custom})
	if err != nil {
		return err
	}
	p.generation, err = hub.Replace(tx, ref, p.generation, b)
	return err
}

// DraftCustom makes a provider that is not declared yet ready for Authorize, to
// look at. What an authorization URL does not depend on may be missing still.
// Its client id is a placeholder.
func (c *Catalog) DraftCustom(_ context.Context, p hub.Custom) (*hub.Resolved, error) {
	p.Slug, p.Name = cmp.Or(p.Slug, "provider"), cmp.Or(strings.TrimSpace(p.Name), "Provider")
	p.TokenURL = cmp.Or(p.TokenURL, p.AuthorizeURL)
	p.Identity = hub.CustomIdentity{URL: p.Identity.URL, Subject: "id"}
	if err := checkRequests(&p); err != nil {
		return nil, err
	}
	raw := definitionOf(&p)
	standard, err := oauth.ParseDefinition(raw)
	if err != nil {
		return nil, invalidCustom("", "%w", err)
	}
	d := hub.Descriptor{
		Slug: p.Slug, Name: p.Name, NoPKCE: p.NoPKCE, AllowedHosts: standard.Description().AllowedHosts,
		Redirect: hub.RedirectRule{Host: p.RedirectHost, Paste: p.RedirectHost == hub.RedirectHTTPS},
	}
	in := hub.Integration{Slug: p.Slug, Provider: p.Slug, Enabled: true, Credentials: hub.CredentialsOwn, PrivateNetwork: p.PrivateNetwork}
	r := &hub.Resolved{
		Descriptor: &d, Integration: in,
		Target: hub.Target{
			Provider: p.Slug, Config: map[string]string{}, ClientID: "YOUR-CLIENT-ID", AllowedHosts: d.AllowedHosts,
			PrivateNetwork: p.PrivateNetwork, Draft: raw,
		},
	}
	for _, s := range p.Scopes {
		r.Scopes = append(r.Scopes, s.Name)
	}
	r.RedirectURI, r.Paste = c.redirect(&in, &d)
	return r, nil
}

// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Resolve prepares calls for an integration. config adds installation-level
// settings. A problem of the integration is an *hub.Error.
func (c *Catalog) Resolve(ctx context.Context, slug string, config map[string]string) (*hub.Resolved, error) {
	if err := c.described(ctx, slug); err != nil {
		return nil, err
	}
	e, err := c.Get(ctx, slug)
	if err != nil {
		return nil, err
	}
	if e.Problem != nil {
		return nil, e.Problem
	}
	return c.resolve(&e, config)
}

// ResolveFor prepares calls for an existing connection: with the settings it
// was made with, also when its integration was switched off meanwhile. Where
// the integration has another OAuth client now, the old tokens are of no use
// to it: CodeNeedsReauthorization.
func (c *Catalog) ResolveFor(ctx context.Context, conn *hub.Connection) (*hub.Resolved, error) {
	if err := c.described(ctx, conn.Integration); err != nil {
		return nil, err
	}
	e, err := c.Get(ctx, conn.Integration)
	if err != nil {
		return nil, err
	}
	if e.Descriptor == nil || !e.Configured {
		return nil, e.Problem
	}
	r, err := c.resolve(&e, conn.Config)
	if err != nil {
		return nil, err
	}
	if r.Target.ClientID != conn.ClientID {
		return nil, &hub.Error{
			Code:    hub.CodeNeedsReauthorization,
			Message: "this account was connected with another OAuth client than the integration has now",
			Reason:  hub.ReasonClientInvalid,
			Remedy:  "Reauthorize to connect it with the new client.",
		}
	}
	return r, nil
}

// Wanted are the scopes that an integration asks for, without asking any
// plugin; nil when only the provider's defaults are known.
func (c *Catalog) Wanted(slug string) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	in := c.integrations[slug]
	if in.Scopes != nil {
		return in.Scopes
	}
	if d := c.descriptors[in.Provider]; d != nil {
		return d.DefaultScopes()
	}
	return nil
}

// Descriptor is what is known of an integration's provider, or nil; it asks no
// plugin.
func (c *Catalog) Descriptor(slug string) *hub.Descriptor {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if in, ok := c.integrations[slug]; ok {
		return c.descriptors[in.Provider]
	}
	return c.descriptors[slug]
}

// described makes sure that the plugins were asked at least once.
func (c *Catalog) described(ctx context.Context, slug string) error {
	c.mu.RLock()
	known := c.descriptors[slug] != nil
	if in, ok := c.integrations[slug]; ok {
		known = c.descriptors[in.Provider] != nil
	}
	c.mu.RUnlock()
	if known {
		return nil
	}
	err := c.Refresh(ctx)
	if late, ok := errors.AsType[*hub.ProviderError](err); ok {
		return &hub.Error{
			Code: hub.CodePluginUnavailable, Message: "the plugins have not started yet",
			Remedy: "`standpipe providers` lists the plugins and what is wrong with them.", Err: late,
		}
	}
	return err
}

func (c *Catalog) resolve(e *hub.Entry, config map[string]string) (*hub.Resolved, error) {
	in, d := &e.Integration, e.Descriptor
	t := hub.Target{
		Provider:       in.Provider,
		Config:         map[string]string{},
		ClientID:       in.ClientID,
		ClientSecret:   in.ClientSecret,
		PrivateNetwork: in.PrivateNetwork,
	}
	if in.Credentials == hub.CredentialsPublic {
		t.ClientSecret = secret.Value{}
		if t.ClientID == "" {
			t.ClientID = publicClient(in.Provider)
		}
	}
	c.mu.RLock()
	t.PrivateNetwork = t.PrivateNetwork || c.custom[in.Provider].PrivateNetwork && e.Custom
	c.mu.RUnlock()
	for _, f := range d.Config {
		if f.Default != "" {
			t.Config[f.Key] = f.Default
		}
	}
	maps.Copy(t.Config, in.Config)
	maps.Copy(t.Config, config)
	if in.Credentials == hub.CredentialsSandbox {
		t.ClientID, t.ClientSecret = c.cfg.SandboxClient.ID, c.cfg.SandboxClient.Secret
		t.PrivateNetwork = true
		for k, v := range d.Sandbox {
			t.Config[k] = strings.ReplaceAll(v, "{sandbox}", strings.TrimSuffix(c.cfg.Sandbox, "/"))
		}
	}
	hosts, err := allowedHosts(d, t.Config)
	if err != nil {
		return nil, err
	}
	t.AllowedHosts = hosts
	scopes := in.Scopes
	if scopes == nil {
		scopes = d.DefaultScopes()
	}
	for _, s := range d.Scopes {
		if s.Required && !slices.Contains(scopes, s.Name) {
			scopes = append(slices.Clone(scopes), s.Name)
		}
	}
	return &hub.Resolved{Target: t, Descriptor: d, Integration: *in, RedirectURI: e.RedirectURI, Paste: e.Paste, Scopes: scopes}, nil
}

// allowedHosts are the descriptor's and those of the URL settings.
func allowedHosts(d *hub.Descriptor, config map[string]string) ([]string, error) {
	hosts := slices.Clone(d.AllowedHosts)
	for _, f := range d.Config {
		v := config[f.Key]
		if !f.URL || v == "" {
			continue
		}
		u, err := url.Parse(v)
		if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return nil, &hub.Error{Code: hub.CodeProviderMisconfigured, Field: f.Key, Message: "the setting " + f.Key + " is not an http or https URL"}
		}
		hosts = append(hosts, hub.HostPort(u))
	}
	slices.Sort(hosts)
	return slices.Compact(hosts), nil
}

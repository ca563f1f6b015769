// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Save sets the integration of a provider, making it when there is none yet.
// Nothing is changed when anything is wrong.
func (c *Catalog) Save(ctx context.Context, slug string, ch hub.IntegrationChange) (hub.Entry, error) {
	e, err := c.known(ctx, slug)
	if err != nil {
		return hub.Entry{}, err
	}
	if e.Integration.FromFile {
		return hub.Entry{}, hub.Errorf(hub.CodeReadOnly, "the integration %q is set in the configuration file", slug).
			WithRemedy("Change it there; `standpipe config check` shows where it is.")
	}
	c.mu.RLock()
	old, exists := c.integrations[slug]
	c.mu.RUnlock()
	in := e.Integration
	if !exists {
		in = hub.Integration{Slug: slug, Provider: slug, ID: c.cfg.NewID("data_integration"), Enabled: true, CreatedAt: c.cfg.Now()}
	}
	apply(&in, ch)
	if err := c.validate(&in, e.Descriptor); err != nil {
		return hub.Entry{}, err
	}
	in.UpdatedAt = c.cfg.Now()
	generation, err := c.write(ctx, in, old.generation)
	if err != nil {
		return hub.Entry{}, err
	}
	c.mu.Lock()
	c.integrations[slug] = stored{in, generation}
	c.damaged.mended(hub.KindIntegration, slug)
	out := c.entry(slug)
	c.mu.Unlock()
	c.cfg.Publisher.Publish(hub.Event{Type: hub.EventIntegration, Slug: slug, Time: c.cfg.Now()})
	return out, nil
}

// known is an entry whose provider is there.
func (c *Catalog) known(ctx context.Context, slug string) (hub.Entry, error) {
	if err := c.described(ctx, slug); err != nil {
		return hub.Entry{}, err
	}
	e, err := c.Get(ctx, slug)
	if err == nil && e.Descriptor == nil {
		err = e.Problem
	}
	return e, err
}

// Try prepares calls as Resolve would after Save, and saves nothing. Of an
// integration of the file the change is not looked at.
func (c *Catalog) Try(ctx context.Context, slug string, ch hub.IntegrationChange) (*hub.Resolved, error) {
	e, err := c.known(ctx, slug)
	if err != nil {
		return nil, err
	}
	if !e.Integration.FromFile {
		apply(&e.Integration, ch)
		if err := c.validate(&e.Integration, e.Descriptor); err != nil {
			return nil, err
		}
		e.RedirectURI, e.Paste = c.redirect(&e.Integration, e.Descriptor)
	}
	return c.resolve(&e, nil)
}

func apply(in *hub.Integration, ch hub.IntegrationChange) {
	if ch.Credentials != nil && *ch.Credentials != in.Credentials {
		in.Credentials = *ch.Credentials
		if in.Credentials == hub.CredentialsSandbox {
			in.ClientID, in.ClientSecret = "", secret.Value{}
		}
		in.SecretLost = false
	}
	if ch.ClientID != nil {
		in.ClientID = *ch.ClientID
	}
	if ch.ClientSecret != nil {
		in.ClientSecret, in.SecretLost = *ch.ClientSecret, false
	}
	if ch.Scopes != nil {
		in.Scopes = slices.Compact(slices.Clone(ch.Scopes))
	}
	if ch.Description != nil {
		in.Description = *ch.Description
	}
	if ch.Enabled != nil {
		in.Enabled = *ch.Enabled
	}
	if ch.Config != nil {
		in.Config = maps.Clone(in.Config)
		if in.Config == nil {
			in.Config = map[string]string{}
		}
		for k, v := range ch.Config {
			if v == "" {
				delete(in.Config, k)
				continue
			}
			in.Config[k] = v
		}
	}
}

func (c *Catalog) validate(in *hub.Integration, d *hub.Descriptor) error {
	invalid := func(field, format string, args ...any) error {
		e := hub.Errorf(hub.CodeInvalid, format, args...)
		e.Field = field
		return e
	}
	switch in.Credentials {
	case hub.CredentialsSandbox:
		if d.Sandbox == nil {
			return invalid("credentials", "the sandbox does not play %s", d.Name)
		}
		if c.cfg.Sandbox == "" {
			return invalid("credentials", "the sandbox is refused in production mode")
		}
	case hub.CredentialsOwn:
		if in.ClientID == "" {
			return invalid("client_id", "the client id is missing")
		}
		if d.SecretRequired && in.ClientSecret.IsZero() {
			return invalid("client_secret", "%s needs a client secret", d.Name)
		}
	case hub.CredentialsPublic:
		if d.SecretRequired && !d.PublicDevice {
			return invalid("credentials", "%s does not work without a client secret", d.Name)
		}
		if in.ClientID == "" && publicClient(in.Provider) == "" {
			return invalid("client_id", "the client id is missing: this build of standpipe brings none for %s", d.Name)
		}
	default:
		return invalid("credentials", "choose whose credentials to use: own, public or sandbox")
	}
	for _, s := range in.Scopes {
		if s == "" || len(s) > 256 || !printable(s) {
			return invalid("scopes", "%q is not a scope", s)
		}
	}
	for k, v := range in.Config {
		i := slices.IndexFunc(d.Config, func(f hub.ConfigField) bool { return f.Key == k })
		if i < 0 {
			return invalid("config."+k, "%s has no setting %q", d.Name, k)
		}
		if f := d.Config[i]; !f.Matches(v) {
			return invalid("config."+k, "%q does not fit the pattern of %s (example: %s)", v, f.Label, f.Example)
		}
	}
	if in.Credentials != hub.CredentialsSandbox {
		for _, f := range d.Config {
			if f.Required && !f.Installation && f.Default == "" && in.Config[f.Key] == "" {
				return invalid("config."+f.Key, "%s is missing", f.Label)
			}
		}
		if _, err := allowedHosts(d, in.Config); err != nil {
			return err
		}
	}
	return nil
}

// printable admits the characters of a scope (RFC 6749 section 3.3) and the
// space, which some vendors' scope names hold.
func printable(s string) bool {
	for _, r := range s {
		if r < 0x20 || r > 0x7e {
			return false
		}
	}
	return true
}

// record is the stored form of an integration, version 1.
type record struct {
	Version      int                 `json:"v"`
	Slug         string              `json:"slug"`
	Provider     string              `json:"provider"`
	ID           string              `json:"id"`
	Description  string              `json:"description,omitempty"`
	Enabled      bool                `json:"enabled"`
	Credentials  hub.CredentialsKind `json:"credentials,omitempty"`
	ClientID     string              `json:"client_id,omitempty"`
	ClientSecret string              `json:"client_secret,omitempty"`
	SecretLost   bool                `json:"secret_lost,omitempty"`
	Scopes       []string            `json:"scopes"` // null: the defaults; []: none
	Config       map[string]string   `json:"config,omitempty"`
	Private      bool                `json:"private,omitempty"`
	CreatedAt    time.Time           `json:"created_at"`
	UpdatedAt    time.Time           `json:"updated_at"`
}

const recordVersion = 1

func (c *Catalog) write(ctx context.Context, in hub.Integration, expect uint64) (generation uint64, err error) {
	b, err := json.Marshal(record{
		Version: recordVersion, Slug: in.Slug, Provider: in.Provider, ID: in.ID, Description: in.Description,
		Enabled: in.Enabled, Credentials: in.Credentials, ClientID: in.ClientID, ClientSecret: in.ClientSecret.Reveal(), SecretLost: in.SecretLost,
		Scopes: in.Scopes, Config: in.Config, Private: in.PrivateNetwork, CreatedAt: in.CreatedAt, UpdatedAt: in.UpdatedAt,
	})
	if err != nil {
		return 0, err
	}
	err = c.cfg.Store.Update(ctx, func(tx hub.Tx) error {
		var err error
		generation, err = hub.Replace(tx, hub.Ref{Kind: hub.KindIntegration, ID: in.Slug}, expect, b)
		return err
	})
	return generation, err
}

func decode(rec hub.Record) (hub.Integration, error) {
	var r record
	if err := json.Unmarshal(rec.Value, &r); err != nil {
		return hub.Integration{}, &hub.IntegrityError{Ref: rec.Ref, Detail: "not JSON"}
	}
	if r.Version != recordVersion {
		return hub.Integration{}, hub.OtherFormat(fmt.Sprintf("the integration %q", rec.ID), r.Version, recordVersion)
	}
	return hub.Integration{
		Slug: r.Slug, Provider: r.Provider, ID: r.ID, Description: r.Description, Enabled: r.Enabled,
		Credentials: r.Credentials, ClientID: r.ClientID, ClientSecret: secret.New(r.ClientSecret), SecretLost: r.SecretLost,
		Scopes: r.Scopes, Config: r.Config, PrivateNetwork: r.Private, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}, nil
}

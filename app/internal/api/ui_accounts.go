// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// body is an answer that is nothing but a JSON body.
type body[T any] struct{ Body T }

// ByID and BySlug are requests that only name something. (Exported, since huma
// does not look into embedded types that are not.)
type (
	ByID struct {
		ID string `path:"id" maxLength:"128"`
	}
	BySlug struct {
		Slug string `path:"slug" maxLength:"64"`
	}
)

func (a *API) hub(ctx context.Context, _ *struct{}) (*body[contract.Hub], error) {
	return &body[contract.Hub]{contract.Hub{
		Version: a.cfg.Version, AppAPI: a.origin(), KeySource: a.cfg.Vault.Keys().Source, Sandbox: a.cfg.Sandbox,
		Data: a.cfg.Data, Config: a.cfg.ConfigFile, Notices: a.notices(ctx),
	}}, nil
}

// notices are what the user should know at the moment; never nil.
func (a *API) notices(ctx context.Context) []contract.Notice {
	out := []contract.Notice{}
	if a.cfg.Notices != nil {
		out = append(out, a.cfg.Notices(ctx)...)
	}
	for _, p := range a.cfg.Plugins.Status() {
		out = append(out, pluginNotices(p)...)
	}
	return out
}

// pluginNotices are what everybody should know who looks at the hub.
func pluginNotices(p contract.Plugin) (out []contract.Notice) {
	switch p.State {
	case "crashed":
		out = append(out, contract.Notice{
			Severity: "error", Message: fmt.Sprintf("The plugin %s was stopped: %s.", p.Name, strings.TrimSuffix(p.Error, ".")),
			Remedy: "It is tried again in an hour, or as soon as another build of it is installed.",
		})
	case "refused":
		out = append(out, contract.Notice{
			Severity: "warning", Message: fmt.Sprintf("The plugin %s is not started: %s.", p.Name, strings.TrimSuffix(p.Error, ".")),
			Remedy: "`standpipe plugin list` says which file is meant.",
		})
	}
	for _, slug := range p.Untaken {
		out = append(out, contract.Notice{
			Severity: "warning", Message: fmt.Sprintf("The declared provider %s has a fault and is left out.", slug),
			Remedy: "`standpipe provider check FILE`, with the file that declares it, says which.",
		})
	}
	if p.Development {
		out = append(out, contract.Notice{
			Severity: "info", Message: fmt.Sprintf("The plugin %s is in development: each new build of it runs without being asked about.", p.Name),
			Remedy: "When you are done: standpipe plugin remove " + p.Name,
		})
	}
	return out
}

// accounts is everything that the accounts page shows: what the person at
// this machine has connected.
func (a *API) accounts(ctx context.Context, _ *struct{}) (*body[contract.Accounts], error) {
	out := contract.Accounts{Integrations: []contract.Integration{}, Connections: []contract.Connection{}, Providers: []contract.ProviderHealth{}}
	for _, e := range a.cfg.Catalog.List(ctx) {
		out.Integrations = append(out.Integrations, a.integrationOf(&e))
	}
	conns, err := a.cfg.Connections.Find(ctx, hub.Me, "")
	if err != nil {
		return nil, err
	}
	for _, c := range conns {
		out.Connections = append(out.Connections, a.connectionOf(ctx, c))
	}
	for _, h := range a.cfg.Tokens.ProviderHealth() {
		out.Providers = append(out.Providers, contract.ProviderHealth{
			Integration: h.Integration, State: h.State, Failing: h.Failing, Code: h.Code, Message: h.Message,
			Since: timeOrNull(h.Since), NextTry: timeOrNull(h.NextTry),
		})
	}
	return &body[contract.Accounts]{out}, nil
}

func (a *API) integration(ctx context.Context, in *BySlug) (*body[contract.Integration], error) {
	e, err := a.cfg.Catalog.Get(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return &body[contract.Integration]{a.integrationOf(&e)}, nil
}

func (a *API) saveIntegration(ctx context.Context, in *struct {
	BySlug
	Body contract.SaveIntegration
}) (*body[contract.Integration], error) {
	if err := a.record(ctx, hub.AuditIntegrationSet, in.Slug); err != nil {
		return nil, err
	}
	e, err := a.cfg.Catalog.Save(ctx, in.Slug, changeOf(&in.Body))
	if err != nil {
		return nil, err
	}
	return &body[contract.Integration]{a.integrationOf(&e)}, nil
}

func changeOf(b *contract.SaveIntegration) hub.IntegrationChange {
	change := hub.IntegrationChange{
		Credentials: b.Credentials, ClientID: b.ClientID, Scopes: b.Scopes, Description: b.Description, Enabled: b.Enabled, Config: b.Config,
	}
	if b.ClientSecret != nil {
		s := secret.New(*b.ClientSecret)
		change.ClientSecret = &s
	}
	return change
}

// user is who the audit names for the person at this machine.
const user = "user"

// record writes what that person is about to do to the audit. subject may be empty.
func (a *API) record(ctx context.Context, action hub.AuditAction, subject string) error {
	return a.cfg.Auditor.Record(ctx, hub.AuditEntry{Time: a.cfg.Now(), Action: action, Decision: hub.AuditAllowed, App: user, Subject: subject})
}

func (a *API) disconnect(ctx context.Context, in *struct {
	ByID
	Body *contract.Disconnect
}) (*body[contract.Disconnected], error) {
	grant := hub.GrantAsk
	if in.Body != nil && in.Body.RevokeGrant != nil {
		grant = hub.GrantKeep
		if *in.Body.RevokeGrant {
			grant = hub.GrantRevoke
		}
	}
	r, err := a.cfg.Tokens.DisconnectAs(ctx, user, in.ID, grant)
	if err != nil {
		return nil, err
	}
	return &body[contract.Disconnected]{contract.Disconnected{Revoked: r.Reach, Message: r.Message}}, nil
}

func (a *API) integrationOf(e *hub.Entry) contract.Integration {
	in := &e.Integration
	out := contract.Integration{
		Slug: in.Slug, Provider: in.Provider, Name: e.Name(), Description: describe(e),
		State: contract.IntegrationReady, Enabled: in.Enabled, FromFile: in.FromFile,
		Credentials: in.Credentials, CredentialsOffered: []hub.CredentialsKind{},
		ClientID: in.ClientID, ClientSecretSet: !in.ClientSecret.IsZero(), ClientSecretHint: lastFour(in.ClientSecret),
		RedirectURI: e.RedirectURI, SetupSteps: []string{}, Scopes: []contract.ScopeChoice{}, Config: []contract.ConfigField{}, Capabilities: []hub.Capability{},
		Categories: []string{}, Warnings: []string{}, ConnectWays: e.Ways(), Custom: e.Custom, DeclaredIn: declaredIn(e.Files), HidesCustom: e.Hides,
		Audiences: orEmpty(in.Audiences),
	}
	if e.Problem != nil {
		out.Problem, out.Damaged = e.Problem.Error(), e.Problem.Code == hub.CodeIntegrity
		switch {
		case e.Descriptor == nil:
			out.State = contract.IntegrationUnavailable
		case e.Problem.Code == hub.CodeIntegrationDisabled:
			out.State = contract.IntegrationDisabled
		default:
			out.State = contract.IntegrationNeedsSetup
		}
	}
	if e.Descriptor != nil {
		a.describeProvider(&out, e)
	}
	return out
}

func (a *API) describeProvider(out *contract.Integration, e *hub.Entry) {
	d, in := e.Descriptor, &e.Integration
	out.Icon, out.DocsURL, out.ConsoleURL, out.SecretRequired = d.Icon, d.DocsURL, d.ConsoleURL, d.SecretRequired
	out.Plugin = a.pluginOf(d.Plugin)
	out.SetupSteps = append(out.SetupSteps, d.SetupSteps...)
	out.BrandColor, out.RevokesGrant = d.BrandColor, d.RevokesGrant && d.Revoke == hub.ReachToken && d.Can(hub.CanRevoke)
	out.Relays, out.NarrowsScopes, out.NarrowsAudience = len(d.APIs) > 0, d.NarrowsScopes, d.NarrowsAudience
	out.Categories = append(out.Categories, d.Categories...)
	out.Warnings = append(out.Warnings, d.Warnings...)
	out.Capabilities = append(out.Capabilities, d.Capabilities...)
	if d.Sandbox != nil && a.cfg.Sandbox != "" {
		out.CredentialsOffered = append(out.CredentialsOffered, hub.CredentialsSandbox)
	}
	out.CredentialsOffered = append(out.CredentialsOffered, hub.CredentialsOwn)
	if !d.SecretRequired || d.PublicDevice {
		out.CredentialsOffered = append(out.CredentialsOffered, hub.CredentialsPublic)
	}
	chosen := in.Scopes
	if chosen == nil {
		chosen = d.DefaultScopes()
	}
	known := map[string]bool{}
	for _, s := range d.Scopes {
		known[s.Name] = true
		out.Scopes = append(out.Scopes, contract.ScopeChoice{Scope: s, Selected: s.Required || slices.Contains(chosen, s.Name)})
	}
	for _, s := range chosen {
		if !known[s] {
			out.Scopes = append(out.Scopes, contract.ScopeChoice{Scope: hub.Scope{Name: s}, Selected: true})
		}
	}
	for _, f := range d.Config {
		out.Config = append(out.Config, contract.ConfigField{
			Key: f.Key, Label: f.Label, Description: f.Description, Example: f.Example, Pattern: f.Pattern, Default: f.Default,
			Required: f.Required, Installation: f.Installation, Value: in.Config[f.Key],
		})
	}
}

// declaredIn is the last file of the user's that declares a provider, whose
// word counts; empty: none but a bundled one does.
func declaredIn(files []string) string {
	if len(files) == 0 || strings.HasPrefix(files[len(files)-1], "bundled:") {
		return ""
	}
	return files[len(files)-1]
}

func (a *API) pluginOf(name string) *contract.PluginBrief {
	for _, p := range a.cfg.Plugins.Status() {
		if p.Name != name {
			continue
		}
		held := a.cfg.Plugins.Holding()
		return &contract.PluginBrief{
			Name: p.Name, Source: p.Source, Version: p.Version, Development: p.Development, State: p.State, Error: p.Error,
			Network: cmp.Or(p.Network, held.Network), Files: cmp.Or(p.Files, held.Files), Missing: orEmpty(held.Missing),
		}
	}
	return nil
}

// lastFour is how a client secret is told from another without being shown. A
// short one shows nothing.
func lastFour(s secret.Value) string {
	v := s.Reveal()
	if len(v) < 16 {
		return ""
	}
	return v[len(v)-4:]
}

func (a *API) connectionOf(ctx context.Context, c *hub.Connection) contract.Connection {
	wanted := a.cfg.Catalog.Wanted(c.Integration)
	if wanted == nil {
		wanted = c.Requested
	}
	out := contract.Connection{
		ID: c.ID, Integration: c.Integration, Provider: c.Provider, Owner: c.Owner, State: c.State, Account: accountLabel(c.Account),
		Scopes: orEmpty(c.Scopes), MissingScopes: hub.MissingScopes(wanted, c.Scopes), RequestedScopes: orEmpty(c.Requested), Sandbox: c.Sandbox,
		Expiry: timeOrNull(c.Expiry), LastRefresh: timeOrNull(c.LastRefresh), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if a.cfg.Avatars {
		out.Picture = c.Picture
	}
	if c.State == hub.StateNeedsReauthorization {
		out.Reason, out.Remedy, out.Backup = c.Reason, a.descriptorOf(ctx, c).Remedy(c.Reason), c.Backup
	}
	if h := a.cfg.Tokens.Health(c.ID); h != nil {
		out.Health = &contract.Health{Code: h.Code, Message: h.Message, Tries: h.Tries, Since: h.Since, NextTry: h.NextTry}
	}
	if f := a.cfg.Tokens.Forecast(ctx, c); f.Why != hub.ForecastNone {
		out.Forecast = &contract.Forecast{NeedsUserAt: f.NeedsUser, Why: f.Why}
	}
	return out
}

// descriptorOf is what is known of a connection's provider; nil: nothing.
func (a *API) descriptorOf(ctx context.Context, c *hub.Connection) *hub.Descriptor {
	e, err := a.cfg.Catalog.Get(ctx, c.Integration)
	if err != nil {
		return nil
	}
	return e.Descriptor
}

func accountLabel(a hub.Account) contract.Account {
	return contract.Account{Label: a.Label(), Login: a.Login, Name: a.Name, Email: a.Email}
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

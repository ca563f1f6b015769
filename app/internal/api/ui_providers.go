// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// checkIntegration tries an integration with what the form holds.
func (a *API) checkIntegration(ctx context.Context, in *struct {
	BySlug
	Body contract.SaveIntegration
}) (*body[contract.Checked], error) {
	r, err := a.cfg.Catalog.Try(ctx, in.Slug, changeOf(&in.Body))
	if err != nil {
		return nil, err
	}
	out := contract.Checked{OK: true, Checks: []contract.Check{}}
	for _, c := range a.cfg.Flows.Check(ctx, r) {
		out.OK = out.OK && c.Result != hub.CheckFailed
		out.Checks = append(out.Checks, contract.Check{Step: c.Step, Result: c.Result, Message: c.Message, Remedy: c.Remedy, Field: c.Field})
	}
	return &body[contract.Checked]{out}, nil
}

func (a *API) provider(ctx context.Context, in *BySlug) (*body[contract.CustomProvider], error) {
	p, err := a.cfg.Catalog.Custom(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return &body[contract.CustomProvider]{customBody(&p)}, nil
}

func (a *API) providerFile(ctx context.Context, in *BySlug) (*body[contract.ProviderFile], error) {
	file, err := a.cfg.Catalog.CustomFile(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return &body[contract.ProviderFile]{contract.ProviderFile{Name: in.Slug + ".hcl", Text: string(file)}}, nil
}

func (a *API) previewProvider(ctx context.Context, in *body[contract.CustomProvider]) (*body[contract.ProviderPreview], error) {
	p := customOf(&in.Body)
	r, err := a.cfg.Catalog.DraftCustom(ctx, p)
	if err != nil {
		return nil, err
	}
	v, err := a.cfg.Flows.Preview(ctx, r, p.Issuer)
	if err != nil {
		return nil, err
	}
	return &body[contract.ProviderPreview]{contract.ProviderPreview{
		AuthorizationURL: v.AuthorizationURL, RedirectURI: v.RedirectURI, Hosts: orEmpty(v.Hosts),
	}}, nil
}

func (a *API) addProvider(ctx context.Context, in *body[contract.CustomProvider]) (*body[contract.Integration], error) {
	return a.declare(ctx, customOf(&in.Body), true)
}

func (a *API) saveProvider(ctx context.Context, in *struct {
	BySlug
	Body contract.CustomProvider
}) (*body[contract.Integration], error) {
	p := customOf(&in.Body)
	if p.Slug != in.Slug {
		return nil, invalidField("slug", "the short name cannot be changed: it is a part of the redirect URI")
	}
	return a.declare(ctx, p, false)
}

func (a *API) declare(ctx context.Context, p hub.Custom, create bool) (*body[contract.Integration], error) {
	if err := a.record(ctx, hub.AuditProviderSet, p.Slug); err != nil {
		return nil, err
	}
	e, err := a.cfg.Catalog.SaveCustom(ctx, p, create)
	if err != nil {
		return nil, err
	}
	return &body[contract.Integration]{a.integrationOf(&e)}, nil
}

func (a *API) removeProvider(ctx context.Context, in *BySlug) (*struct{}, error) {
	if _, err := a.cfg.Catalog.Custom(ctx, in.Slug); err != nil {
		return nil, err
	}
	if e, err := a.cfg.Catalog.Get(ctx, in.Slug); err != nil || !e.Hides {
		if err := a.noneConnected(ctx, in.Slug); err != nil {
			return nil, err
		}
	}
	if err := a.record(ctx, hub.AuditProviderRemove, in.Slug); err != nil {
		return nil, err
	}
	return nil, a.cfg.Catalog.RemoveCustom(ctx, in.Slug)
}

// noneConnected is the error that accounts are connected through a provider.
func (a *API) noneConnected(ctx context.Context, slug string) error {
	n := 0
	for c, err := range a.cfg.Connections.All(ctx) {
		if err != nil {
			return err
		}
		if c.Provider == slug && c.State != hub.StateDisconnected {
			n++
		}
	}
	if n > 0 {
		what := "an account is"
		if n > 1 {
			what = fmt.Sprintf("%d accounts are", n)
		}
		return hub.Errorf(hub.CodeConflict, "%s still connected through %q", what, slug).
			WithRemedy("Disconnect first: without the provider nothing can be revoked.")
	}
	return nil
}

func customOf(b *contract.CustomProvider) hub.Custom {
	out := hub.Custom{
		Slug: b.Slug, Name: b.Name, Description: b.Description, Issuer: b.Issuer, AuthorizeURL: b.AuthorizeURL, TokenURL: b.TokenURL,
		RevokeURL: b.RevokeURL, Hosts: b.Hosts, PrivateNetwork: b.PrivateNetwork, NoPKCE: b.NoPKCE, ScopeSeparator: b.ScopeSeparator,
		ClientAuth: b.ClientAuth, SecretRequired: b.SecretRequired, RedirectHost: b.RedirectHost,
		AuthorizeParams: b.AuthorizeParams, TokenParams: b.TokenParams, Identity: hub.CustomIdentity(b.Identity),
		PictureHosts: b.PictureHosts,
	}
	for _, s := range b.Scopes {
		out.Scopes = append(out.Scopes, hub.CustomScope(s))
	}
	return out
}

func customBody(p *hub.Custom) contract.CustomProvider {
	out := contract.CustomProvider{
		Slug: p.Slug, Name: p.Name, Description: p.Description, Issuer: p.Issuer, AuthorizeURL: p.AuthorizeURL, TokenURL: p.TokenURL,
		RevokeURL: p.RevokeURL, Hosts: p.Hosts, PrivateNetwork: p.PrivateNetwork, NoPKCE: p.NoPKCE, ScopeSeparator: p.ScopeSeparator,
		ClientAuth: p.ClientAuth, SecretRequired: p.SecretRequired, RedirectHost: p.RedirectHost,
		AuthorizeParams: p.AuthorizeParams, TokenParams: p.TokenParams, Identity: contract.CustomIdentity(p.Identity),
		PictureHosts: p.PictureHosts,
	}
	for _, s := range p.Scopes {
		out.Scopes = append(out.Scopes, contract.CustomScope(s))
	}
	return out
}

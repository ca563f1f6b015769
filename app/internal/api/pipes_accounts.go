// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/hub"
)

type accountInput struct {
	UserID                      string `path:"user_id" maxLength:"256"`
	Slug                        string `path:"slug" maxLength:"64"`
	OrganizationID              string `query:"organization_id" maxLength:"256"`
	SupportsMultipleConnections bool   `query:"supports_multiple_connections"`
	ConnectedAccountID          string `query:"connected_account_id" maxLength:"128"`
}

type accountOutput struct{ Body ConnectedAccount }

func (a *API) getAccount(ctx context.Context, in *accountInput) (*accountOutput, error) {
	sel, err := a.account(ctx, in)
	if err != nil {
		return nil, err
	}
	return &accountOutput{accountOf(sel.Connection)}, nil
}

func (a *API) deleteAccount(ctx context.Context, in *accountInput) (*struct{}, error) {
	sel, err := a.account(ctx, in)
	if err != nil {
		return nil, err
	}
	_, err = a.cfg.Tokens.DisconnectAs(ctx, appOf(ctx).ID, sel.Connection.ID, hub.GrantKeep)
	return nil, err
}

func (a *API) account(ctx context.Context, in *accountInput) (hub.Selection, error) {
	if _, err := a.cfg.Catalog.Get(ctx, in.Slug); err != nil {
		return hub.Selection{}, err
	}
	sel, err := a.selectConnection(ctx, appOf(ctx), in.Slug, pick{
		user: in.UserID, organization: in.OrganizationID, connection: in.ConnectedAccountID, multiple: in.SupportsMultipleConnections,
	})
	if e := hub.AsError(err); e != nil && e.Code == hub.CodeNotInstalled {
		return sel, hub.Errorf(hub.CodeNotFound, "no account is connected") // here the contract has 404
	}
	return sel, err
}

type providersInput struct {
	UserID                      string `path:"user_id" maxLength:"256"`
	OrganizationID              string `query:"organization_id" maxLength:"256"`
	SupportsMultipleConnections bool   `query:"supports_multiple_connections"`
}

// listProviders lists what the owner can connect, with what is connected. An
// app sees the connections that it may draw from, and no others.
func (a *API) listProviders(ctx context.Context, in *providersInput) (*providersOutput, error) {
	app := appOf(ctx)
	owner, err := a.cfg.Access.Owner(app, in.UserID, in.OrganizationID, false)
	if err != nil {
		return nil, err
	}
	conns, err := a.cfg.Connections.Find(ctx, owner, "")
	if err != nil {
		return nil, err
	}
	out := &providersOutput{}
	out.Body.Object, out.Body.Data = "list", []dataProvider{}
	for _, e := range a.cfg.Catalog.List(ctx) {
		if !e.Configured || !e.Integration.Enabled {
			continue
		}
		p := providerOf(&e, a.cfg.Catalog.Wanted(e.Integration.Slug))
		for _, c := range conns {
			if c.Integration != e.Integration.Slug || !a.cfg.Access.May(app, c) || !c.Compatibility && !in.SupportsMultipleConnections {
				continue
			}
			n := nestedOf(c)
			if c.Compatibility {
				p.ConnectedAccount = &n
			}
			p.ConnectedAccounts = append(p.ConnectedAccounts, n)
		}
		out.Body.Data = append(out.Body.Data, p)
	}
	return out, nil
}

func providerOf(e *hub.Entry, scopes []string) dataProvider {
	in := &e.Integration
	created, updated := stampOf(in.CreatedAt), stampOf(in.UpdatedAt)
	return dataProvider{
		Object: "data_provider", ID: in.ID, Name: e.Name(), Description: orNull(describe(e)), Slug: in.Slug,
		IntegrationType: in.Provider, IntegrationType2: in.Provider, CredentialsType: "oauth2", CredentialsType2: "oauth2",
		Scopes: scopes, AuthMethods: []string{"oauth"}, ConnectionOwner: "user", Ownership: "userland_user",
		CreatedAt: created, UpdatedAt: updated, CreatedAt2: created, UpdatedAt2: updated,
		ConnectedAccounts: []nestedAccount{},
	}
}

// describe is the integration's own description, or the provider's.
func describe(e *hub.Entry) string {
	if e.Integration.Description != "" || e.Descriptor == nil {
		return e.Integration.Description
	}
	return e.Descriptor.Description
}

type authorizeInput struct {
	Slug string `path:"slug" maxLength:"64"`
	Body struct {
		_               struct{}          `additionalProperties:"true"`
		UserID          *string           `json:"user_id,omitempty" maxLength:"256"`
		OrganizationID  *string           `json:"organization_id,omitempty" maxLength:"256"`
		ConnectionOwner *string           `json:"connection_owner,omitempty" enum:"user,organization"`
		ReturnTo        *string           `json:"return_to,omitempty" maxLength:"2048"`
		CodeChallenge   *string           `json:"code_challenge,omitempty"`
		Config          map[string]string `json:"config,omitempty"`
	}
}

type authorizeOutput struct {
	Body struct {
		URL string `json:"url" doc:"One-time link for the user's browser"`
	}
}

// authorize makes a connect link. The connection is finished only by the
// browser that opens it.
func (a *API) authorize(ctx context.Context, in *authorizeInput) (*authorizeOutput, error) {
	b := &in.Body
	if b.CodeChallenge != nil {
		return nil, invalidField("code_challenge", "binding a flow to the caller's own session is not built yet; the link binds it to the browser that opens it")
	}
	if deref(b.ReturnTo) != "" {
		return nil, invalidField("return_to", "no return addresses are registered on this hub; leave return_to out")
	}
	owner, err := a.cfg.Access.Owner(appOf(ctx), deref(b.UserID), deref(b.OrganizationID), deref(b.ConnectionOwner) == "organization")
	if err != nil {
		return nil, err
	}
	token, err := a.cfg.Flows.Link(ctx, hub.StartFlow{Integration: in.Slug, Owner: owner, Config: b.Config})
	if err != nil {
		return nil, err
	}
	out := &authorizeOutput{}
	out.Body.URL = a.origin() + "/connect/" + token
	return out, nil
}

// origin is where a browser reaches the app listener.
func (a *API) origin() string {
	if a.cfg.BaseURL != "" {
		return a.cfg.BaseURL
	}
	return "http://" + a.cfg.Listen
}

func invalidField(field, message string) error {
	return &hub.Error{Code: hub.CodeInvalid, Field: field, Message: message}
}

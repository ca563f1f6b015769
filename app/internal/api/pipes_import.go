// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// The import of connections, as the Pipes contract has it. Beyond the contract,
// tokens are tried before they are stored.

// ImportBody is exported, since huma does not look into embedded types that are
// not.
type ImportBody struct {
	_            struct{}   `additionalProperties:"true"`
	AccessToken  *string    `json:"access_token,omitempty" minLength:"1" maxLength:"16384"`
	RefreshToken *string    `json:"refresh_token,omitempty" minLength:"1" maxLength:"16384"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty" doc:"Of the access token; absent: it does not expire, or a refresh tells"`
	Scopes       []string   `json:"scopes,omitempty" maxItems:"200"`
	State        *string    `json:"state,omitempty" enum:"connected,needs_reauthorization"`
}

type createAccountInput struct {
	UserID         string `path:"user_id" maxLength:"256"`
	Slug           string `path:"slug" maxLength:"64"`
	OrganizationID string `query:"organization_id" maxLength:"256"`
	Body           struct {
		ImportBody
		ConnectionIntent *string `json:"connection_intent,omitempty" enum:"add" doc:"A further connection, beside those that there are"`
	}
}

type updateAccountInput struct {
	UserID                      string `path:"user_id" maxLength:"256"`
	Slug                        string `path:"slug" maxLength:"64"`
	OrganizationID              string `query:"organization_id" maxLength:"256"`
	SupportsMultipleConnections bool   `query:"supports_multiple_connections" doc:"Looked at for reading only"`
	ConnectedAccountID          string `query:"connected_account_id" maxLength:"128"`
	ConnectionIntent            string `query:"connection_intent" enum:"reauthorize"`
	Body                        ImportBody
}

// createAccount imports a connection.
func (a *API) createAccount(ctx context.Context, in *createAccountInput) (*accountOutput, error) {
	owner, err := a.mayImport(ctx, in.Slug, in.UserID, in.OrganizationID)
	if err != nil {
		return nil, err
	}
	im := in.Body.ImportBody.request(in.Slug, owner)
	im.First = in.Body.ConnectionIntent == nil
	if im.AccessToken.IsZero() && im.RefreshToken.IsZero() {
		im.NeedsUser = true
	}
	return a.imported(ctx, im)
}

// updateAccount imports other tokens into a connection.
func (a *API) updateAccount(ctx context.Context, in *updateAccountInput) (*accountOutput, error) {
	owner, err := a.mayImport(ctx, in.Slug, in.UserID, in.OrganizationID)
	if err != nil {
		return nil, err
	}
	sel, err := a.account(ctx, &accountInput{
		UserID: in.UserID, Slug: in.Slug, OrganizationID: in.OrganizationID,
		ConnectedAccountID: in.ConnectedAccountID, SupportsMultipleConnections: in.ConnectedAccountID != "",
	})
	if err != nil {
		return nil, err
	}
	im := in.Body.request(in.Slug, owner)
	im.Connection = sel.Connection.ID
	return a.imported(ctx, im)
}

// mayImport lets servers in that may draw every connection of an integration.
func (a *API) mayImport(ctx context.Context, slug, user, organization string) (hub.Owner, error) {
	app := appOf(ctx)
	if _, err := a.cfg.Catalog.Get(ctx, slug); err != nil {
		return hub.Owner{}, err
	}
	if app.Kind != hub.AppServer || !a.cfg.Access.May(app, &hub.Connection{Integration: slug}) {
		err := hub.Errorf(hub.CodeForbidden, "this key may not import connections").
			WithRemedy("It takes the key of a server (standpipe apps add --server) that may draw all of the integration's connections.")
		entry := hub.AuditEntry{Time: a.cfg.Now(), Action: hub.AuditImport, Decision: hub.AuditDenied, App: app.ID, Subject: slug, Code: err.Code}
		if failed := a.cfg.Auditor.Record(ctx, entry); failed != nil {
			return hub.Owner{}, failed
		}
		return hub.Owner{}, err
	}
	return a.cfg.Access.Owner(app, user, organization, false)
}

func (b *ImportBody) request(slug string, owner hub.Owner) hub.Import {
	im := hub.Import{
		Integration: slug, Owner: owner, AccessToken: secret.New(deref(b.AccessToken)), RefreshToken: secret.New(deref(b.RefreshToken)),
		Scopes: b.Scopes, NeedsUser: deref(b.State) == string(hub.StateNeedsReauthorization),
	}
	if b.ExpiresAt != nil {
		im.ExpiresAt = *b.ExpiresAt
	}
	return im
}

func (a *API) imported(ctx context.Context, im hub.Import) (*accountOutput, error) {
	done, err := a.cfg.Transfers.Import(ctx, appOf(ctx).ID, im)
	if err != nil {
		return nil, err
	}
	return &accountOutput{accountOf(done.Connection)}, nil
}

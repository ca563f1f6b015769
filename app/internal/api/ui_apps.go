// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func (a *API) apps(ctx context.Context, _ *struct{}) (*body[contract.Apps], error) {
	list, err := a.cfg.Access.List(ctx)
	if err != nil {
		return nil, err
	}
	out := contract.Apps{Apps: []contract.App{}}
	for _, d := range a.cfg.Access.Damaged() {
		out.Damaged = append(out.Damaged, contract.DamagedApp{ID: d.ID, Problem: d.Detail})
	}
	for i := range list {
		out.Apps = append(out.Apps, a.appBody(ctx, &list[i]))
	}
	return &body[contract.Apps]{out}, nil
}

// addApp registers an app; its key is in this answer and nowhere else.
func (a *API) addApp(ctx context.Context, in *body[contract.AddApp]) (*body[contract.AddedApp], error) {
	b := &in.Body
	grants, err := a.grants(ctx, b.Grants)
	if err != nil {
		return nil, err
	}
	app, key, err := a.cfg.Access.Add(ctx, hub.NewApp{Name: b.Name, Kind: b.Kind, All: b.All, Grants: grants, ExpiresIn: seconds(b.ExpiresIn)})
	if err != nil {
		return nil, err
	}
	return &body[contract.AddedApp]{contract.AddedApp{App: a.appBody(ctx, app), Key: key}}, nil
}

func (a *API) renameApp(ctx context.Context, in *struct {
	ByID
	Body contract.RenameApp
}) (*body[contract.App], error) {
	app, err := a.cfg.Access.Rename(ctx, in.ID, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &body[contract.App]{a.appBody(ctx, app)}, nil
}

func (a *API) rotateApp(ctx context.Context, in *struct {
	ByID
	Body contract.RotateApp
}) (*body[contract.AddedApp], error) {
	app, key, err := a.cfg.Access.Rotate(ctx, in.ID, seconds(in.Body.ExpiresIn))
	if err != nil {
		return nil, err
	}
	return &body[contract.AddedApp]{contract.AddedApp{App: a.appBody(ctx, app), Key: key}}, nil
}

func (a *API) revokeApp(ctx context.Context, in *ByID) (*body[contract.Revoked], error) {
	drawn, err := a.cfg.Access.Revoke(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[contract.Revoked]{a.outstanding(ctx, drawn)}, nil
}

func (a *API) addGrant(ctx context.Context, in *struct {
	ByID
	Body contract.NewGrant
}) (*body[contract.Grant], error) {
	grants, err := a.grants(ctx, []contract.NewGrant{in.Body})
	if err != nil {
		return nil, err
	}
	g, err := a.cfg.Access.Grant(ctx, in.ID, grants[0])
	if err != nil {
		return nil, err
	}
	return &body[contract.Grant]{a.grantBody(ctx, g)}, nil
}

func (a *API) withdrawGrant(ctx context.Context, in *struct {
	ByID
	Grant string `path:"grant" maxLength:"128"`
}) (*body[contract.Revoked], error) {
	drawn, err := a.cfg.Access.Withdraw(ctx, in.ID, in.Grant)
	if err != nil {
		return nil, err
	}
	return &body[contract.Revoked]{a.outstanding(ctx, drawn)}, nil
}

// grants reads grants that somebody asks for. What they name has to be there.
func (a *API) grants(ctx context.Context, list []contract.NewGrant) ([]hub.Grant, error) {
	out := []hub.Grant{}
	for _, g := range list {
		entry, err := a.cfg.Catalog.Get(ctx, g.Integration)
		if err != nil {
			return nil, err
		}
		if g.Audience != "" && entry.Descriptor != nil && !entry.Descriptor.NarrowsAudience {
			return nil, invalidField("grants", entry.Name()+" issues no tokens for one audience only; leave the audience out")
		}
		if g.Connection != "" {
			c, err := a.cfg.Connections.Get(ctx, g.Connection)
			if errors.Is(err, hub.ErrNotFound) {
				return nil, hub.Errorf(hub.CodeNotFound, "there is no connection %q", g.Connection).WithRemedy("`standpipe status` lists them, each with its id.")
			}
			if err != nil {
				return nil, err
			}
			if c.Integration != g.Integration {
				return nil, invalidField("grants", "the connection "+g.Connection+" is not of "+g.Integration)
			}
		}
		out = append(out, a.grantOf(g))
	}
	return out, nil
}

func (a *API) grantOf(g contract.NewGrant) hub.Grant {
	out := hub.Grant{
		Integration: g.Integration, Connection: g.Connection, Scopes: g.Scopes, AcceptWider: g.AcceptWider, Audience: g.Audience, Mode: g.Mode, Lasts: g.Lasts,
	}
	if g.Lasts == hub.LastsUntil && g.For > 0 {
		out.ExpiresAt = a.cfg.Now().Add(seconds(g.For))
	}
	return out
}

func (a *API) appBody(ctx context.Context, app *hub.App) contract.App {
	out := contract.App{
		ID: app.ID, Name: app.Name, Kind: app.Kind, All: app.All, Grants: []contract.Grant{},
		CreatedAt: app.CreatedAt, LastUsed: timeOrNull(app.LastUsed), ExpiresAt: timeOrNull(app.ExpiresAt),
	}
	if app.Program.Known() {
		out.Program = &app.Program
	}
	for i := range app.Grants {
		if g := &app.Grants[i]; !g.Expired(a.cfg.Now()) {
			out.Grants = append(out.Grants, a.grantBody(ctx, g))
		}
	}
	return out
}

func (a *API) grantBody(ctx context.Context, g *hub.Grant) contract.Grant {
	return contract.Grant{
		ID: g.ID, Integration: g.Integration, Connection: g.Connection, Account: a.label(ctx, g.Connection), Scopes: g.Scopes,
		AcceptWider: g.AcceptWider, Audience: g.Audience, Mode: cmp.Or(g.Mode, hub.GrantToken), Lasts: cmp.Or(g.Lasts, hub.LastsAlways), ExpiresAt: timeOrNull(g.ExpiresAt), CreatedAt: timeOrNull(g.CreatedAt),
	}
}

func (a *API) outstanding(ctx context.Context, drawn []hub.Drawn) contract.Revoked {
	out := contract.Revoked{Outstanding: []contract.Outstanding{}}
	for _, d := range drawn {
		out.Outstanding = append(out.Outstanding, contract.Outstanding{
			Connection: d.Connection, Integration: d.Integration, Account: a.label(ctx, d.Connection), ExpiresAt: timeOrNull(d.ExpiresAt),
		})
	}
	return out
}

// label is what to call a connection's account; empty where there is none.
func (a *API) label(ctx context.Context, connection string) string {
	if connection == "" {
		return ""
	}
	c, err := a.cfg.Connections.Get(ctx, connection)
	if err != nil {
		return ""
	}
	return c.Account.Label()
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// revealFor is how long, in seconds, a copied token stays in the clipboard.
const revealFor = 30

func (a *API) connection(ctx context.Context, in *ByID) (*body[contract.ConnectionDetail], error) {
	conn, err := a.mine(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	toks, err := a.cfg.Connections.Tokens(ctx, conn.ID)
	if err != nil {
		return nil, notFoundAs(err, conn.ID)
	}
	set := &toks.Current
	out := contract.ConnectionDetail{
		Connection: a.connectionOf(ctx, conn), TokenType: set.TokenType, ExpirySource: set.ExpirySource,
		RefreshExpiry: timeOrNull(set.RefreshExpiry), Renewable: !set.RefreshToken.IsZero(), Generation: toks.Generation,
		Metadata: orEmptyMap(set.Metadata), Named: []contract.NamedToken{}, Config: orEmptyMap(conn.Config),
		ClientID: conn.ClientID, Apps: []contract.ConnectionApp{}, History: []contract.Moment{},
	}
	for _, name := range slices.Sorted(maps.Keys(set.Named)) {
		n := set.Named[name]
		token := contract.NamedToken{Name: name, Scopes: orEmpty(n.Scopes), Expiry: timeOrNull(n.Expiry), Reason: n.Reason}
		if n.Reason != "" {
			token.Remedy = a.descriptorOf(ctx, conn).Remedy(n.Reason)
		}
		out.Named = append(out.Named, token)
	}
	apps, err := a.cfg.Access.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := range apps {
		if app := &apps[i]; a.cfg.Access.May(app, conn) {
			out.Apps = append(out.Apps, contract.ConnectionApp{ID: app.ID, Name: app.Name, All: app.All, LastUsed: timeOrNull(app.LastUsed)})
		}
	}
	history, err := a.cfg.Connections.History(ctx, conn.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range history {
		moment := contract.Moment(m)
		if m.Reason != "" {
			moment.Message = m.Reason.Cause()
		}
		out.History = append(out.History, moment)
	}
	return &body[contract.ConnectionDetail]{out}, nil
}

// refreshConnection renews a token now, as a person asked.
func (a *API) refreshConnection(ctx context.Context, in *ByID) (*body[contract.ConnectionDetail], error) {
	if _, err := a.mine(ctx, in.ID); err != nil {
		return nil, err
	}
	if _, err := a.cfg.Tokens.Vend(ctx, hub.VendRequest{
		Connection: in.ID, Force: true, Caller: user, Rule: user, Action: hub.AuditRefresh,
	}); err != nil {
		return nil, err
	}
	return a.connection(ctx, in)
}

// reveal is the copy button: one of the deliberate exits of a token.
func (a *API) reveal(ctx context.Context, in *ByID) (*body[contract.Revealed], error) {
	if _, err := a.mine(ctx, in.ID); err != nil {
		return nil, err
	}
	v, err := a.cfg.Tokens.Vend(ctx, hub.VendRequest{Connection: in.ID, Caller: user, Rule: user, Action: hub.AuditReveal})
	if err != nil {
		return nil, err
	}
	return &body[contract.Revealed]{contract.Revealed{
		AccessToken: v.AccessToken.Reveal(), ExpiresAt: timeOrNull(v.Expiry), ClearAfter: revealFor,
	}}, nil
}

// picture is what to show in place of initials.
func (a *API) picture(ctx context.Context, in *ByID) (*body[contract.Picture], error) {
	if _, err := a.mine(ctx, in.ID); err != nil {
		return nil, err
	}
	none := hub.Errorf(hub.CodeNotFound, "there is no picture of this account").WithRemedy("Its initials will do.")
	if !a.cfg.Avatars {
		return nil, none
	}
	png, err := a.cfg.Connections.Picture(ctx, in.ID)
	if errors.Is(err, hub.ErrNotFound) {
		return nil, none
	}
	if err != nil {
		return nil, err
	}
	return &body[contract.Picture]{contract.Picture{PNG: png}}, nil
}

// mine is a connection of the person at this machine.
func (a *API) mine(ctx context.Context, id string) (*hub.Connection, error) {
	conn, err := a.cfg.Connections.Get(ctx, id)
	if err != nil {
		return nil, notFoundAs(err, id)
	}
	if conn.Owner != hub.Me {
		return nil, notFoundAs(hub.ErrNotFound, id)
	}
	return conn, nil
}

func notFoundAs(err error, id string) error {
	if errors.Is(err, hub.ErrNotFound) {
		return hub.Errorf(hub.CodeNotFound, "there is no connection %q any more", id).WithRemedy("The accounts page shows what there is.")
	}
	return err
}

func orEmptyMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

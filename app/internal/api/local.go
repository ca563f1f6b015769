// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// localKey marks requests of the local surface.
type localKey struct{}

func (a *API) hello(context.Context, *struct{}) (*body[contract.Hello], error) {
	return &body[contract.Hello]{contract.Hello{
		Name: "standpipe", Version: a.cfg.Version, Protocol: contract.Protocol, PID: os.Getpid(), Data: a.cfg.Data,
	}}, nil
}

// localToken vends to the person at this machine: one of the deliberate exits.
func (a *API) localToken(ctx context.Context, in *body[contract.TokenRequest]) (*body[contract.Token], error) {
	b := &in.Body
	if _, err := a.cfg.Catalog.Get(ctx, b.Integration); err != nil {
		return nil, err
	}
	conns, err := a.cfg.Connections.Find(ctx, hub.Me, b.Integration)
	if err != nil {
		return nil, err
	}
	conn, err := choose(conns, b.Integration, b.Account)
	if err != nil {
		return nil, err
	}
	v, err := a.cfg.Tokens.Vend(ctx, hub.VendRequest{
		Connection: conn.ID, MinTTL: time.Duration(b.MinTTL) * time.Second, Token: b.Token, Force: b.Force, Caller: user, Rule: user,
	})
	if err != nil {
		return nil, err
	}
	out := contract.Token{
		AccessToken: v.AccessToken.Reveal(), TokenType: v.TokenType, ExpiresAt: timeOrNull(v.Expiry), ExpirySource: v.ExpirySource,
		Scopes: orEmpty(v.Scopes), Connection: conn.ID, Account: conn.Account.Label(), Metadata: v.Metadata,
	}
	if v.Warning != nil {
		w := errorBody(v.Warning)
		out.Warning = &w
	}
	return &body[contract.Token]{out}, nil
}

// choose finds the connection that a person means by a login, an e-mail
// address or an id. Several are never guessed between.
func choose(conns []*hub.Connection, integration, account string) (*hub.Connection, error) {
	var found []*hub.Connection
	for _, c := range conns {
		if account == "" || c.ID == account || strings.EqualFold(c.Account.Login, account) || strings.EqualFold(c.Account.Email, account) {
			found = append(found, c)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(conns) == 0:
		return nil, hub.Errorf(hub.CodeNotInstalled, "no %s account is connected", integration).
			WithRemedy("Connect one: standpipe connect %s", integration)
	case len(found) == 0:
		return nil, hub.Errorf(hub.CodeNotFound, "no connected %s account is called %q", integration, account).
			WithRemedy("`standpipe status` lists the accounts.")
	}
	e := hub.Errorf(hub.CodeAccountSelection, "several %s accounts are connected", integration).
		WithRemedy("Name one with --account.")
	for _, c := range found {
		e.Choices = append(e.Choices, c.Choice())
	}
	return nil, e
}

func (a *API) providers(ctx context.Context, _ *struct{}) (*body[contract.Providers], error) {
	out := contract.Providers{Providers: []contract.Provider{}, Holding: a.cfg.Plugins.Holding()}
	seen := map[string]bool{}
	for _, e := range a.cfg.Catalog.List(ctx) {
		d := e.Descriptor
		if d == nil || seen[d.Slug] {
			continue
		}
		seen[d.Slug] = true
		out.Providers = append(out.Providers, contract.Provider{
			Slug: d.Slug, Name: d.Name, Plugin: d.Plugin, Capabilities: d.Capabilities, AllowedHosts: d.AllowedHosts,
			Custom: e.Custom, DeclaredIn: declaredIn(e.Files), HidesCustom: e.Hides,
		})
	}
	out.Plugins = a.cfg.Plugins.Status() // List may have started some
	return &body[contract.Providers]{out}, nil
}

// reloadProviders takes in what files of declared providers say now.
func (a *API) reloadProviders(ctx context.Context, _ *struct{}) (*body[contract.Reloaded], error) {
	changes, notices, err := a.cfg.Declared.Reload(ctx)
	if err != nil {
		return nil, err
	}
	out := contract.Reloaded{Changed: []string{}, Removed: []string{}, Problems: notices}
	for _, e := range changes {
		e.Time, e.Decision, e.App, e.Rule = a.cfg.Now(), hub.AuditAllowed, user, "file"
		if err := a.cfg.Auditor.Record(ctx, e); err != nil {
			return nil, err
		}
		if e.Action == hub.AuditProviderRemove {
			out.Removed = append(out.Removed, e.Subject)
		} else {
			out.Changed = append(out.Changed, e.Subject)
		}
	}
	return &body[contract.Reloaded]{out}, nil
}

// rescanPlugins takes in what was installed, replaced or removed since the
// plugins were looked for.
func (a *API) rescanPlugins(ctx context.Context, in *struct{}) (*body[contract.Providers], error) {
	changes, err := a.cfg.Plugins.Rescan(ctx)
	for _, e := range changes {
		e.Decision, e.App, e.Rule = hub.AuditAllowed, user, user
		if err := a.cfg.Auditor.Record(ctx, e); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return a.providers(ctx, in)
}

// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func (a *API) vendToken(ctx context.Context, in *vendInput) (*tokenOutput, error) {
	out := &tokenOutput{}
	v, _, err := a.vend(ctx, in)
	if err != nil {
		out.Body.Inactive, err = inactiveOr(err)
		return out, err
	}
	out.Body.Active = true
	out.Body.AccessToken = &accessToken{
		Object: "access_token", AccessToken: v.AccessToken.Reveal(), ExpiresAt: stampOrNull(v.Expiry),
		Scopes: orEmpty(v.Scopes), MissingScopes: orEmpty(v.MissingScopes), Additions: additionsOf(v),
	}
	return out, nil
}

func (a *API) vendCredential(ctx context.Context, in *vendInput) (*credentialOutput, error) {
	out := &credentialOutput{}
	v, d, err := a.vend(ctx, in)
	if err != nil {
		out.Body.Inactive, err = inactiveOr(err)
		return out, err
	}
	entry, err := a.cfg.Catalog.Get(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	if d != nil {
		for _, f := range d.Config {
			for _, value := range []string{v.Connection.Config[f.Key], entry.Integration.Config[f.Key], f.Default} {
				if value != "" {
					config[f.Key] = value
					break
				}
			}
		}
	}
	out.Body.Active = true
	out.Body.Credential = &credential{
		Object: "credential", AuthMethod: "oauth", Value: v.AccessToken.Reveal(), ExpiresAt: stampOrNull(v.Expiry),
		Scopes: orEmpty(v.Scopes), MissingScopes: orEmpty(v.MissingScopes), Config: config, Additions: additionsOf(v),
	}
	return out, nil
}

// vend is the walk of a token: who asks → for whose account → which one → a
// live token. It also returns what is known of the provider, or nil.
func (a *API) vend(ctx context.Context, in *vendInput) (*hub.Vended, *hub.Descriptor, error) {
	app, b := appOf(ctx), &in.Body
	d, err := a.descriptor(ctx, in.Slug)
	if err != nil {
		return nil, nil, err
	}
	draw := &hub.DrawRequest{Scopes: b.Scopes, Audience: deref(b.Audience), Wait: waitOf(in.Prefer)}
	draw.SelectRequest, err = a.selectRequest(ctx, app, in.Slug, pick{
		user: deref(b.UserID), organization: deref(b.OrganizationID), shared: deref(b.ConnectionOwner) == "organization",
		connection: deref(b.ConnectedAccountID), multiple: deref(b.SupportsMultipleConnections),
	})
	if err != nil {
		return nil, nil, err
	}
	if d != nil {
		draw.Narrows, draw.NarrowsAudience = d.NarrowsScopes, d.NarrowsAudience
	}
	if draw.Audience != "" {
		if err := hub.CheckAudience(draw.Audience); err != nil {
			return nil, nil, invalidField("audience", "the audience "+err.Error())
		}
	}
	if name := deref(b.Token); name != "" {
		if err := a.drawNamed(ctx, draw, name); err != nil {
			return nil, nil, err
		}
	}
	sel, err := a.cfg.Access.Draw(ctx, draw)
	if err != nil {
		return nil, nil, a.denied(ctx, app.ID, in.Slug, err)
	}
	v, err := a.cfg.Tokens.Vend(ctx, hub.VendRequest{
		Connection: sel.Connection.ID, MinTTL: time.Duration(deref(b.MinTTL)) * time.Second, Scopes: sel.Scopes, Audience: sel.Audience, Caller: app.ID, Rule: sel.Rule,
		Token: deref(b.Token), Refused: secret.New(deref(b.RefusedToken)),
	})
	if err != nil {
		a.cfg.Access.GiveBack(app.ID, sel)
		return nil, nil, inTheirWords(err, d)
	}
	a.cfg.Access.Drew(app.ID, v)
	a.cfg.Lock.Used()
	return v, d, nil
}

// descriptor is what is known of an integration's provider; nil: nothing yet. The
// error is that there is no such integration.
func (a *API) descriptor(ctx context.Context, slug string) (*hub.Descriptor, error) {
	if d := a.cfg.Catalog.Descriptor(slug); d != nil {
		return d, nil
	}
	entry, err := a.cfg.Catalog.Get(ctx, slug)
	return entry.Descriptor, err
}

// drawNamed makes a draw one of a further token: what it may do, and not what
// the main one may, is held against the ceiling of the grant. No provider
// narrows a further token.
func (a *API) drawNamed(ctx context.Context, draw *hub.DrawRequest, name string) error {
	conns := slices.Clone(draw.Connections)
	for i, c := range conns {
		toks, err := a.cfg.Connections.Tokens(ctx, c.ID)
		if err != nil {
			return err
		}
		if n, ok := toks.Current.Named[name]; ok && name != toks.Current.Name {
			named := *c
			named.Scopes, conns[i] = n.Scopes, &named
			draw.Narrows, draw.NarrowsAudience = false, false
		}
	}
	draw.Connections = conns
	return nil
}

// inTheirWords gives an outcome that needs the user the provider's own remedy.
func inTheirWords(err error, d *hub.Descriptor) error {
	e := hub.AsError(err)
	if e.Code != hub.CodeNeedsReauthorization {
		return err
	}
	told := *e
	told.Remedy = d.Remedy(e.Reason)
	return &told
}

// pick says which connection a request means.
type pick struct {
	user, organization string
	shared             bool // the organization's own
	connection         string
	multiple           bool
}

// selectRequest gathers what the choice of a connection depends on.
func (a *API) selectRequest(ctx context.Context, app *hub.App, slug string, p pick) (hub.SelectRequest, error) {
	owner, err := a.cfg.Access.Owner(app, p.user, p.organization, p.shared)
	if err != nil {
		return hub.SelectRequest{}, err
	}
	conns, err := a.cfg.Connections.PeekAll(ctx, owner, slug)
	if err != nil {
		return hub.SelectRequest{}, err
	}
	return hub.SelectRequest{App: app, Owner: owner, Integration: slug, Connection: p.connection, Multiple: p.multiple, Connections: conns}, nil
}

func (a *API) selectConnection(ctx context.Context, app *hub.App, slug string, p pick) (hub.Selection, error) {
	req, err := a.selectRequest(ctx, app, slug, p)
	if err != nil {
		return hub.Selection{}, err
	}
	sel, err := a.cfg.Access.Select(req)
	if err != nil {
		return sel, a.denied(ctx, app.ID, slug, err)
	}
	return sel, nil
}

// waitOf is how long a caller would wait: the preference wait=SECONDS (RFC 7240,
// section 4.3).
func waitOf(prefer string) time.Duration {
	for p := range strings.SplitSeq(prefer, ",") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "wait") {
			n, _ := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			return time.Duration(max(0, min(n, 3600))) * time.Second
		}
	}
	return 0
}

// denied audits a refusal and returns it; an audit that cannot be written is
// the graver news.
func (a *API) denied(ctx context.Context, app, subject string, err error) error {
	return a.refused(ctx, hub.AuditVend, app, subject, err)
}

// refused is denied for an action.
func (a *API) refused(ctx context.Context, action hub.AuditAction, app, subject string, err error) error {
	entry := hub.AuditEntry{
		Time: a.cfg.Now(), Action: action, Decision: hub.AuditDenied, App: app, Subject: subject, Code: hub.AsError(err).Code,
	}
	if failed := a.cfg.Auditor.Record(ctx, entry); failed != nil {
		return failed
	}
	return err
}

// inactiveOr turns the outcomes that are inactive answers by contract into
// one, and passes any other error on.
func inactiveOr(err error) (Inactive, error) {
	e := hub.AsError(err)
	if e.Code != hub.CodeNotInstalled && e.Code != hub.CodeNeedsReauthorization {
		return Inactive{}, err
	}
	return Inactive{Error: e.Code, Reason: e.Reason, Remedy: e.Remedy}, nil
}

func additionsOf(v *hub.Vended) Additions {
	out := Additions{
		TokenType: v.TokenType, ExpirySource: v.ExpirySource, ConnectedAccount: v.Connection.ID, Audience: v.Audience, Metadata: v.Metadata,
	}
	if v.Warning != nil {
		out.Warning = v.Warning.Message
	}
	return out
}

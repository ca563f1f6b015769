// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Confirm accepts the account that came back and makes the connection. Only who
// began the flow may confirm it. Where a reauthorization came back with another
// account, acceptOther must be set.
func (e *Engine) Confirm(ctx context.Context, id string, by hub.Initiator, acceptOther bool) (*hub.Flow, error) {
	f, err := e.lookup(id)
	if err != nil {
		return nil, err
	}
	if f.Initiator != by {
		return nil, hub.Errorf(hub.CodeForbidden, "this connection was begun elsewhere, and is confirmed there").
			WithRemedy("Go back to where it was begun, or start again with Connect.")
	}
	e.finish.Lock()
	defer e.finish.Unlock()

	e.mu.Lock()
	switch {
	case f.State == hub.FlowDone:
		e.mu.Unlock()
		return e.snapshot(f), nil // asked twice
	case f.State != hub.FlowConfirm || f.pending == nil:
		e.mu.Unlock()
		return nil, expired()
	case f.Replaces != nil && !acceptOther:
		err := hub.Errorf(hub.CodeAccountMismatch, "%s came back, but this connection belongs to %s", f.Account.Label(), f.Replaces.Label()).
			WithRemedy("Sign in as %s and reauthorize again, or confirm that the connection shall change its account.", f.Replaces.Label())
		e.mu.Unlock()
		return nil, err
	}
	p := f.pending
	e.mu.Unlock()

	conn, err := e.connection(ctx, f, p)
	if err != nil {
		return nil, err
	}
	entry := hub.AuditEntry{Time: e.cfg.Now(), App: "user", Action: hub.AuditConnect, Decision: hub.AuditAllowed, Connection: conn.ID, Rule: string(by)}
	if f.target != nil {
		entry.Action = hub.AuditReauthorize
	}
	if err := e.cfg.Auditor.Record(ctx, entry); err != nil {
		return nil, err
	}
	replaced, err := e.save(ctx, f, p, conn)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	f.State, f.pending, f.Connection = hub.FlowDone, nil, conn.ID
	f.ExpiresAt = e.cfg.Now().Add(resultLife)
	ev := e.changed(f)
	e.mu.Unlock()
	e.cfg.Publisher.Publish(hub.Event{Type: hub.EventConnected, Connection: conn.ID, Slug: conn.Integration, Time: conn.UpdatedAt})
	e.cfg.Publisher.Publish(ev)
	if e.cfg.Pictures != nil {
		e.cfg.Pictures.Fetch(conn, f.resolved)
	}
	if replaced != nil {
		e.retire(ctx, replaced.conn, replaced.tokens)
	}
	return e.snapshot(f), nil
}

// connection is what the flow makes: the reauthorized one with its id, or the
// one that the same account has already, or a new one.
func (e *Engine) connection(ctx context.Context, f *flow, p *pending) (*hub.Connection, error) {
	siblings, err := e.cfg.Connections.Find(ctx, f.Owner, f.Integration)
	if err != nil {
		return nil, err
	}
	now := e.cfg.Now()
	conn := &hub.Connection{ID: e.cfg.NewID("data_installation"), Owner: f.Owner, Compatibility: true, CreatedAt: now}
	for _, s := range siblings {
		conn.Compatibility = conn.Compatibility && !s.Compatibility
	}
	for _, s := range siblings {
		sameAccount := f.target == nil && p.account.Subject != "" && s.Account.Same(p.account)
		if sameAccount || f.target != nil && s.ID == f.target.ID {
			conn = s
			break
		}
	}
	if f.target != nil && conn.ID != f.target.ID {
		return nil, hub.Errorf(hub.CodeFlowExpired, "the connection that was to be reauthorized was disconnected meanwhile").
			WithRemedy("Connect the account anew.")
	}
	r := f.resolved
	conn.Integration, conn.Provider = r.Integration.Slug, r.Integration.Provider
	conn.Account = p.account
	conn.State, conn.Reason, conn.Backup = hub.StateConnected, "", ""
	conn.Requested, conn.Scopes = r.Scopes, p.granted
	conn.Config = f.config
	conn.ClientID, conn.RedirectURI = r.Target.ClientID, r.RedirectURI
	conn.Sandbox = r.Integration.Credentials == hub.CredentialsSandbox
	conn.UpdatedAt, conn.LastRefresh, conn.Expiry = now, time.Time{}, p.tokens.Expiry
	return conn, nil
}

// replacement is the token set that a reconnect took the place of.
type replacement struct {
	conn   *hub.Connection
	tokens hub.TokenSet
}

func (e *Engine) save(ctx context.Context, f *flow, p *pending, conn *hub.Connection) (*replacement, error) {
	var old *replacement
	err := e.cfg.Connections.Update(ctx, func(tx *hub.ConnectionsTx) error {
		old = nil
		if conn.Generation > 0 {
			before, err := tx.Connection(conn.ID)
			if err != nil {
				return err
			}
			// The refresh engine may have written since; what it wrote is of
			// the old token set and gives way.
			conn.Generation, conn.Picture = before.Generation, before.Picture
			if conn.Account.PictureURL == "" {
				conn.Picture = "" // the account has none any more
			}
			tokens, err := tx.Tokens(conn.ID)
			if err != nil && !errors.Is(err, hub.ErrNotFound) {
				return err
			}
			if tokens != nil {
				old = &replacement{before, tokens.Current}
				if p.tokens.RefreshToken.IsZero() && before.State == hub.StateConnected && before.Account.Same(conn.Account) && before.ClientID == conn.ClientID {
					// A provider that gives a refresh token on consent only
					// has not taken back the one it gave.
					p.tokens.RefreshToken, p.tokens.RefreshExpiry = tokens.Current.RefreshToken, tokens.Current.RefreshExpiry
				}
			}
		}
		if err := tx.PutConnection(conn); err != nil {
			return err
		}
		if _, err := tx.PutTokenSet(conn.ID, p.tokens); err != nil {
			return err
		}
		return tx.Delete(pendingRef(f))
	})
	if errors.Is(err, hub.ErrNotFound) {
		return nil, hub.Errorf(hub.CodeFlowExpired, "the connection was disconnected meanwhile").WithRemedy("Connect the account anew.")
	}
	return old, err
}

// keepsRefresh reports whether a connection has a refresh token that goes on
// working after a reauthorization.
func (e *Engine) keepsRefresh(ctx context.Context, conn *hub.Connection, clientID string) bool {
	if conn.State != hub.StateConnected || conn.ClientID != clientID {
		return false
	}
	t, err := e.cfg.Connections.Tokens(ctx, conn.ID)
	return err == nil && !t.Current.RefreshToken.IsZero()
}

// retire revokes what a reconnect replaced, where the provider can do that
// without touching the new tokens. A provider that gave the same token again
// keeps it.
func (e *Engine) retire(ctx context.Context, conn *hub.Connection, old hub.TokenSet) {
	now, err := e.cfg.Connections.Tokens(ctx, conn.ID)
	if err != nil || now.Current.AccessToken.Equal(old.AccessToken) ||
		!old.RefreshToken.IsZero() && now.Current.RefreshToken.Equal(old.RefreshToken) {
		return
	}
	e.cfg.Revoker.RevokeUnused(ctx, conn, old)
}

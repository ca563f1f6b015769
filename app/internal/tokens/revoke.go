// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// RevokeUnused withdraws, as narrowly as the provider can, tokens that no
// connection will use: of a flow that was not confirmed, or that came too late.
// It never ends a live connection. It takes up to 40 seconds.
func (e *Engine) RevokeUnused(ctx context.Context, conn *hub.Connection, tokens hub.TokenSet) {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	rev := e.revoke(ctx, conn, &tokens, "", false)
	e.cfg.Logger.Info("unused tokens were withdrawn", "integration", conn.Integration, "reach", rev.Reach)
}

// revoke withdraws a token set at the provider and says what became of it.
// except is a connection that does not mind.
func (e *Engine) revoke(ctx context.Context, conn *hub.Connection, set *hub.TokenSet, except string, allowGrant bool) hub.Revocation {
	none := func(format string, args ...any) hub.Revocation {
		return hub.Revocation{Reach: hub.ReachNone, Message: fmt.Sprintf(format, args...)}
	}
	if conn.Elsewhere() {
		return none("The account was removed here. Its tokens were not revoked, as they may be in use on another machine.")
	}
	r, err := e.cfg.Resolver.ResolveFor(ctx, conn)
	if err != nil {
		e.cfg.Logger.Warn("a token could not be revoked", "connection", conn.ID, "error", err)
		return none("The account was removed here. Its token was not revoked: %s. Remove the access in the account's settings at %s.",
			hub.AsError(err).Message, conn.Integration)
	}
	d := r.Descriptor
	if !d.Can(hub.CanRevoke) || d.Revoke == hub.ReachNone || d.Revoke == "" {
		if d.RevokeNote != "" {
			return none("The account was removed here. %s", d.RevokeNote)
		}
		return none("The account was removed here. %s offers no way to revoke a token; remove the access in the account's settings there.", d.Name)
	}
	if d.Revoke == hub.ReachGrant && !allowGrant {
		shared, err := e.shared(ctx, conn, except)
		if err != nil {
			return none("The account was removed here. Its token was not revoked, because it could not be told whether another connection shares it.")
		}
		if shared {
			return none("The account was removed here. Its token was not revoked: %s can only end the whole authorization, which another connection of the same account uses.", d.Name)
		}
	}
	return e.revokeAll(ctx, r, set)
}

// revokeAll revokes refresh tokens before access tokens, so that nothing can
// be renewed in between.
func (e *Engine) revokeAll(ctx context.Context, r *hub.Resolved, set *hub.TokenSet) hub.Revocation {
	d := r.Descriptor
	reach, asked := hub.ReachNone, 0
	var failed error
	one := func(token secret.Value, refresh bool) {
		if token.IsZero() || reach == hub.ReachGrant {
			return
		}
		asked++
		got, err := e.cfg.Providers.Revoke(ctx, r.Target, hub.RevokeRequest{Token: token, Refresh: refresh, Reach: d.Revoke})
		if err != nil {
			// Not every provider revokes both kinds; the other one may do.
			failed = err
			return
		}
		reach = wider(reach, got)
	}
	one(set.RefreshToken, true)
	for _, n := range set.Named {
		one(n.RefreshToken, true)
	}
	one(set.AccessToken, false)
	for _, n := range set.Named {
		one(n.AccessToken, false)
	}
	out := hub.Revocation{Reach: reach}
	pe, _ := errors.AsType[*hub.ProviderError](failed)
	unsupported := pe != nil && pe.Class == hub.ProviderUnsupported
	if failed != nil {
		e.cfg.Logger.Warn("a token could not be revoked", "provider", d.Slug, "error", failed)
	}
	switch {
	case asked == 0:
		out.Message = "The account was removed. There was no token left to revoke."
	case reach == hub.ReachNone && failed != nil:
		out.Message = fmt.Sprintf("The account was removed here. %s did not revoke its token (%s). Remove the access in the account's settings there.", d.Name, public(failed, d))
	case failed != nil && !unsupported:
		out.Message = fmt.Sprintf("The account was removed. %s revoked a part of its tokens and failed on the rest (%s).", d.Name, public(failed, d))
	case reach == hub.ReachGrant:
		out.Message = fmt.Sprintf("The account was removed, and %s ended the whole authorization.", d.Name)
	case reach == hub.ReachToken:
		out.Message = fmt.Sprintf("The account was removed, and its token was revoked at %s.", d.Name)
	default:
		out.Message = fmt.Sprintf("The account was removed here. %s revoked nothing; remove the access in the account's settings there.", d.Name)
	}
	return out
}

// public is the error as it may be shown.
func public(err error, d *hub.Descriptor) string {
	if pe, ok := errors.AsType[*hub.ProviderError](err); ok {
		return pe.Public(d.Name).Message
	}
	return hub.AsError(err).Message
}

// shared reports whether another live connection stands on the same
// authorization: same OAuth client, same account.
func (e *Engine) shared(ctx context.Context, conn *hub.Connection, except string) (bool, error) {
	for other, err := range e.cfg.Connections.All(ctx) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue // it cannot be used anyway
		}
		if err != nil {
			return false, err
		}
		live := other.State == hub.StateConnected || other.Elsewhere()
		if other.ID != except && live && other.ClientID == conn.ClientID && other.Account.Same(conn.Account) {
			return true, nil
		}
	}
	return false, nil
}

func wider(a, b hub.Reach) hub.Reach {
	rank := map[hub.Reach]int{hub.ReachToken: 1, hub.ReachGrant: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

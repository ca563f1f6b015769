// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// revoke withdraws a token set at the provider and says what became of it. again
// is set where another try may do better; rest is what it has to do.
func (e *Engine) revoke(ctx context.Context, r *hub.Revoking) (rev hub.Revocation, rest *hub.TokenSet, again error) {
	conn := &r.Connection
	none := func(format string, args ...any) (hub.Revocation, *hub.TokenSet, error) {
		return hub.Revocation{Reach: hub.ReachNone, Message: fmt.Sprintf(format, args...)}, nil, nil
	}
	if conn.Elsewhere() {
		return none("The account was removed here. Its tokens were not revoked, as they may be in use on another machine.")
	}
	if r.Tokens == nil || r.Tokens.AccessToken.IsZero() && r.Tokens.RefreshToken.IsZero() && len(r.Tokens.Named) == 0 {
		return none("The account was removed. It had no token.")
	}
	to, err := e.cfg.Resolver.ResolveFor(ctx, conn)
	if err != nil {
		e.cfg.Logger.Warn("a token could not be revoked", "connection", conn.ID, "error", err)
		if again := worthAnother(err); again != nil {
			rev, _, _ := none(later, conn.Integration, hub.AsError(err).Message)
			return rev, r.Tokens, again
		}
		return none("The account was removed here. Its token was not revoked: %s. Remove the access in the account's settings at %s.",
			hub.AsError(err).Message, conn.Integration)
	}
	d := to.Descriptor
	if !d.Can(hub.CanRevoke) || d.Revoke == hub.ReachNone || d.Revoke == "" {
		if d.RevokeNote != "" {
			return none("The account was removed here. %s", d.RevokeNote)
		}
		return none("The account was removed here. %s offers no way to revoke a token; remove the access in the account's settings there.", d.Name)
	}
	reach := d.Revoke
	if r.AllowGrant && d.RevokesGrant {
		reach = hub.ReachGrant
	}
	if reach == hub.ReachGrant && !r.AllowGrant {
		others, err := e.sharing(ctx, conn, r.ID)
		if err != nil {
			rev, _, _ := none("The account was removed here. Its token was not revoked, because it could not be told whether another connection shares it.")
			return rev, r.Tokens, storageFailed(err)
		}
		if len(others) > 0 {
			return none("The account was removed here. Its token was not revoked: %s can only end the whole authorization, which another connection of the same account uses.", d.Name)
		}
	}
	began := e.now()
	rev, rest, again = e.revokeAll(ctx, to, r.Tokens, reach)
	if rev.Reach == hub.ReachGrant {
		e.grantEnded(ctx, conn, r.ID, began)
	}
	return rev, rest, again
}

// revokeAll revokes refresh tokens before access tokens, so that nothing can
// be renewed in between.
func (e *Engine) revokeAll(ctx context.Context, r *hub.Resolved, set *hub.TokenSet, as hub.Reach) (hub.Revocation, *hub.TokenSet, error) {
	d := r.Descriptor
	reach, asked := hub.ReachNone, 0
	var failed, again error
	rest := *set
	rest.Named = maps.Clone(set.Named)
	one := func(token secret.Value, refresh bool, done func()) {
		if token.IsZero() || reach == hub.ReachGrant {
			return
		}
		asked++
		got, err := e.cfg.Providers.Revoke(ctx, r.Target, hub.RevokeRequest{Token: token, Refresh: refresh, Reach: as})
		if err != nil {
			// Not every provider revokes both kinds; the other one may do, and it
			// must not hide that this one was refused.
			if failed == nil || unsupported(failed) {
				failed = err
			}
			if another := worthAnother(err); another != nil {
				again = another
				return
			}
		} else {
			reach = wider(reach, got)
		}
		done()
	}
	named := func(name string, edit func(*hub.NamedToken)) func() {
		return func() {
			n := rest.Named[name]
			edit(&n)
			rest.Named[name] = n
		}
	}
	one(set.RefreshToken, true, func() { rest.RefreshToken = secret.Value{} })
	for name, n := range set.Named {
		one(n.RefreshToken, true, named(name, func(n *hub.NamedToken) { n.RefreshToken = secret.Value{} }))
	}
	one(set.AccessToken, false, func() { rest.AccessToken = secret.Value{} })
	for name, n := range set.Named {
		one(n.AccessToken, false, named(name, func(n *hub.NamedToken) { n.AccessToken = secret.Value{} }))
	}
	if reach == hub.ReachGrant {
		again = nil // nothing of it works any more
	}
	if failed != nil && !(unsupported(failed) && reach != hub.ReachNone) {
		e.cfg.Logger.Warn("a token could not be revoked", "provider", d.Slug, "error", failed)
	}
	return hub.Revocation{Reach: reach, Message: revoked(d, reach, asked, failed, again)}, &rest, again
}

// revoked says in words what became of tokens.
func revoked(d *hub.Descriptor, reach hub.Reach, asked int, failed, again error) string {
	switch {
	case asked == 0:
		return "The account was removed. There was no token left to revoke."
	case again != nil:
		return fmt.Sprintf(later, d.Name, hub.AsError(again).Message)
	case reach == hub.ReachNone && failed != nil:
		return fmt.Sprintf("The account was removed here. %s did not revoke its token (%s). Remove the access in the account's settings there.", d.Name, public(failed, d))
	case failed != nil && !unsupported(failed):
		return fmt.Sprintf("The account was removed. %s revoked a part of its tokens and failed on the rest (%s).", d.Name, public(failed, d))
	case reach == hub.ReachGrant:
		return fmt.Sprintf("The account was removed, and %s ended the whole authorization.", d.Name)
	case reach == hub.ReachToken:
		return fmt.Sprintf("The account was removed, and its token was revoked at %s.", d.Name)
	}
	return fmt.Sprintf("The account was removed here. %s revoked nothing; remove the access in the account's settings there.", d.Name)
}

// unsupported reports that the provider has no way to do it, so that nothing
// went wrong.
func unsupported(err error) bool {
	pe, ok := errors.AsType[*hub.ProviderError](err)
	return ok && pe.Class == hub.ProviderUnsupported
}

// worthAnother is the error where a later try may do better, or nil.
func worthAnother(err error) error {
	if pe, ok := errors.AsType[*hub.ProviderError](err); ok {
		switch pe.Class {
		case hub.ProviderTemporary, hub.ProviderGone:
			return pe.Public("it")
		default:
			return nil
		}
	}
	switch e := hub.AsError(err); e.Code {
	case hub.CodePluginUnavailable, hub.CodePluginFailed, hub.CodeProviderUnavailable, hub.CodeRateLimited, hub.CodeStorage, hub.CodeLocked:
		return e
	}
	return nil
}

// public is the error as it may be shown.
func public(err error, d *hub.Descriptor) string {
	if pe, ok := errors.AsType[*hub.ProviderError](err); ok {
		return pe.Public(d.Name).Message
	}
	return hub.AsError(err).Message
}

func wider(a, b hub.Reach) hub.Reach {
	rank := map[hub.Reach]int{hub.ReachToken: 1, hub.ReachGrant: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Narrowed tokens hold fewer scopes than their connection has, or are for one
// audience only (RFC 8707): for an app that was granted no more. They are issued
// by a refresh that names scopes and audience, at providers that leave the
// refresh token as it is, and are kept in memory, one per connection, audience
// and set of scopes, until they have to be renewed.

// How long a failure to narrow is answered at once, and how long a token is kept
// of which nobody knows when it ends.
const (
	narrowPause = 30 * time.Second
	narrowKeep  = 5 * time.Minute
)

// narrowing is one set of scopes, for one audience, of one connection. set and
// err are written once, before done is closed.
type narrowing struct {
	conn string
	done chan struct{}
	set  hub.TokenSet
	err  *hub.Error
	at   time.Time
}

// vendNarrowed is vend for a token with some of the scopes of its connection, or
// for one audience.
func (e *Engine) vendNarrowed(ctx context.Context, state *outcome, req *hub.VendRequest) (*hub.Vended, *hub.Error) {
	n, err := e.narrowing(state, req)
	if err != nil {
		return nil, err
	}
	waited := !n.ended()
	select {
	case <-n.done:
	case <-ctx.Done():
		return nil, &hub.Error{
			Code: hub.CodeProviderUnavailable, Message: "the provider has not answered yet", RetryAfter: 5 * time.Second, Err: ctx.Err(),
		}
	}
	if n.err != nil {
		return nil, n.err
	}
	if waited { // it may have been disconnected meanwhile
		if _, err := e.read(ctx, state.conn.ID); err != nil {
			return nil, err
		}
	}
	toks := *state.tokens
	toks.Current = n.set
	v, err := e.serve(&outcome{conn: state.conn, tokens: &toks})
	if err != nil {
		return nil, err
	}
	v.Audience = req.Audience
	return v, nil
}

// narrowing is the token for a set of scopes and an audience: one that is kept, one that is on
// its way, or a new one.
func (e *Engine) narrowing(state *outcome, req *hub.VendRequest) (*narrowing, *hub.Error) {
	key := narrowKey(state.conn, req)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, stopping()
	case e.paused:
		return nil, lockedMeanwhile()
	}
	now := e.now()
	if n := e.narrowed[key]; n != nil && n.serves(now, req) {
		return n, nil
	}
	for k, n := range e.narrowed {
		if n.over(now) {
			delete(e.narrowed, k)
		}
	}
	if e.narrowed == nil {
		e.narrowed = map[string]*narrowing{}
	}
	n := &narrowing{conn: state.conn.ID, done: make(chan struct{}), at: now}
	e.narrowed[key] = n
	e.work.Go(func() {
		defer close(n.done)
		ctx, cancel := context.WithTimeout(e.life, refreshTimeout)
		defer cancel()
		n.set, n.err = e.narrow(ctx, state, req.Scopes, req.Audience)
	})
	return n, nil
}

// forget drops the narrowed tokens of a connection. It needs e.mu held.
func (e *Engine) forget(conn string) {
	maps.DeleteFunc(e.narrowed, func(_ string, n *narrowing) bool { return n.conn == conn })
}

// ended reports whether the provider has answered.
func (n *narrowing) ended() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// serves reports whether a caller can have what this one brings.
func (n *narrowing) serves(now time.Time, req *hub.VendRequest) bool {
	switch {
	case !n.ended():
		return true
	case n.err != nil:
		return now.Sub(n.at).Abs() < max(narrowPause, n.err.RetryAfter)
	case !req.Refused.IsZero() && req.Refused.Equal(n.set.AccessToken) && now.Sub(n.at).Abs() >= refusedPause:
		return false // its caller says that the provider refuses it
	default:
		return !req.Force && !n.over(now) && n.set.ValidFor(now, effectiveTTL(&n.set, req.MinTTL))
	}
}

// over reports whether nobody can have any use for it.
func (n *narrowing) over(now time.Time) bool {
	if !n.ended() {
		return false
	}
	age := now.Sub(n.at).Abs() // a clock that was set does not keep it for ever
	switch {
	case n.err != nil:
		return age >= narrowPause
	case n.set.Expiry.IsZero():
		return age >= narrowKeep
	}
	return !n.set.ValidFor(now, 0)
}

// narrow asks the provider. A failure says nothing about the connection: its own
// refresh finds out.
func (e *Engine) narrow(ctx context.Context, state *outcome, scopes []string, audience string) (hub.TokenSet, *hub.Error) {
	refuse := func(err *hub.Error) (hub.TokenSet, *hub.Error) { return hub.TokenSet{}, err }
	used := state.tokens.Current.RefreshToken
	if used.IsZero() {
		return refuse(cannotNarrow(state.conn.Integration))
	}
	r, err := e.cfg.Resolver.ResolveFor(ctx, state.conn)
	if err != nil {
		return refuse(hub.AsError(err))
	}
	d := r.Descriptor
	if scopes != nil && !d.NarrowsScopes || audience != "" && !d.NarrowsAudience || !d.Can(hub.CanRefresh) {
		return refuse(cannotNarrow(d.Name))
	}
	leave, blocked := e.enter(ctx, state.conn.Integration)
	if blocked != nil {
		return refuse(blocked)
	}
	defer leave()
	a, err := e.cfg.Providers.Refresh(ctx, r.Target, hub.RefreshRequest{
		RefreshToken: used, Scopes: scopes, Audience: audience, RedirectURI: state.conn.RedirectURI,
	})
	if err != nil {
		return refuse(judge(err, d).public)
	}
	if next := a.Tokens.RefreshToken; !next.IsZero() && !next.Equal(used) {
		if err := e.adopt(ctx, state, a.Tokens); err != nil {
			return refuse(storageFailed(err))
		}
	}
	set := a.Tokens
	if set.AccessToken.IsZero() {
		return refuse(cannotNarrow(d.Name))
	}
	if set.Scopes == nil {
		set.Scopes = scopes // RFC 6749 section 5.1: as asked for, where it does not say
	}
	if beyond := hub.Beyond(scopes, set.Scopes); len(beyond) > 0 {
		// It must not leave: more was issued than was granted.
		e.cfg.Logger.Error("a provider does not narrow tokens as its plugin says", "provider", r.Target.Provider, "beyond", strings.Join(beyond, " "))
		return refuse(cannotNarrow(d.Name))
	}
	if others := beyondAudience(set.AccessToken, audience); len(others) > 0 {
		e.cfg.Logger.Error("a provider does not issue tokens for one audience as its plugin says", "provider", r.Target.Provider, "audience", strings.Join(others, " "))
		return refuse(cannotNarrow(d.Name))
	}
	if set.IssuedAt.IsZero() {
		set.IssuedAt = e.now()
	}
	set.TokenType, set.Metadata = orCurrent(set.TokenType, state.tokens.Current.TokenType), state.tokens.Current.Metadata
	return set, nil
}

func orCurrent(v, current string) string {
	if v != "" {
		return v
	}
	return current
}

// adopt keeps a refresh token that came although the provider is said to issue
// none anew: it may be the only one that works now.
func (e *Engine) adopt(ctx context.Context, state *outcome, got hub.TokenSet) error {
	return e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
		_, toks, err := both(tx, state)
		if gone(err) {
			return nil // replaced or removed meanwhile: those count
		}
		if err != nil {
			return err
		}
		toks.Current.RefreshToken = got.RefreshToken
		return tx.PutTokens(toks)
	})
}

// narrowKey names an audience and a set of scopes of a connection as it was
// authorized.
func narrowKey(conn *hub.Connection, req *hub.VendRequest) string {
	sorted := func(list []string) string { return strings.Join(slices.Sorted(slices.Values(list)), " ") }
	return strings.Join([]string{conn.ID, conn.ClientID, sorted(conn.Scopes), sorted(req.Scopes), req.Audience}, "\x00")
}

func cannotNarrow(provider string) *hub.Error {
	return hub.Errorf(hub.CodeProviderRefused, "%s issued no token that is as narrow as the app's grant", provider).
		WithRemedy("Grant the app all scopes of the account, or accept the wider token; a token for one audience has to be asked for when the account is connected.")
}

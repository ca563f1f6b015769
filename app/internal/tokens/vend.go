// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// defaultMinTTL is how long a token lives at least when the caller does not
// ask for more: enough to send one request.
const defaultMinTTL = 10 * time.Second

// Vend returns a token that lives, or an *hub.Error that says why there is
// none. It is audited before it returns; without audit there is no token. A
// refresh that it began goes on when ctx ends. The result belongs to the
// caller, but its connection, slices and maps are shared and must not be changed.
func (e *Engine) Vend(ctx context.Context, req hub.VendRequest) (*hub.Vended, error) {
	begin := e.now()
	v, failed := e.vend(ctx, req)
	faults.Point("vend.decided")
	entry := hub.AuditEntry{
		Time: begin, Action: cmp.Or(req.Action, hub.AuditVend), Decision: hub.AuditAllowed,
		App: req.Caller, Connection: req.Connection, Rule: req.Rule, Subject: req.Subject,
	}
	if failed != nil {
		entry.Decision, entry.Code = hub.AuditFailed, failed.Code
	} else {
		entry.Fingerprint, entry.Generation = e.fingerprint(v.AccessToken), v.Generation
		entry.Scope = strings.Join(v.Scopes, " ")
	}
	entry.Latency = e.now().Sub(begin)
	e.metrics.vended(failed, entry.Latency)
	if err := e.cfg.Auditor.Record(ctx, entry); err != nil {
		return nil, auditFailed(err)
	}
	faults.Point("vend.audited")
	if failed != nil {
		return nil, failed
	}
	return v, nil
}

func (e *Engine) vend(ctx context.Context, req hub.VendRequest) (*hub.Vended, *hub.Error) {
	if req.Token != "" || req.Scopes != nil || req.Audience != "" {
		state, err := e.read(ctx, req.Connection)
		if err != nil {
			return nil, err
		}
		if req.Token != "" {
			if v, err := e.vendNamed(ctx, state, &req); v != nil || err != nil {
				return v, err
			}
		}
		if req.Scopes != nil || req.Audience != "" {
			return e.vendNarrowed(ctx, state, &req)
		}
	}
	state, err := e.look(ctx, req.Connection, e.cfg.Connections.Drawn)
	if err != nil {
		return nil, err
	}
	set := &state.tokens.Current
	cause, warning := e.cause(set, &req)
	if warning != nil {
		return e.vended(state, warning), nil
	}
	force := cause.Forced()
	if e.fresh(set, req.MinTTL) && !force {
		return e.vended(state, nil), nil
	}
	failed := e.pending(state, force)
	if failed == nil {
		var renewed *outcome
		renewed, failed = e.await(ctx, e.refresh(req.Connection, state.tokens.Generation, cause))
		if failed == nil {
			return e.serve(renewed)
		}
	}
	// The answer of a refresh that fails early: the token that still lives.
	// Who asked for another one by force has no use for it.
	permanent := failed.Code == hub.CodeNeedsReauthorization || failed.Code == hub.CodeNotInstalled
	if !permanent && !force && set.ValidFor(e.now(), 0) {
		return e.vended(state, failed), nil
	}
	return nil, failed
}

// fresh reports whether a set lives long enough to be handed out as it is.
func (e *Engine) fresh(set *hub.TokenSet, minTTL time.Duration) bool {
	now := e.now()
	return set.ValidFor(now, effectiveTTL(set, minTTL)) && (set.Expiry.IsZero() || !set.FromTheFuture(now))
}

// serve answers with what a refresh left in the store.
func (e *Engine) serve(o *outcome) (*hub.Vended, *hub.Error) {
	if set := &o.tokens.Current; !set.ValidFor(e.now(), 0) {
		return nil, expiredAnswer(o.conn.Integration, set)
	}
	return e.vended(o, o.warning), nil
}

// expiredAnswer says why a token that was just renewed is of no use: it came
// expired, or it lived too shortly for a machine that is busy or was asleep.
func expiredAnswer(integration string, set *hub.TokenSet) *hub.Error {
	if set.Life() > 0 {
		return &hub.Error{
			Code:       hub.CodeProviderUnavailable,
			Message:    fmt.Sprintf("%s issued a token that ended before it could be handed out", integration),
			Remedy:     "Ask again.",
			RetryAfter: minInterval,
		}
	}
	return &hub.Error{
		Code:    hub.CodeProviderRefused,
		Message: integration + " issued a token that has already expired",
		Remedy:  "Check the clock of this machine.",
	}
}

// await waits for a flight, which does not end with ctx.
func (e *Engine) await(ctx context.Context, f *flight) (*outcome, *hub.Error) {
	select {
	case <-f.done:
		if f.outcome.err != nil {
			return nil, f.outcome.err
		}
		return &f.outcome, nil
	case <-ctx.Done():
		return nil, &hub.Error{
			Code:       hub.CodeProviderUnavailable,
			Message:    "the provider has not answered yet; the refresh goes on",
			RetryAfter: 5 * time.Second,
			Err:        ctx.Err(),
		}
	}
}

// read returns a connection that can be vended, with all its tokens.
func (e *Engine) read(ctx context.Context, id string) (*outcome, *hub.Error) {
	return e.look(ctx, id, e.cfg.Connections.Tokens)
}

// look is read with as much of the tokens as of brings.
func (e *Engine) look(ctx context.Context, id string, of func(context.Context, string) (*hub.Tokens, error)) (*outcome, *hub.Error) {
	conn, err := e.cfg.Connections.Peek(ctx, id)
	if errors.Is(err, hub.ErrNotFound) {
		return nil, notConnected()
	}
	if err != nil {
		return nil, storageFailed(err)
	}
	if err := usable(conn); err != nil {
		return nil, err
	}
	toks, err := of(ctx, id)
	if errors.Is(err, hub.ErrNotFound) {
		// Both are removed together, so look whether they were just now.
		if _, again := e.cfg.Connections.Peek(ctx, id); errors.Is(again, hub.ErrNotFound) {
			return nil, notConnected()
		}
		err = &hub.IntegrityError{Ref: hub.Ref{Kind: hub.KindTokens, ID: id}, Detail: "it is missing"}
	}
	if err != nil {
		return nil, storageFailed(err)
	}
	return &outcome{conn: conn, tokens: toks}, nil
}

// usable says why a connection cannot be vended or refreshed, or nil.
func usable(conn *hub.Connection) *hub.Error {
	switch conn.State {
	case hub.StateConnected:
		return nil
	case hub.StateNeedsReauthorization:
		return needsUser(conn.Integration, conn.Reason)
	default:
		return notConnected()
	}
}

func (e *Engine) vended(o *outcome, warning *hub.Error) *hub.Vended {
	conn, set := o.conn, &o.tokens.Current
	scopes := set.Scopes
	if scopes == nil {
		scopes = conn.Scopes
	}
	granted := scopes
	if set.Named != nil {
		granted = conn.Scopes // what is missing is in none of the tokens
	}
	return &hub.Vended{
		Connection: conn, AccessToken: set.AccessToken, TokenType: set.TokenType,
		Expiry: set.Expiry, ExpirySource: set.ExpirySource,
		Scopes: scopes, MissingScopes: hub.MissingScopes(e.cfg.Resolver.Wanted(conn.Integration), granted),
		Metadata: set.Metadata, Generation: o.tokens.Generation, Warning: warning,
	}
}

// effectiveTTL is what can be asked of a token: no more than half of its life,
// or every call would renew it.
func effectiveTTL(set *hub.TokenSet, asked time.Duration) time.Duration {
	if asked <= 0 {
		asked = defaultMinTTL
	}
	return max(0, min(asked, set.Life()/2))
}

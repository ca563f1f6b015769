// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// A connection may have further tokens by name (Slack's user token beside the
// bot's). They stand in the record of the main one, and each is renewed by
// itself: with a flight, a back-off and a generation of its own, so that one
// that is refused takes nothing from the others.

// vendNamed is vend for a further token of a connection that was read.
func (e *Engine) vendNamed(ctx context.Context, state *outcome, req *hub.VendRequest) (*hub.Vended, *hub.Error) {
	if req.Token == state.tokens.Current.Name {
		return nil, nil // the main one
	}
	state.name = req.Token
	n, err := state.named()
	if err != nil {
		return nil, err
	}
	set := n.Set()
	cause, warning := e.cause(&set, req)
	force := cause.Forced()
	if warning != nil || !force && set.ValidFor(e.now(), effectiveTTL(&set, req.MinTTL)) {
		return e.vendedNamed(state, warning), nil
	}
	failed := e.pending(state, force)
	if failed == nil {
		var renewed *outcome
		renewed, failed = e.await(ctx, e.refreshNamed(state.conn.ID, req.Token, n.Generation, cause))
		if failed == nil {
			return e.serveNamed(renewed)
		}
	}
	if failed.Code != hub.CodeNeedsReauthorization && !force && set.ValidFor(e.now(), 0) {
		return e.vendedNamed(state, failed), nil
	}
	return nil, failed
}

// named is the further token that an outcome is about, or why there is none.
func (o *outcome) named() (hub.NamedToken, *hub.Error) {
	n, ok := o.tokens.Current.Named[o.name]
	switch {
	case !ok:
		return n, &hub.Error{
			Code: hub.CodeNotFound, Message: fmt.Sprintf("the connection has no token %q", o.name), Field: "token",
			Remedy: "Reauthorize with the scopes of that token, or leave the name out for the main one.",
		}
	case n.Reason != "":
		return n, needsUser(o.conn.Integration, n.Reason)
	}
	return n, nil
}

// serveNamed answers with what a refresh left in the store, which may be what
// the user authorized meanwhile: without this token, too.
func (e *Engine) serveNamed(o *outcome) (*hub.Vended, *hub.Error) {
	n, err := o.named()
	if err != nil {
		return nil, err
	}
	if set := n.Set(); !set.ValidFor(e.now(), 0) {
		return nil, expiredAnswer(o.conn.Integration, &set)
	}
	return e.vendedNamed(o, nil), nil
}

func (e *Engine) vendedNamed(o *outcome, warning *hub.Error) *hub.Vended {
	v := e.vended(o, warning)
	n := o.tokens.Current.Named[o.name]
	v.AccessToken, v.TokenType, v.Expiry, v.ExpirySource, v.Scopes = n.AccessToken, "Bearer", n.Expiry, n.ExpirySource, n.Scopes
	return v
}

// refreshNamed is refresh for one of the further tokens. seen is its generation.
func (e *Engine) refreshNamed(id, name string, seen uint64, cause hub.Cause) *flight {
	return e.fly(namedKey(id, name), seen, cause, func(ctx context.Context, seen uint64, cause hub.Cause) outcome {
		return e.runNamed(ctx, id, name, seen, cause)
	})
}

// tend renews the further tokens of a connection whose main one was just renewed
// ahead of time: they were issued together, so they end together.
func (e *Engine) tend(o *outcome, d *hub.Descriptor) {
	for name, n := range o.tokens.Current.Named {
		set := n.Set()
		if !n.RefreshToken.IsZero() && n.Reason == "" && !n.Expiry.IsZero() && n.Expiry.Sub(e.now()) <= set.Margin(d) {
			e.refreshNamed(o.conn.ID, name, n.Generation, hub.CauseAhead)
		}
	}
}

// runNamed renews a further token, unless it is no longer the one that was found
// wanting.
func (e *Engine) runNamed(ctx context.Context, id, name string, seen uint64, cause hub.Cause) outcome {
	state, err := e.read(ctx, id)
	if err != nil {
		return outcome{err: err}
	}
	state.name, state.cause = name, cause
	n, ok := state.tokens.Current.Named[name]
	switch {
	case !ok:
		return outcome{err: notConnected()}
	case !cause.Forced() && n.Generation != seen:
		return *state
	}
	if a := e.unsavedNamed(id, name, n); a != nil {
		return e.keepNamed(ctx, state, n, a)
	}
	if n.RefreshToken.IsZero() {
		return e.cannotRenewNamed(ctx, state, n)
	}
	r, failed := e.cfg.Resolver.ResolveFor(ctx, state.conn)
	if failed != nil {
		return outcome{err: e.fail(state, hub.AsError(failed))}
	}
	if !r.Descriptor.Can(hub.CanRefresh) {
		return e.cannotRenewNamed(ctx, state, n)
	}
	leave, blocked := e.enter(ctx, state.conn.Integration)
	if blocked != nil {
		return outcome{err: blocked}
	}
	defer leave()
	// An answer that gets lost is told from a refusal by this mark.
	lost := n.Asked
	if err := e.changeNamed(ctx, state, n, nil, func(n *hub.NamedToken) { n.Asked = e.now() }); err != nil {
		return e.stale(ctx, state, err)
	}
	got, failed := e.cfg.Providers.Refresh(ctx, r.Target, hub.RefreshRequest{
		RefreshToken: n.RefreshToken, RedirectURI: state.conn.RedirectURI, Name: name,
	})
	if failed == nil && got.Tokens.AccessToken.IsZero() {
		failed = &hub.ProviderError{Class: hub.ProviderBug, Message: "the answer holds no access token"}
	}
	if failed == nil {
		e.answered(state.conn.Integration, id)
		return e.keepNamed(ctx, state, n, &answer{generation: n.Generation, from: n.RefreshToken, answer: got, at: e.now(), resolved: r})
	}
	v := e.heard(state, r, failed)
	if v.permanent == "" {
		if v.loss == certain {
			if err := e.changeNamed(ctx, state, n, nil, func(n *hub.NamedToken) { n.Asked = lost }); err != nil && !gone(err) {
				e.cfg.Logger.Error("the end of a refresh could not be noted", "connection", id, "token", name, "error", err)
			}
		}
		return outcome{err: e.fail(state, v.public)}
	}
	if !lost.IsZero() && r.Descriptor.Rotation != hub.RotationNone {
		v.permanent = hub.ReasonAnswerLost
	}
	return e.giveUpNamed(ctx, state, n, v.permanent)
}

// unsavedNamed is an answer for a further token that could not be written, or nil.
// Generations begin anew with each authorization, so that the refresh token tells
// whose answer it is.
func (e *Engine) unsavedNamed(id, name string, n hub.NamedToken) *answer {
	if a := e.unsaved(namedKey(id, name), n.Generation); a != nil && a.from.Equal(n.RefreshToken) {
		return a
	}
	return nil
}

// mergeNamed puts the answer of a refresh in the place of a further token.
func mergeNamed(n *hub.NamedToken, a *answer) {
	got := &a.answer.Tokens
	n.AccessToken, n.Expiry, n.ExpirySource = got.AccessToken, wall(got.Expiry), got.ExpirySource
	n.IssuedAt, n.Asked = wall(got.IssuedAt), time.Time{}
	if n.IssuedAt.IsZero() {
		n.IssuedAt = a.at
	}
	if !got.RefreshToken.IsZero() {
		n.RefreshToken = got.RefreshToken
	}
	if got.Scopes != nil {
		n.Scopes = got.Scopes
	}
	n.Generation++
}

// keepNamed makes an answer durable, and only then returns it.
func (e *Engine) keepNamed(ctx context.Context, state *outcome, n hub.NamedToken, a *answer) outcome {
	got := &a.answer.Tokens
	renewed := hub.Moment{Time: a.at, Cause: state.cause, Token: state.name}
	err := e.changeNamed(ctx, state, n, &renewed, func(n *hub.NamedToken) { mergeNamed(n, a) })
	if err != nil && !gone(err) {
		e.setUnsaved(state.key(), a)
		return outcome{err: e.fail(state, storageFailed(err))}
	}
	e.setUnsaved(state.key(), nil)
	if errors.Is(err, errRemoved) || errors.Is(err, hub.ErrNotFound) {
		// Nobody else can have use for it.
		e.work.Go(func() {
			e.RevokeUnused(e.life, state.conn, hub.TokenSet{AccessToken: got.AccessToken, RefreshToken: got.RefreshToken})
		})
		return outcome{err: notConnected()}
	}
	if err != nil {
		return e.stale(ctx, state, err)
	}
	e.recovered(state.key())
	e.publish(hub.Event{Type: hub.EventRefreshed, Connection: state.conn.ID, Slug: state.conn.Integration, Detail: state.name})
	return e.again(ctx, state)
}

// changeNamed writes a further token, as long as it is the one of n, and notes in
// the history what became of it, if anything did. What happened to the main token
// meanwhile stays as it is.
func (e *Engine) changeNamed(ctx context.Context, state *outcome, n hub.NamedToken, became *hub.Moment, change func(*hub.NamedToken)) error {
	return e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
		conn, err := tx.Connection(state.conn.ID)
		if err != nil {
			return err
		}
		toks, err := tx.Tokens(state.conn.ID)
		if err != nil {
			return err
		}
		now, ok := toks.Current.Named[state.name]
		if !ok || now.Generation != n.Generation || !now.RefreshToken.Equal(n.RefreshToken) {
			return errSuperseded
		}
		if conn.State == hub.StateDisconnected {
			return errRemoved
		}
		change(&now)
		toks.Current.Named[state.name] = now
		if became != nil {
			if err := tx.Note(conn.ID, *became); err != nil {
				return err
			}
		}
		return tx.PutTokens(toks)
	})
}

// again reads what is stored now.
func (e *Engine) again(ctx context.Context, state *outcome) outcome {
	now, err := e.read(context.WithoutCancel(ctx), state.conn.ID)
	if err != nil {
		return outcome{err: err}
	}
	now.name = state.name
	return *now
}

// giveUpNamed records that only the user can bring this token back. The
// connection and its other tokens go on.
func (e *Engine) giveUpNamed(ctx context.Context, state *outcome, n hub.NamedToken, reason hub.Reason) outcome {
	if reason == "" {
		reason = hub.ReasonUnknown
	}
	refused := refusal(e.now(), state.cause, state.name, reason)
	err := e.changeNamed(ctx, state, n, &refused, func(n *hub.NamedToken) { n.Reason, n.Asked = reason, time.Time{} })
	if gone(err) {
		return e.stale(ctx, state, err)
	}
	if err != nil {
		e.fail(state, storageFailed(err))
	} else {
		e.recovered(state.key())
		e.cfg.Logger.Warn("a token of a connection needs its user", "connection", state.conn.ID, "token", state.name, "reason", reason)
		e.publish(hub.Event{Type: hub.EventHealth, Connection: state.conn.ID, Slug: state.conn.Integration, Detail: state.name, Reason: reason})
	}
	return outcome{err: needsUser(state.conn.Integration, reason)}
}

func (e *Engine) cannotRenewNamed(ctx context.Context, state *outcome, n hub.NamedToken) outcome {
	if set := n.Set(); !set.ValidFor(e.now(), 0) {
		return e.giveUpNamed(ctx, state, n, hub.ReasonRefreshMissing)
	}
	return outcome{err: &hub.Error{
		Code: hub.CodeProviderRefused, Message: fmt.Sprintf("%s gave nothing to renew this token with", state.conn.Integration),
		Remedy: hub.ReasonRefreshMissing.Remedy(),
	}}
}

func namedKey(id, name string) string { return id + "/" + name }

// key names the slot of the token that an outcome is about.
func (o *outcome) key() string {
	if o.name == "" {
		return o.conn.ID
	}
	return namedKey(o.conn.ID, o.name)
}

// counted is the generation of the token that an outcome is about.
func (o *outcome) counted() uint64 {
	if o.name == "" {
		return o.tokens.Generation
	}
	return o.tokens.Current.Named[o.name].Generation
}

// refusedPause is how long a new token is believed in, whatever its caller
// reports: one that the provider refuses at once would be refused again.
const refusedPause = 10 * time.Second

// cause is why a token is renewed if it is: its caller says that the provider
// refuses it, or wants another one. A report counts only while that token is
// stored, so that many callers of one dead token cause one refresh; one that was
// issued just now is served again, with a warning.
func (e *Engine) cause(set *hub.TokenSet, req *hub.VendRequest) (_ hub.Cause, warning *hub.Error) {
	if !req.Refused.IsZero() && req.Refused.Equal(set.AccessToken) {
		if age := e.now().Sub(set.IssuedAt); age >= 0 && age < refusedPause {
			return "", &hub.Error{
				Code:    hub.CodeProviderRefused,
				Message: fmt.Sprintf("the token that was reported as refused was issued %d seconds ago, and is not renewed again", int(age.Seconds())),
				Remedy:  "Check that the call needs no scope that the token lacks.",
			}
		}
		return hub.CauseRefused, nil
	}
	if req.Force {
		return hub.CauseAsked, nil
	}
	return hub.CauseDraw, nil
}

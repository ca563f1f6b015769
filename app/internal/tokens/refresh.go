// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// run refreshes a connection, unless its tokens are no longer those that were
// found wanting. It is called by one flight of the connection at a time.
func (e *Engine) run(ctx context.Context, id string, seen uint64, cause hub.Cause) outcome {
	faults.Point("refresh.begun")
	state, err := e.read(ctx, id)
	if err != nil {
		return outcome{err: err}
	}
	if !cause.Forced() && state.tokens.Generation != seen {
		return *state
	}
	state.cause = cause
	if a := e.unsaved(id, state.tokens.Generation); a != nil {
		return e.keep(ctx, state, a)
	}
	if state.tokens.Current.RefreshToken.IsZero() {
		return e.cannotRenew(ctx, state)
	}
	faults.Point("refresh.read")
	r, failed := e.cfg.Resolver.ResolveFor(ctx, state.conn)
	faults.Point("refresh.resolved")
	if failed != nil {
		err := hub.AsError(failed)
		if err.Code == hub.CodeNeedsReauthorization {
			return e.giveUp(ctx, state, err.Reason)
		}
		return outcome{err: e.fail(state, err)}
	}
	if !r.Descriptor.Can(hub.CanRefresh) {
		return e.cannotRenew(ctx, state)
	}
	return e.renew(ctx, state, r)
}

// renew announces a refresh, asks the provider, and keeps what it answers.
func (e *Engine) renew(ctx context.Context, state *outcome, r *hub.Resolved) outcome {
	d, current := r.Descriptor, &state.tokens.Current
	lost := e.lost(state) // an earlier refresh of these tokens had no known end
	intent := &hub.RefreshIntent{StartedAt: e.now()}
	if lost != nil {
		intent.StartedAt, intent.Retried = lost.StartedAt, true
		if lost.Retried && d.Rotation == hub.RotationSingle && e.now().After(lost.StartedAt.Add(d.GraceWindow)) {
			// The refresh token is as good as certainly spent, and was tried
			// again already.
			if current.ValidFor(e.now(), 0) {
				return outcome{err: e.fail(state, answerLost(d.Name))}
			}
			return e.giveUp(ctx, state, hub.ReasonAnswerLost)
		}
	}
	leave, blocked := e.enter(ctx, state.conn.Integration)
	if blocked != nil {
		return outcome{err: blocked}
	}
	defer leave()
	faults.Point("refresh.before-intent")
	err := e.announce(ctx, state, intent)
	e.setUnasked(state.conn.ID, err, intent, lost)
	if err != nil {
		return e.stale(ctx, state, err)
	}
	faults.Point("refresh.after-intent")
	asked := time.Now()
	a, failed := e.ask(ctx, state, r, current.RefreshToken)
	faults.Point("refresh.after-answer")
	took := time.Since(asked)
	if failed == nil {
		e.metrics.refreshed(state.conn.Integration, renewedOutcome, took)
		e.answered(state.conn.Integration, state.conn.ID)
		faults.Point("refresh.before-persist")
		return e.keep(ctx, state, a)
	}
	v := e.heard(state, r, failed)
	e.metrics.refreshed(state.conn.Integration, string(v.public.Code), took)
	if v.permanent == "" {
		e.settle(ctx, state, v.leaves(lost, intent, d.Rotation))
		if v.unsupported {
			return e.cannotRenew(ctx, state)
		}
		return outcome{err: e.fail(state, v.public)}
	}
	v.permanent = whyRefused(v.permanent, state.tokens, d, e.now())
	if lost != nil && d.Rotation != hub.RotationNone {
		// The refusal is of a token that the lost answer replaced.
		v.permanent = hub.ReasonAnswerLost
		p := state.tokens.Previous
		if p != nil && !p.RefreshToken.IsZero() && e.now().Before(state.tokens.RotatedAt.Add(d.GraceWindow)) {
			if a, failed := e.ask(ctx, state, r, p.RefreshToken); failed == nil {
				return e.keep(ctx, state, a)
			}
		}
	}
	return e.giveUp(ctx, state, v.permanent)
}

// heard is what a failed call means; what it says of the provider's health is noted.
func (e *Engine) heard(state *outcome, r *hub.Resolved, failed error) verdict {
	v := judge(failed, r.Descriptor)
	switch {
	case e.isOffline(failed, r):
		v.public = offline(r.Descriptor.Name, failed)
	case v.permanent == "" && !v.unsupported:
		e.failed(state.conn.Integration, state.conn.ID, v.public)
	default:
		e.answered(state.conn.Integration, state.conn.ID)
	}
	return v
}

// answer is what a provider issued, on its way to the store.
type answer struct {
	generation uint64 // of the tokens it replaces
	from       secret.Value
	answer     hub.TokenAnswer
	at         time.Time
	resolved   *hub.Resolved
}

func (e *Engine) ask(ctx context.Context, state *outcome, r *hub.Resolved, refreshToken secret.Value) (*answer, error) {
	faults.Point("refresh.asking")
	a, err := e.cfg.Providers.Refresh(ctx, r.Target, hub.RefreshRequest{RefreshToken: refreshToken, RedirectURI: state.conn.RedirectURI})
	if err != nil {
		return nil, err
	}
	if a.Tokens.AccessToken.IsZero() {
		return nil, &hub.ProviderError{Class: hub.ProviderBug, Message: "the answer holds no access token"}
	}
	return &answer{generation: state.tokens.Generation, from: refreshToken, answer: a, at: e.now(), resolved: r}, nil
}

// errSuperseded says that the tokens are not those that a refresh began with.
var errSuperseded = errors.New("the tokens were replaced meanwhile")

// errRemoved says that a connection is being disconnected.
var errRemoved = errors.New("the connection was removed meanwhile")

// announce makes the intent durable.
func (e *Engine) announce(ctx context.Context, state *outcome, intent *hub.RefreshIntent) error {
	return e.cfg.Connections.Update(ctx, func(tx *hub.ConnectionsTx) error {
		conn, toks, err := both(tx, state)
		if err != nil {
			return err
		}
		if conn.State != hub.StateConnected {
			return errRemoved
		}
		toks.Intent = intent
		faults.Point("refresh.announcing")
		if err := tx.PutTokens(toks); err != nil {
			return err
		}
		faults.Point("refresh.intent-put")
		return nil
	})
}

// settle leaves the intent as a failed refresh found out it has to be. When it
// cannot be written, the one on disk stays, which is the careful side.
func (e *Engine) settle(ctx context.Context, state *outcome, intent *hub.RefreshIntent) {
	err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
		_, toks, err := both(tx, state)
		if err != nil {
			return err
		}
		if toks.Intent == nil && intent == nil || toks.Intent != nil && intent != nil && *toks.Intent == *intent {
			return nil
		}
		toks.Intent = intent
		return tx.PutTokens(toks)
	})
	if err != nil && !gone(err) {
		e.cfg.Logger.Error("the end of a refresh could not be noted", "connection", state.conn.ID, "error", err)
	}
}

// keep makes an answer durable, and only then returns it.
func (e *Engine) keep(ctx context.Context, state *outcome, a *answer) outcome {
	var out outcome
	// An answer that came is written, even if it came at the last moment.
	err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
		conn, toks, err := both(tx, state)
		if err != nil {
			return err
		}
		merge(toks, a)
		faults.Point("refresh.merged")
		if err := tx.PutTokens(toks); err != nil {
			return err
		}
		faults.Point("refresh.tokens-put")
		out = outcome{conn: conn, tokens: toks}
		if conn.State != hub.StateConnected {
			// It is being disconnected: this set is now the one to revoke.
			return nil
		}
		if err := tx.Note(conn.ID, hub.Moment{Time: a.at, Cause: state.cause}); err != nil {
			return err
		}
		conn.LastRefresh, conn.UpdatedAt = a.at, a.at
		conn.Expiry = toks.Current.Expiry
		if granted := toks.Current.Granted(); granted != nil {
			conn.Scopes = granted
		}
		if err := tx.PutConnection(conn); err != nil {
			return err
		}
		faults.Point("refresh.connection-put")
		return nil
	})
	if err != nil && !gone(err) {
		e.setUnsaved(state.conn.ID, a)
		return outcome{err: e.fail(state, storageFailed(err))}
	}
	e.setUnsaved(state.conn.ID, nil)
	if err != nil {
		return e.late(ctx, state, a, err)
	}
	faults.Point("refresh.after-persist")
	if out.conn.State != hub.StateConnected {
		return outcome{err: notConnected()}
	}
	if e.recovered(state.conn.ID) {
		e.publish(hub.Event{Type: hub.EventHealth, Connection: state.conn.ID, Slug: state.conn.Integration})
	}
	e.publish(hub.Event{Type: hub.EventRefreshed, Connection: state.conn.ID, Slug: state.conn.Integration})
	e.tend(&out, a.resolved.Descriptor)
	faults.Point("refresh.told")
	return out
}

// late handles an answer whose connection changed meanwhile: it is dropped,
// and withdrawn where nobody else can have use for it.
func (e *Engine) late(ctx context.Context, state *outcome, a *answer, err error) outcome {
	if errors.Is(err, hub.ErrNotFound) {
		e.work.Go(func() { e.RevokeUnused(e.life, state.conn, a.answer.Tokens) })
		return outcome{err: notConnected()}
	}
	return e.stale(ctx, state, err)
}

// stale answers with what is stored now, after a write was refused because
// something else came first; any other error is the store's.
func (e *Engine) stale(ctx context.Context, state *outcome, err error) outcome {
	if !gone(err) {
		return outcome{err: e.fail(state, storageFailed(err))}
	}
	return e.again(ctx, state)
}

// giveUp records that only the user can help, once, unless the tokens were
// replaced meanwhile.
func (e *Engine) giveUp(ctx context.Context, state *outcome, reason hub.Reason) outcome {
	if reason == "" {
		reason = hub.ReasonUnknown
	}
	err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
		conn, toks, err := both(tx, state)
		if err != nil {
			return err
		}
		if conn.State != hub.StateConnected {
			return errRemoved
		}
		return e.needUser(tx, conn, toks, reason, state.cause)
	})
	if gone(err) {
		return e.stale(ctx, state, err)
	}
	if err != nil {
		// It is true all the same, and will be found out again.
		e.fail(state, storageFailed(err))
	} else {
		e.tellNeedsUser(state.conn, reason)
	}
	return outcome{err: needsUser(state.conn.Integration, reason)}
}

// needUser records that only the user can help a connection.
func (e *Engine) needUser(tx *hub.ConnectionsTx, conn *hub.Connection, toks *hub.Tokens, reason hub.Reason, cause hub.Cause) error {
	if toks.Intent != nil {
		toks.Intent = nil
		if err := tx.PutTokens(toks); err != nil {
			return err
		}
	}
	if err := tx.Note(conn.ID, refusal(e.now(), cause, "", reason)); err != nil {
		return err
	}
	conn.State, conn.Reason, conn.UpdatedAt = hub.StateNeedsReauthorization, reason, e.now()
	return tx.PutConnection(conn)
}

// tellNeedsUser tells of what needUser recorded.
func (e *Engine) tellNeedsUser(conn *hub.Connection, reason hub.Reason) {
	e.recovered(conn.ID)
	e.cfg.Logger.Warn("a connection needs its user", "connection", conn.ID, "reason", reason)
	e.publish(hub.Event{Type: hub.EventNeedsReauthorization, Connection: conn.ID, Slug: conn.Integration, Reason: reason})
}

// cannotRenew is for tokens that nothing can renew: good until they expire.
func (e *Engine) cannotRenew(ctx context.Context, state *outcome) outcome {
	if !state.tokens.Current.ValidFor(e.now(), 0) {
		return e.giveUp(ctx, state, hub.ReasonRefreshMissing)
	}
	return outcome{err: &hub.Error{
		Code:    hub.CodeProviderRefused,
		Message: fmt.Sprintf("%s gave nothing to renew this token with", state.conn.Integration),
		Remedy:  hub.ReasonRefreshMissing.Remedy(),
	}}
}

// both reads a connection and its tokens, as long as the tokens are those of
// state.
func both(tx *hub.ConnectionsTx, state *outcome) (*hub.Connection, *hub.Tokens, error) {
	conn, err := tx.Connection(state.conn.ID)
	if err != nil {
		return nil, nil, err
	}
	toks, err := tx.Tokens(state.conn.ID)
	if err != nil {
		return nil, nil, err
	}
	if toks.Generation != state.tokens.Generation {
		return nil, nil, errSuperseded
	}
	return conn, toks, nil
}

// gone reports whether a write was refused because another came first.
func gone(err error) bool {
	return errors.Is(err, errSuperseded) || errors.Is(err, errRemoved) || errors.Is(err, hub.ErrNotFound)
}

// unsaved is an answer that is to replace the tokens of a generation, which are
// stored, or nil. One for older tokens has arrived after all, or is of no use any
// more: it is forgotten.
func (e *Engine) unsaved(id string, generation uint64) *answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.slots[id]
	if s == nil || s.unsaved == nil {
		return nil
	}
	if s.unsaved.generation == generation {
		return s.unsaved
	}
	s.unsaved = nil
	e.tidy(id)
	return nil
}

// unasked is a refresh that was not asked for, as it could not be announced in
// time. Should the announcement arrive after all, it tells of no lost answer.
type unasked struct {
	announced hub.RefreshIntent
	before    *hub.RefreshIntent
}

// setUnasked notes what became of an announcement.
func (e *Engine) setUnasked(id string, err error, announced, before *hub.RefreshIntent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil && !gone(err) {
		e.slot(id).unasked = &unasked{*announced, before}
	} else {
		e.slot(id).unasked = nil
	}
	e.tidy(id)
}

// lost is the refresh of a connection of which nobody knows the end, or nil.
func (e *Engine) lost(state *outcome) *hub.RefreshIntent {
	stored := state.tokens.Intent
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.slots[state.conn.ID]
	if s == nil || s.unasked == nil || stored == nil {
		return stored
	}
	if a := s.unasked.announced; !a.StartedAt.Equal(stored.StartedAt) || a.Retried != stored.Retried {
		return stored
	}
	return s.unasked.before
}

func (e *Engine) setUnsaved(id string, a *answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.slot(id).unsaved = a
	e.tidy(id)
}

// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// DisconnectAs ends a connection: from its first write on nobody gets its
// tokens and nothing renews them. Its records are removed, and what they held is
// revoked at the provider as narrowly as possible; where the provider cannot be
// reached, the background goes on trying. Where the provider knows no revocation
// that leaves other connections alone, grant decides: GrantAsk does nothing and
// returns CodeGrantShared with those connections. caller goes into the audit: an app's id or "user". It returns after the first try,
// after at most 50 seconds; the end of ctx does not stop it.
func (e *Engine) DisconnectAs(ctx context.Context, caller, id string, grant hub.GrantChoice) (hub.Revocation, error) {
	conn, err := e.cfg.Connections.Get(ctx, id)
	if errors.Is(err, hub.ErrNotFound) {
		return hub.Revocation{}, noSuch(err)
	} else if err != nil {
		return hub.Revocation{}, storageFailed(err)
	}
	if grant == hub.GrantAsk {
		if err := e.grantQuestion(ctx, conn); err != nil {
			return hub.Revocation{}, err
		}
	}
	entry := hub.AuditEntry{Time: e.now(), Action: hub.AuditDisconnect, Decision: hub.AuditAllowed, App: caller, Connection: id}
	if err := e.cfg.Auditor.Record(ctx, entry); err != nil {
		return hub.Revocation{}, auditFailed(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout+flightPatience)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()

	if !e.claim(id) {
		return hub.Revocation{}, noSuch(nil) // somebody else is at it
	}
	defer e.unclaim(id)
	r, err := e.condemn(ctx, caller, id, grant == hub.GrantRevoke)
	if err != nil {
		return hub.Revocation{}, err
	}
	e.landed(ctx, id)
	rev, err := e.bury(ctx, r)
	if err != nil {
		// Marked as it is, it stays out of use, and Run tries again.
		e.publish(hub.Event{Type: hub.EventHealth, Connection: id, Slug: r.Connection.Integration, Detail: string(hub.CodeStorage)})
		return rev, err
	}
	e.publish(hub.Event{Type: hub.EventDisconnected, Connection: id, Slug: r.Connection.Integration, Detail: rev.Message})
	return rev, nil
}

func noSuch(err error) *hub.Error {
	return &hub.Error{Code: hub.CodeNotFound, Message: "there is no such connection", Err: err}
}

// condemn takes a connection out of use, and notes that it is to be ended.
func (e *Engine) condemn(ctx context.Context, caller, id string, allowGrant bool) (*hub.Revoking, error) {
	var r *hub.Revoking
	err := e.cfg.Connections.Update(ctx, func(tx *hub.ConnectionsTx) error {
		conn, err := tx.Connection(id)
		if err != nil {
			return err
		}
		if !conn.Elsewhere() { // which must be known to the end, also after a restart
			conn.Reason = ""
		}
		conn.State, conn.UpdatedAt = hub.StateDisconnected, e.now()
		if err := tx.PutConnection(conn); err != nil {
			return err
		}
		r = &hub.Revoking{ID: id, Connection: *conn, AllowGrant: allowGrant, Caller: caller, Since: e.now(), Next: e.now()}
		old, err := tx.Revoking(id)
		switch {
		case err == nil:
			r.Revision = old.Revision
		case !errors.Is(err, hub.ErrNotFound):
			return err
		}
		return tx.PutRevoking(r)
	})
	if errors.Is(err, hub.ErrNotFound) {
		return nil, noSuch(err)
	}
	if err != nil {
		return nil, storageFailed(err)
	}
	faults.Point("disconnect.after-mark")
	return r, nil
}

// bury removes what is left of a condemned connection, and makes the first try
// to revoke its tokens.
func (e *Engine) bury(ctx context.Context, r *hub.Revoking) (hub.Revocation, error) {
	id, unreadable := r.Connection.ID, false
	err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
		var set hub.TokenSet
		switch toks, err := tx.Tokens(id); {
		case err == nil:
			e.withUnsaved(toks)
			set = toks.Current
		case errors.Is(err, hub.ErrNotFound):
		default:
			if _, unreadable = errors.AsType[*hub.IntegrityError](err); !unreadable {
				return err
			}
		}
		return tx.EndConnection(r, set)
	})
	if err != nil {
		return hub.Revocation{}, storageFailed(err)
	}
	e.mu.Lock()
	e.forget(id)
	for key, s := range e.slotsOf(id) {
		s.failure, s.unsaved, s.unasked = nil, nil, nil
		e.tidy(key)
	}
	e.mu.Unlock()
	faults.Point("disconnect.after-delete")
	rev, err := e.tryRevoke(ctx, r)
	if unreadable {
		rev.Message = "The account was removed. Its token cannot be read any more and was not revoked; remove the access in the account's settings at the provider."
	}
	return rev, err
}

// landed waits for the refreshes of a connection that are under way, so that
// what they bring is revoked too; but not for ever.
func (e *Engine) landed(ctx context.Context, id string) {
	timer := time.NewTimer(flightPatience)
	defer timer.Stop()
	for {
		f := e.aloft(id)
		if f == nil {
			return
		}
		select {
		case <-f.done:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// aloft is a refresh of a connection that is under way, or nil.
func (e *Engine) aloft(id string) (f *flight) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.slotsOf(id) {
		f = cmp.Or(f, s.running)
	}
	return f
}

// withUnsaved puts answers that could not be written in the place of what they
// replace, for who reads tokens for the last time.
func (e *Engine) withUnsaved(t *hub.Tokens) {
	if a := e.unsaved(t.Connection, t.Generation); a != nil {
		merge(t, a)
	}
	for name, n := range t.Current.Named {
		if a := e.unsavedNamed(t.Connection, name, n); a != nil {
			mergeNamed(&n, a)
			t.Current.Named[name] = n
		}
	}
}

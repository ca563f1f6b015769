// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// DisconnectAs ends a connection: from its first write on nobody gets its
// tokens and nothing renews them. Then the tokens are revoked at the provider
// as narrowly as possible, and the records removed, whether or not the provider
// could be reached. allowGrant permits a revocation that also ends other
// connections, where the provider knows none narrower. caller goes into the
// audit: an app's id or "user". It returns when all that is done, after at most
// 50 seconds; the end of ctx does not stop it.
func (e *Engine) DisconnectAs(ctx context.Context, caller, id string, allowGrant bool) (hub.Revocation, error) {
	if _, err := e.cfg.Connections.Get(ctx, id); errors.Is(err, hub.ErrNotFound) {
		return hub.Revocation{}, noSuch(err)
	} else if err != nil {
		return hub.Revocation{}, storageFailed(err)
	}
	entry := hub.AuditEntry{Time: e.now(), Action: hub.AuditDisconnect, Decision: hub.AuditAllowed, App: caller, Connection: id}
	if err := e.cfg.Auditor.Record(ctx, entry); err != nil {
		return hub.Revocation{}, auditFailed(err)
	}
	return e.remove(context.WithoutCancel(ctx), caller, id, allowGrant)
}

func noSuch(err error) *hub.Error {
	return &hub.Error{Code: hub.CodeNotFound, Message: "there is no such connection", Err: err}
}

func (e *Engine) remove(ctx context.Context, caller, id string, allowGrant bool) (hub.Revocation, error) {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout+flightPatience)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	var conn *hub.Connection
	err := e.cfg.Connections.Update(ctx, func(tx *hub.ConnectionsTx) (err error) {
		if conn, err = tx.Connection(id); err != nil || conn.State == hub.StateDisconnected {
			return err
		}
		if !conn.Elsewhere() { // which must be known to the end, also after a restart
			conn.Reason = ""
		}
		conn.State, conn.UpdatedAt = hub.StateDisconnected, e.now()
		return tx.PutConnection(conn)
	})
	if errors.Is(err, hub.ErrNotFound) {
		return hub.Revocation{}, noSuch(err)
	}
	if err != nil {
		return hub.Revocation{}, storageFailed(err)
	}
	e.landed(ctx, id)

	var rev hub.Revocation
	toks, err := e.cfg.Connections.Tokens(ctx, id)
	switch {
	case err == nil:
		if a := e.unsaved(id, toks.Generation); a != nil {
			merge(toks, a)
		}
		rev = e.revoke(ctx, conn, &toks.Current, id, allowGrant)
	case errors.Is(err, hub.ErrNotFound):
		rev = hub.Revocation{Reach: hub.ReachNone, Message: "The account was removed. It had no token."}
	default:
		rev = hub.Revocation{Reach: hub.ReachNone, Message: "The account was removed. Its token cannot be read any more and was not revoked; remove the access in the account's settings at the provider."}
	}
	faults.Point("disconnect.after-revoke")

	if err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error { return tx.DeleteConnection(id) }); err != nil {
		// Marked as it is, it stays out of use, and Run tries again.
		e.publish(hub.Event{Type: hub.EventHealth, Connection: id, Slug: conn.Integration, Detail: string(hub.CodeStorage)})
		return rev, storageFailed(err)
	}
	e.mu.Lock()
	if s := e.slots[id]; s != nil {
		s.failure, s.unsaved = nil, nil
		e.tidy(id)
	}
	e.mu.Unlock()
	entry := hub.AuditEntry{Time: e.now(), Action: hub.AuditRevoke, Decision: hub.AuditAllowed, App: caller, Connection: id, Reach: rev.Reach}
	if err := e.cfg.Auditor.Record(context.WithoutCancel(ctx), entry); err != nil {
		e.cfg.Logger.Error("a revocation could not be audited", "connection", id, "error", err)
	}
	e.publish(hub.Event{Type: hub.EventDisconnected, Connection: id, Slug: conn.Integration, Detail: rev.Message})
	return rev, nil
}

// landed waits for the refreshes of a connection that are under way, so that
// what they bring is revoked too; but not for ever.
func (e *Engine) landed(ctx context.Context, id string) {
	timer := time.NewTimer(flightPatience)
	defer timer.Stop()
	for {
		e.mu.Lock()
		var f *flight
		if s := e.slots[id]; s != nil {
			f = s.running
		}
		e.mu.Unlock()
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

// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// The numbers of the revocations for which the provider was not there.
const (
	maxRevokeDelay  = time.Hour
	revokeGivesUp   = 7 * 24 * time.Hour
	revokesAtATime  = 4
	revokeLookEvery = time.Minute
)

// later says that a revocation goes on in the background.
const later = "The account was removed here. Its token is revoked at %s as soon as that can be done: %s."

// claim makes sure that one goroutine at a time is at a revocation.
func (e *Engine) claim(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.revoking[id] {
		return false
	}
	e.revoking[id] = true
	return true
}

func (e *Engine) unclaim(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.revoking, id)
}

// RevokeUnused withdraws, as narrowly as the provider can, tokens that no
// connection will use: of a flow that was not confirmed, or that came too late.
// It never ends a live connection. Where the provider cannot be reached, the
// background goes on trying. It takes up to 40 seconds.
func (e *Engine) RevokeUnused(ctx context.Context, conn *hub.Connection, tokens hub.TokenSet) {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	r := &hub.Revoking{
		ID: conn.ID + "/" + e.fingerprint(tokens.AccessToken), Connection: *conn, Tokens: &tokens, Since: e.now(), Next: e.now(),
	}
	if !e.claim(r.ID) {
		return
	}
	defer e.unclaim(r.ID)
	err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error { return tx.PutRevoking(r) })
	if err != nil {
		// Not remembered, they are still worth a try.
		e.cfg.Logger.Warn("unused tokens are revoked once only", "integration", conn.Integration, "error", err)
	}
	rev, err := e.tryRevoke(ctx, r)
	e.cfg.Logger.Info("unused tokens were withdrawn", "integration", conn.Integration, "reach", rev.Reach, "pending", rev.Pending, "error", err)
}

// tryRevoke asks the provider to revoke what r holds, notes what is left of it,
// and says what became of it. Its caller has claimed r.
func (e *Engine) tryRevoke(ctx context.Context, r *hub.Revoking) (hub.Revocation, error) {
	rev, rest, again := e.revoke(ctx, r)
	faults.Point("disconnect.after-revoke")
	now := e.now()
	r.Tries++
	if again != nil && now.Sub(r.Since) < revokeGivesUp {
		delay := max(e.jittered(min(firstDelay<<min(r.Tries-1, 10), maxRevokeDelay)), min(hub.AsError(again).RetryAfter, maxObeyed))
		rev.Pending = true
		r.Tokens, r.Next = rest, now.Add(delay)
	}
	err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
		if rev.Pending {
			return tx.PutRevoking(r)
		}
		return tx.DeleteRevoking(r.ID)
	})
	if err != nil {
		// What is stored says more than is left to do; doing it again is
		// harmless.
		e.cfg.Logger.Error("the end of a revocation could not be noted", "connection", r.Connection.ID, "error", err)
	}
	if rev.Pending {
		return rev, nil
	}
	if again != nil {
		rev.Message = fmt.Sprintf("The token of an account that was removed could not be revoked at %s for %d days. Remove the access in the account's settings there.",
			r.Connection.Integration, int(revokeGivesUp.Hours()/24))
	}
	entry := hub.AuditEntry{
		Time: now, Action: hub.AuditRevoke, Decision: hub.AuditAllowed, App: r.Caller, Connection: r.Connection.ID, Reach: rev.Reach,
	}
	if again != nil {
		entry.Decision, entry.Code = hub.AuditFailed, hub.AsError(again).Code
	}
	if err := e.cfg.Auditor.Record(context.WithoutCancel(ctx), entry); err != nil {
		e.cfg.Logger.Error("a revocation could not be audited", "connection", r.Connection.ID, "error", err)
	}
	return rev, nil
}

// revokeLeft goes on, until ctx ends, with what could not be revoked at once:
// the provider was not there, or the process ended in between.
func (e *Engine) revokeLeft(ctx context.Context) {
	tick := time.NewTicker(revokeLookEvery)
	defer tick.Stop()
	for {
		e.revokeDue(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *Engine) revokeDue(ctx context.Context) {
	var due []*hub.Revoking
	for r, err := range e.cfg.Connections.Revoking(ctx) {
		if err != nil {
			if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
				e.cfg.Logger.Error("what is left to revoke cannot be read", "error", err)
				continue
			}
			return // another time
		}
		if !r.Next.After(e.now()) {
			due = append(due, r)
		}
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, revokesAtATime)
	for _, r := range due {
		if !e.claim(r.ID) {
			continue
		}
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			defer e.unclaim(r.ID)
			e.resume(ctx, r)
		})
	}
	wg.Wait()
}

// resume goes on with a revocation where it was left.
func (e *Engine) resume(ctx context.Context, r *hub.Revoking) {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	var rev hub.Revocation
	var err error
	ended := r.Tokens == nil // the process ended before the connection did
	if ended {
		rev, err = e.bury(ctx, r)
	} else {
		rev, err = e.tryRevoke(ctx, r)
	}
	switch {
	case err != nil:
		e.cfg.Logger.Error("a disconnect could not be finished", "connection", r.Connection.ID, "error", err)
	case ended:
		e.publish(hub.Event{Type: hub.EventDisconnected, Connection: r.Connection.ID, Slug: r.Connection.Integration, Detail: rev.Message})
	case !rev.Pending:
		e.cfg.Logger.Info("a revocation was finished", "connection", r.Connection.ID, "reach", rev.Reach, "tries", r.Tries)
		e.publish(hub.Event{Type: hub.EventRevoked, Connection: r.Connection.ID, Slug: r.Connection.Integration, Detail: rev.Message})
	}
}

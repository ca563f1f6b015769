// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// sharing are the other live connections that stand on the same authorization:
// same OAuth client, same account.
func (e *Engine) sharing(ctx context.Context, conn *hub.Connection, except string) ([]*hub.Connection, error) {
	list, err := e.cfg.Connections.SameAccount(ctx, conn.ClientID, conn.Account)
	if err != nil {
		return nil, err
	}
	var out []*hub.Connection
	for _, other := range list {
		live := other.State == hub.StateConnected || other.Elsewhere()
		if other.ID != except && live {
			out = append(out, other)
		}
	}
	return out, nil
}

// grantQuestion is CodeGrantShared where a revocation would end other connections
// too, and nobody has said whether it may. A provider of which nothing is known
// raises no question: then nothing is revoked that others use.
func (e *Engine) grantQuestion(ctx context.Context, conn *hub.Connection) error {
	if conn.Elsewhere() { // nothing of it is revoked
		return nil
	}
	to, err := e.cfg.Resolver.ResolveFor(ctx, conn)
	if err != nil || to.Descriptor.Revoke != hub.ReachGrant || !to.Descriptor.Can(hub.CanRevoke) {
		return nil
	}
	others, err := e.sharing(ctx, conn, conn.ID)
	if err != nil {
		return storageFailed(err)
	}
	if len(others) == 0 {
		return nil
	}
	name := to.Descriptor.Name
	q := &hub.Error{
		Code:    hub.CodeGrantShared,
		Message: fmt.Sprintf("%s can only end its whole authorization, and %s stands on it too", name, count(len(others))),
		Remedy: fmt.Sprintf("Say whether that ends too. `standpipe disconnect %s --revoke-grant` ends all of it; with --revoke-grant=false the account is removed here only, and %s is not told.",
			conn.ID, name),
	}
	for _, o := range others {
		q.Choices = append(q.Choices, o.Choice())
	}
	return q
}

func count(n int) string {
	if n == 1 {
		return "another connection of this account"
	}
	return fmt.Sprintf("%d other connections of this account", n)
}

// grantEnded tells the connections whose authorization was ended with another
// one's that they need their user, so that no app is given a token of theirs.
// What the user authorized since began, when the provider was asked, is another
// one, and lives; what a refresh brought meanwhile is not.
func (e *Engine) grantEnded(ctx context.Context, conn *hub.Connection, except string, began time.Time) {
	others, err := e.sharing(ctx, conn, except)
	if err != nil {
		e.cfg.Logger.Error("the connections that ended with another one cannot be told", "connection", conn.ID, "error", err)
		return
	}
	for _, other := range others {
		told := false
		err := e.cfg.Connections.Update(context.WithoutCancel(ctx), func(tx *hub.ConnectionsTx) error {
			conn, err := tx.Connection(other.ID)
			if err != nil {
				return err
			}
			toks, err := tx.Tokens(other.ID)
			if err != nil {
				return err
			}
			if told = conn.State == hub.StateConnected && !toks.Authorized.After(began); !told {
				return nil
			}
			return e.needUser(tx, conn, toks, hub.ReasonRevoked, hub.CauseDisconnect)
		})
		switch {
		case errors.Is(err, hub.ErrNotFound):
		case err != nil: // its next refresh finds out
			e.cfg.Logger.Error("a connection that ended with another one cannot be told", "connection", other.ID, "error", err)
		case told:
			e.tellNeedsUser(other, hub.ReasonRevoked)
		}
	}
}

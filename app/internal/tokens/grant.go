// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"fmt"

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
		q.Choices = append(q.Choices, hub.Choice{Connection: o.ID, Account: o.Account.Label()})
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
func (e *Engine) grantEnded(ctx context.Context, conn *hub.Connection, except string) {
	others, err := e.sharing(ctx, conn, except)
	if err != nil {
		e.cfg.Logger.Error("the connections that ended with another one cannot be told", "connection", conn.ID, "error", err)
		return
	}
	for _, other := range others {
		if other.State != hub.StateConnected {
			continue
		}
		if state, err := e.read(ctx, other.ID); err == nil {
			e.giveUp(ctx, state, hub.ReasonRevoked)
		}
	}
}

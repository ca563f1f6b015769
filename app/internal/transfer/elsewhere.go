// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// batch is how many connections are changed in one transaction.
const batch = 200

// Hold takes connections out of use, with a reason for which Elsewhere is true:
// they keep their tokens, and nothing renews or revokes them. Those that were
// not in use are left as they are. For hub.ReasonRestored, so are those without
// a refresh token: an access token may have many users. It returns those that
// it held, also when it fails in the middle. ids are those that are looked at,
// nil meaning all; match, unless nil, chooses among them.
func Hold(ctx context.Context, conns *hub.Connections, ids []string, reason hub.Reason, backup string, now time.Time, match func(*hub.Connection) bool) ([]*hub.Connection, error) {
	return change(ctx, conns, ids, func(tx *hub.ConnectionsTx, conn *hub.Connection) (bool, error) {
		if conn.State != hub.StateConnected || match != nil && !match(conn) {
			return false, nil
		}
		if reason == hub.ReasonRestored {
			toks, err := tx.Tokens(conn.ID)
			if errors.Is(err, hub.ErrNotFound) {
				return false, nil
			}
			if err != nil || !renewable(&toks.Current) {
				return false, err
			}
		}
		conn.State, conn.Reason, conn.Backup, conn.UpdatedAt = hub.StateNeedsReauthorization, reason, backup, now
		return true, nil
	})
}

// Release takes connections into use again that Hold took out of it, where
// match says so, and returns them. ids are as for Hold.
func Release(ctx context.Context, conns *hub.Connections, ids []string, now time.Time, match func(*hub.Connection) bool) ([]*hub.Connection, error) {
	return change(ctx, conns, ids, func(_ *hub.ConnectionsTx, conn *hub.Connection) (bool, error) {
		if conn.State != hub.StateNeedsReauthorization || !conn.Elsewhere() || !match(conn) {
			return false, nil
		}
		conn.State, conn.Reason, conn.Backup, conn.UpdatedAt = hub.StateConnected, "", "", now
		return true, nil
	})
}

func renewable(set *hub.TokenSet) bool {
	for _, n := range set.Named {
		if !n.RefreshToken.IsZero() {
			return true
		}
	}
	return !set.RefreshToken.IsZero()
}

// change runs edit on connections, some at a time, and writes those for which
// it answers true.
func change(ctx context.Context, conns *hub.Connections, ids []string, edit func(*hub.ConnectionsTx, *hub.Connection) (bool, error)) (changed []*hub.Connection, err error) {
	if ids == nil {
		if ids, err = every(ctx, conns); err != nil {
			return nil, err
		}
	}
	for len(ids) > 0 {
		n := min(batch, len(ids))
		var now []*hub.Connection
		err := conns.Update(ctx, func(tx *hub.ConnectionsTx) error {
			now = nil
			for _, id := range ids[:n] {
				conn, err := tx.Connection(id)
				_, damaged := errors.AsType[*hub.IntegrityError](err)
				if damaged || errors.Is(err, hub.ErrNotFound) {
					continue // it cannot be used anyway, or was disconnected meanwhile
				}
				if err != nil {
					return err
				}
				wanted, err := edit(tx, conn)
				if err != nil {
					return err
				}
				if !wanted {
					continue
				}
				if err := tx.PutConnection(conn); err != nil {
					return err
				}
				now = append(now, conn)
			}
			return nil
		})
		if err != nil {
			return changed, err
		}
		changed, ids = append(changed, now...), ids[n:]
	}
	return changed, nil
}

// every is the ids of all connections.
func every(ctx context.Context, conns *hub.Connections) (ids []string, err error) {
	for conn, err := range conns.All(ctx) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue // it cannot be used anyway
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, conn.ID)
	}
	return ids, nil
}

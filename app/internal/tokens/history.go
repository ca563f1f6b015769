// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// A connection's history tells what the background did. What became of the tokens
// is noted in the write that stores it; a failure that writes nothing has a write
// of its own, once in a row of failures that are alike.

// refusal is the moment in which it turned out that only the user can help.
func refusal(at time.Time, cause hub.Cause, token string, reason hub.Reason) hub.Moment {
	return hub.Moment{Time: at, Cause: cause, Token: token, Code: hub.CodeNeedsReauthorization, Reason: reason}
}

// noteFailure notes that a token could not be renewed for now; not where the store
// is what fails, since it takes no note either.
func (e *Engine) noteFailure(o *outcome, failed *hub.Error) {
	switch failed.Code {
	case hub.CodeStorage, hub.CodeIntegrity, hub.CodeLocked:
		return
	}
	m := hub.Moment{Time: e.now(), Cause: o.cause, Token: o.name, Code: failed.Code, Message: failed.Message}
	err := e.cfg.Connections.Update(e.life, func(tx *hub.ConnectionsTx) error {
		conn, err := tx.Connection(o.conn.ID)
		if err != nil {
			return err
		}
		if conn.State == hub.StateDisconnected {
			return errRemoved
		}
		return tx.Note(conn.ID, m)
	})
	if err != nil && !gone(err) {
		e.cfg.Logger.Warn("a failure is missing in the history of a connection", "connection", o.conn.ID, "error", err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"encoding/json"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// pendingRecord is a token set that awaits its confirmation, version 1. It
// holds what is needed to revoke the tokens should nobody confirm them.
type pendingRecord struct {
	Version     int             `json:"v"`
	Connection  hub.Connection  `json:"connection"`
	Tokens      json.RawMessage `json:"tokens"`
	ConfirmedBy time.Time       `json:"confirmed_by"`
}

const pendingVersion = 1

func pendingRef(f *flow) hub.Ref { return hub.Ref{Kind: hub.KindPending, ID: f.ID} }

// provisional is a flow's token set seen as a connection, for revoking it.
func provisional(f *flow, p *pending) *hub.Connection {
	return &hub.Connection{
		ID: f.ID, Owner: f.Owner, Integration: f.resolved.Integration.Slug, Provider: f.resolved.Integration.Provider,
		Account: p.account, ClientID: f.resolved.Target.ClientID, Config: f.config, RedirectURI: f.resolved.RedirectURI,
	}
}

func (e *Engine) savePending(ctx context.Context, f *flow, p *pending) error {
	tokens, err := hub.EncodeTokenSet(p.tokens)
	if err != nil {
		return err
	}
	b, err := json.Marshal(pendingRecord{
		Version: pendingVersion, Connection: *provisional(f, p), Tokens: tokens, ConfirmedBy: e.cfg.Now().Add(flowLife),
	})
	if err != nil {
		return err
	}
	return e.cfg.Store.Update(ctx, func(tx hub.Tx) error {
		_, err := tx.Put(pendingRef(f), 0, b)
		return err
	})
}

// discard revokes a token set that nobody will use and forgets it.
func (e *Engine) discard(ctx context.Context, f *flow, p *pending) {
	e.cfg.Revoker.RevokeUnused(ctx, provisional(f, p), p.tokens)
	e.forget(ctx, pendingRef(f))
}

func (e *Engine) forget(ctx context.Context, ref hub.Ref) {
	err := e.cfg.Store.Update(ctx, func(tx hub.Tx) error { return tx.Delete(ref) })
	if err != nil {
		e.cfg.Logger.Error("a token set that was never confirmed could not be deleted", "flow", ref.ID, "err", err)
	}
}

// discardLeftovers revokes the token sets of flows that an earlier process
// left unconfirmed.
func (e *Engine) discardLeftovers(ctx context.Context) {
	type leftover struct {
		ref    hub.Ref
		conn   hub.Connection
		tokens hub.TokenSet
	}
	var list []leftover
	for rec, err := range e.cfg.Store.List(ctx, hub.KindPending) {
		if err != nil {
			e.cfg.Logger.Error("an unconfirmed token set cannot be read", "err", err)
			continue
		}
		var r pendingRecord
		if err := json.Unmarshal(rec.Value, &r); err != nil || r.Version != pendingVersion {
			e.cfg.Logger.Error("an unconfirmed token set cannot be understood", "flow", rec.ID)
			continue
		}
		tokens, err := hub.DecodeTokenSet(hub.Record{Ref: rec.Ref, Value: r.Tokens})
		if err != nil {
			e.cfg.Logger.Error("an unconfirmed token set cannot be understood", "flow", rec.ID, "err", err)
			continue
		}
		list = append(list, leftover{rec.Ref, r.Connection, tokens})
	}
	for _, l := range list {
		e.cfg.Revoker.RevokeUnused(ctx, &l.conn, l.tokens)
		e.forget(ctx, l.ref)
	}
}

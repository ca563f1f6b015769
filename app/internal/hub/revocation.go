// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// GrantChoice says what a disconnect may do to an authorization that reaches
// beyond its connection.
type GrantChoice string

// The choices.
const (
	// GrantAsk ends nothing before the user has said what is to become of the
	// other connections, where the provider can only end them all.
	GrantAsk GrantChoice = ""
	// GrantKeep revokes nothing that other connections use.
	GrantKeep GrantChoice = "keep"
	// GrantRevoke ends the whole authorization, where the provider can, and with
	// it the other connections.
	GrantRevoke GrantChoice = "revoke"
)

// Revoking is the end of tokens that nobody uses any more, until the provider
// has revoked them. It outlives a restart.
type Revoking struct {
	ID         string     // of the connection, or of what became of it
	Connection Connection // as it was
	// Tokens are what is left to be revoked; nil while they are still in the
	// connection's own record.
	Tokens     *TokenSet
	AllowGrant bool   // also where that ends other connections
	Caller     string // for the audit: an app's id or "user"; empty: the hub
	Since      time.Time
	Next       time.Time // no try before
	Tries      int
	Revision   uint64 // of the record
}

type revokingRecord struct {
	Version    int             `json:"v"`
	Connection Connection      `json:"connection"`
	Tokens     *tokenSetRecord `json:"tokens,omitempty"`
	AllowGrant bool            `json:"allow_grant,omitempty"`
	Caller     string          `json:"caller,omitempty"`
	Since      time.Time       `json:"since"`
	Next       time.Time       `json:"next"`
	Tries      int             `json:"tries,omitempty"`
}

// Revoking yields what waits to be revoked. A record that cannot be read yields
// its *IntegrityError and the listing goes on.
func (c *Connections) Revoking(ctx context.Context) iter.Seq2[*Revoking, error] {
	return func(yield func(*Revoking, error) bool) {
		for rec, err := range c.store.List(ctx, KindRevocation) {
			var r *Revoking
			if err == nil {
				r, err = decodeRevoking(rec)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Revoking returns what waits to be revoked under an id, or ErrNotFound.
func (tx *ConnectionsTx) Revoking(id string) (*Revoking, error) {
	rec, err := tx.Get(Ref{KindRevocation, id})
	if err != nil {
		return nil, err
	}
	return decodeRevoking(rec)
}

// PutRevoking writes r if the stored one still has r.Revision (0: there must be
// none), and sets r.Revision to the new one; otherwise ErrConflict.
func (tx *ConnectionsTx) PutRevoking(r *Revoking) error {
	rec := revokingRecord{
		Version: recordVersion, Connection: r.Connection, AllowGrant: r.AllowGrant, Caller: r.Caller,
		Since: r.Since, Next: r.Next, Tries: r.Tries,
	}
	if r.Tokens != nil {
		set := revealSet(r.Tokens)
		rec.Tokens = &set
	}
	b, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	revision, err := tx.Put(Ref{KindRevocation, r.ID}, r.Revision, b)
	if err != nil {
		return err
	}
	r.Revision = revision
	return nil
}

// DeleteRevoking removes what was revoked, or given up.
func (tx *ConnectionsTx) DeleteRevoking(id string) error { return tx.Delete(Ref{KindRevocation, id}) }

func decodeRevoking(rec Record) (*Revoking, error) {
	var r revokingRecord
	if err := decode(rec, &r, func() int { return r.Version }); err != nil {
		return nil, err
	}
	out := &Revoking{
		ID: rec.ID, Connection: r.Connection, AllowGrant: r.AllowGrant, Caller: r.Caller,
		Since: r.Since, Next: r.Next, Tries: r.Tries, Revision: rec.Generation,
	}
	if r.Tokens != nil {
		set := r.Tokens.conceal()
		out.Tokens = &set
	}
	return out, nil
}

// EndConnection takes a connection out of use for good and leaves its tokens to
// be revoked. Its record and tokens are removed; index entries follow.
func (tx *ConnectionsTx) EndConnection(r *Revoking, set TokenSet) error {
	r.Tokens = &set
	if err := tx.PutRevoking(r); err != nil {
		return err
	}
	return tx.DeleteConnection(r.Connection.ID)
}

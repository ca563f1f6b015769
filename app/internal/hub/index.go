// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"strconv"
)

// The indexes are records like any other, written in the transaction that
// writes what they point at. An entry may be stale (what it names is gone, or
// has moved); one that is missing would be an error. Whoever follows an entry
// looks at what he finds.

// ownerName names the list of an owner's connections, each tagged with its
// integration.
func ownerName(o Owner) string {
	return strconv.Quote(o.User) + "/" + strconv.Quote(o.Organization) + "/" + strconv.FormatBool(o.Shared)
}

// accountLists is over how many lists the accounts are spread: they are asked
// for rarely, and need no record each.
const accountLists = 1 << 16

// accountName names the list in which an account is, and its tag there.
func accountName(client string, a Account) (name, tag string) {
	h := fnv.New64a()
	for _, s := range []string{client, a.Issuer, a.Subject, a.Tenant} {
		_, _ = h.Write([]byte(strconv.Quote(s)))
	}
	sum := h.Sum64()
	return strconv.FormatUint(sum%accountLists, 10), strconv.FormatUint(sum, 36)
}

// index keeps the indexes in step with a write of a connection. old and conn
// are nil where there is none.
func (tx *ConnectionsTx) index(old, conn *Connection) error {
	if old != nil && conn != nil && old.Owner == conn.Owner && old.Integration == conn.Integration &&
		old.ClientID == conn.ClientID && old.Account.Same(conn.Account) {
		return nil // as with every refresh
	}
	if old != nil {
		tx.moved = append(tx.moved, old.Owner)
		name, _ := accountName(old.ClientID, old.Account)
		if err := errors.Join(tx.delist(KindOwner, ownerName(old.Owner), old.ID), tx.delist(KindAccount, name, old.ID)); err != nil {
			return err
		}
	}
	if conn == nil {
		return nil
	}
	tx.moved = append(tx.moved, conn.Owner)
	name, tag := accountName(conn.ClientID, conn.Account)
	return errors.Join(
		tx.enlist(KindOwner, ownerName(conn.Owner), listed{conn.ID, conn.Integration}),
		tx.enlist(KindAccount, name, listed{conn.ID, tag}))
}

// idsOf names the connections of an owner through an integration, or any.
func (c *Connections) idsOf(ctx context.Context, owner Owner, integration string) (ids []string, err error) {
	all, version, ok := c.ids.get(owner)
	if !ok {
		all, err = c.list(ctx, KindOwner, ownerName(owner))
		switch _, damaged := errors.AsType[*IntegrityError](err); {
		case damaged:
			return c.searchAll(ctx, owner, integration)
		case err != nil:
			return nil, err
		}
		c.ids.put(owner, all, version)
	}
	for _, e := range all {
		if integration == "" || e.Tag == integration {
			ids = append(ids, e.ID)
		}
	}
	return ids, nil
}

// searchAll does what idsOf does without an index, which is damaged.
func (c *Connections) searchAll(ctx context.Context, owner Owner, integration string) (ids []string, err error) {
	for conn, err := range c.All(ctx) {
		if _, damaged := errors.AsType[*IntegrityError](err); damaged {
			continue
		}
		if err != nil {
			return nil, err
		}
		if conn.Owner == owner && (integration == "" || conn.Integration == integration) {
			ids = append(ids, conn.ID)
		}
	}
	return ids, nil
}

// indexState is the record that says that the indexes are complete.
type indexState struct {
	Version int   `json:"v"`
	Settled int64 `json:"settled"` // no minute up to this one holds anything due
}

const indexVersion = 1

// It is of a kind that a backup leaves out, as it does the indexes themselves.
var indexRef = Ref{KindDue, "state"}

// indexChunk is how many connections are indexed in one transaction.
const indexChunk = 40

// Prepare builds the indexes of a store that was written without them, or in which
// the record is damaged that says that they are complete, and counts. It must be
// called once, before anything else; where they are there it reads two records.
func (c *Connections) Prepare(ctx context.Context) error {
	if err := c.indexAll(ctx); err != nil {
		return err
	}
	return c.countAll(ctx)
}

func (c *Connections) indexAll(ctx context.Context) error {
	_, err := c.store.Get(ctx, indexRef)
	_, damaged := errors.AsType[*IntegrityError](err)
	if !damaged && !errors.Is(err, ErrNotFound) {
		return err
	}
	if damaged {
		if err := c.Update(ctx, func(tx *ConnectionsTx) error { return tx.Delete(indexRef) }); err != nil {
			return err
		}
	}
	settled := Minute(c.now()) - 1 // hints of what is overdue are put into the present minute, and later ones
	var chunk []*Connection
	write := func() error {
		defer func() { chunk = chunk[:0] }()
		return c.Update(ctx, func(tx *ConnectionsTx) error {
			for _, conn := range chunk {
				if err := tx.index(nil, conn); err != nil {
					return err
				}
				if err := tx.endLater(conn); err != nil {
					return err
				}
				toks, err := tx.Tokens(conn.ID)
				if _, damaged := errors.AsType[*IntegrityError](err); damaged || errors.Is(err, ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if err := tx.hint(toks); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for conn, err := range c.All(ctx) {
		if _, damaged := errors.AsType[*IntegrityError](err); damaged {
			continue
		}
		if err != nil {
			return err
		}
		if chunk = append(chunk, conn); len(chunk) == indexChunk {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if err := write(); err != nil {
		return err
	}
	return c.Update(ctx, func(tx *ConnectionsTx) error { return tx.Settle(settled) })
}

// endLater has a connection that is out of use ended, unless that is noted already.
func (tx *ConnectionsTx) endLater(conn *Connection) error {
	if conn.State != StateDisconnected {
		return nil
	}
	if _, err := tx.Revoking(conn.ID); !errors.Is(err, ErrNotFound) {
		return err
	}
	now := tx.of.now()
	return tx.PutRevoking(&Revoking{ID: conn.ID, Connection: *conn, Since: now, Next: now})
}

// Settled is the minute up to which nothing due is left.
func (c *Connections) Settled(ctx context.Context) (int64, error) {
	rec, err := c.store.Get(ctx, indexRef)
	if err != nil {
		return 0, err
	}
	var s indexState
	if err := json.Unmarshal(rec.Value, &s); err != nil {
		return 0, &IntegrityError{Ref: indexRef, Detail: "not in the expected form"}
	}
	return s.Settled, nil
}

// Settle notes the minute up to which nothing due is left.
func (tx *ConnectionsTx) Settle(minute int64) error {
	old, err := tx.Get(indexRef)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	b, err := json.Marshal(indexState{indexVersion, minute})
	if err != nil {
		return err
	}
	_, err = tx.Put(indexRef, old.Generation, b)
	return err
}

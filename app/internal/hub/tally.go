// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
)

// Tally is how many connections there are, known without looking at them.
type Tally struct {
	// Mark is another one after each change of which an inventory tells: a
	// connection that came, went or moved, or an account of the person that is
	// called otherwise. Tokens that are renewed change nothing.
	Mark string `json:"mark"`
	// Counts are the connections of all owners by integration.
	Counts map[string]int `json:"counts"`
}

var tallyRef = Ref{KindTally, "connections"}

// Tally reads it. It is ErrNotFound where nobody has counted, before Prepare.
func (c *Connections) Tally(ctx context.Context) (Tally, error) {
	rec, err := c.store.Get(ctx, tallyRef)
	if err != nil {
		return Tally{}, err
	}
	return decodeTally(rec)
}

func decodeTally(rec Record) (Tally, error) {
	t := Tally{}
	if json.Unmarshal(rec.Value, &t) != nil || t.Mark == "" || t.Counts == nil {
		return t, &IntegrityError{Ref: rec.Ref, Detail: "not in the expected form"}
	}
	return t, nil
}

// counted is what a transaction does to the tally.
type counted struct {
	by      map[string]int // nil: nothing
	unknown bool           // something went of which nobody can tell what it was
}

// add notes a write of a connection. old and conn are nil where there is none.
func (d *counted) add(old, conn *Connection) {
	if old != nil && conn != nil && old.Owner == conn.Owner && old.Integration == conn.Integration &&
		(conn.Owner != Me || old.Account.Hint() == conn.Account.Hint()) {
		return // as with every refresh
	}
	if d.by == nil {
		d.by = map[string]int{}
	}
	if old != nil {
		d.by[old.Integration]--
	}
	if conn != nil {
		d.by[conn.Integration]++
	}
}

// tally writes what the transaction did to the tally. One that is damaged, or
// can be right no more, is removed: the next Prepare counts.
func (tx *ConnectionsTx) tally() error {
	if tx.counted.by == nil && !tx.counted.unknown {
		return nil
	}
	rec, err := tx.Get(tallyRef)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	t := Tally{}
	if err == nil {
		t, err = decodeTally(rec)
	}
	if _, damaged := errors.AsType[*IntegrityError](err); damaged || err == nil && tx.counted.unknown {
		return tx.Delete(tallyRef)
	}
	if err != nil {
		return err
	}
	for integration, n := range tx.counted.by {
		t.Counts[integration] += n
	}
	maps.DeleteFunc(t.Counts, func(_ string, n int) bool { return n <= 0 })
	return tx.putTally(rec.Generation, t.Counts)
}

func (tx *ConnectionsTx) putTally(generation uint64, counts map[string]int) error {
	b, err := json.Marshal(Tally{rand.Text(), counts})
	if err != nil {
		return err
	}
	_, err = tx.Put(tallyRef, generation, b)
	return err
}

// countAll makes the tally of a store that has none.
func (c *Connections) countAll(ctx context.Context) error {
	_, err := c.Tally(ctx)
	if _, damaged := errors.AsType[*IntegrityError](err); !damaged && !errors.Is(err, ErrNotFound) {
		return err
	}
	counts := map[string]int{}
	for conn, err := range c.All(ctx) {
		if _, damaged := errors.AsType[*IntegrityError](err); damaged {
			continue
		}
		if err != nil {
			return err
		}
		counts[conn.Integration]++
	}
	return c.Update(ctx, func(tx *ConnectionsTx) error {
		return errors.Join(tx.Delete(tallyRef), tx.putTally(0, counts))
	})
}

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// Connections keeps connections and their tokens in a Store. Everything that
// reads or writes them goes through the one Connections of a store, which also
// knows whose they are without reading them all. Safe for concurrent use.
type Connections struct {
	store Store

	mu sync.Mutex
	// index holds the integration of each connection, by owner and id. nil
	// until somebody asks. It may name a connection that is gone, never miss
	// one whose Update has returned.
	index map[Owner]map[string]string
}

// NewConnections returns the repository of a store.
func NewConnections(s Store) *Connections { return &Connections{store: s} }

// Get returns a connection, or ErrNotFound. The caller owns the result.
func (c *Connections) Get(ctx context.Context, id string) (*Connection, error) {
	rec, err := c.store.Get(ctx, Ref{KindConnection, id})
	if err != nil {
		return nil, err
	}
	return decodeConnection(rec)
}

// Tokens returns the tokens of a connection, or ErrNotFound. The caller owns
// the result.
func (c *Connections) Tokens(ctx context.Context, id string) (*Tokens, error) {
	rec, err := c.store.Get(ctx, Ref{KindTokens, id})
	if err != nil {
		return nil, err
	}
	return decodeTokens(rec)
}

// All yields every connection, in no particular order. One that cannot be read
// yields its *IntegrityError and the listing goes on.
func (c *Connections) All(ctx context.Context) iter.Seq2[*Connection, error] {
	return func(yield func(*Connection, error) bool) {
		for rec, err := range c.store.List(ctx, KindConnection) {
			var conn *Connection
			if err == nil {
				conn, err = decodeConnection(rec)
			}
			if !yield(conn, err) {
				return
			}
		}
	}
}

// Find returns the connections of an owner through an integration, oldest first;
// through any integration where that is empty.
func (c *Connections) Find(ctx context.Context, owner Owner, integration string) ([]*Connection, error) {
	ids, err := c.idsOf(ctx, owner, integration)
	if err != nil {
		return nil, err
	}
	var out []*Connection
	for _, id := range ids {
		conn, err := c.Get(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound):
			c.forget(id, owner)
		case err != nil:
			return nil, err
		case conn.Owner == owner:
			out = append(out, conn)
		}
	}
	sortByAge(out)
	return out, nil
}

// Update runs f in one transaction of the store: all its writes are applied
// and on disk when Update returns nil, or none. See Store.Update.
func (c *Connections) Update(ctx context.Context, f func(*ConnectionsTx) error) error {
	var tx *ConnectionsTx
	err := c.store.Update(ctx, func(t Tx) error {
		tx = &ConnectionsTx{Tx: t} // afresh, should the store run f again
		return f(tx)
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.index == nil {
		return nil
	}
	for _, conn := range tx.written {
		c.note(conn)
	}
	for _, ref := range tx.deleted {
		for _, ids := range c.index {
			delete(ids, ref)
		}
	}
	return nil
}

// ConnectionsTx is a transaction on connections and tokens. Tx is the store's,
// for records of other kinds that change together with them.
type ConnectionsTx struct {
	Tx

	written []*Connection
	deleted []string
}

// Connection returns a connection, or ErrNotFound.
func (tx *ConnectionsTx) Connection(id string) (*Connection, error) {
	rec, err := tx.Get(Ref{KindConnection, id})
	if err != nil {
		return nil, err
	}
	return decodeConnection(rec)
}

// Tokens returns the tokens of a connection, or ErrNotFound.
func (tx *ConnectionsTx) Tokens(id string) (*Tokens, error) {
	rec, err := tx.Get(Ref{KindTokens, id})
	if err != nil {
		return nil, err
	}
	return decodeTokens(rec)
}

// PutConnection writes a connection if the stored one still has
// conn.Generation (0: there must be none), and sets conn.Generation to the new
// one; otherwise ErrConflict.
func (tx *ConnectionsTx) PutConnection(conn *Connection) error {
	b, err := encodeConnection(conn)
	if err != nil {
		return err
	}
	generation, err := tx.Put(Ref{KindConnection, conn.ID}, conn.Generation, b)
	if err != nil {
		return err
	}
	conn.Generation = generation
	written := *conn
	tx.written = append(tx.written, &written)
	return nil
}

// PutTokens writes tokens if the stored ones still have t.Revision (0: there
// must be none), and sets t.Revision to the new one; otherwise ErrConflict.
// Whoever replaces Current counts Generation up.
func (tx *ConnectionsTx) PutTokens(t *Tokens) error {
	b, err := encodeTokens(t)
	if err != nil {
		return err
	}
	revision, err := tx.Put(Ref{KindTokens, t.Connection}, t.Revision, b)
	if err != nil {
		return err
	}
	t.Revision = revision
	return nil
}

// PutTokenSet writes the token set of a new or reauthorized connection: the
// generation grows, and what was known of an earlier set is forgotten.
func (tx *ConnectionsTx) PutTokenSet(connection string, set TokenSet) (*Tokens, error) {
	t := &Tokens{Connection: connection, Generation: 1, Current: set}
	old, err := tx.Tokens(connection)
	switch {
	case err == nil:
		t.Generation, t.Revision = old.Generation+1, old.Revision
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	return t, tx.PutTokens(t)
}

// DeleteConnection removes a connection together with its tokens.
func (tx *ConnectionsTx) DeleteConnection(id string) error {
	if err := tx.Delete(Ref{KindTokens, id}); err != nil {
		return err
	}
	if err := tx.Delete(Ref{KindConnection, id}); err != nil {
		return err
	}
	tx.deleted = append(tx.deleted, id)
	return nil
}

// idsOf names the connections of an owner, reading them all once.
func (c *Connections) idsOf(ctx context.Context, owner Owner, integration string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.index == nil {
		c.index = map[Owner]map[string]string{}
		for conn, err := range c.All(ctx) {
			if _, damaged := errors.AsType[*IntegrityError](err); damaged {
				continue // nobody's until it is mended; All reports it
			}
			if err != nil {
				c.index = nil
				return nil, err
			}
			c.note(conn)
		}
	}
	var ids []string
	for id, of := range c.index[owner] {
		if integration == "" || of == integration {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// note needs c.mu held and c.index made.
func (c *Connections) note(conn *Connection) {
	if c.index[conn.Owner] == nil {
		c.index[conn.Owner] = map[string]string{}
	}
	c.index[conn.Owner][conn.ID] = conn.Integration
}

func (c *Connections) forget(id string, owner Owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.index[owner], id)
	if len(c.index[owner]) == 0 {
		delete(c.index, owner)
	}
}

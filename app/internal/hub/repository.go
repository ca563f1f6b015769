// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"
)

// The bounds of what is remembered: some megabytes each.
const (
	maxCachedIDs         = 30_000
	maxCachedConnections = 12_000
)

// Connections keeps connections and their tokens in a Store, and the indexes
// that find them without reading them all: by owner and integration, by account,
// and by the minute in which something is due. Everything that reads or writes
// them goes through the one Connections of a store. Safe for concurrent use.
type Connections struct {
	store Store
	// What a vend needs is remembered, see ADR 40.
	ids    *cache[Owner, []listed]
	recent *cache[string, *Connection] // whose values are shared, and never changed
	drawn  *drawnTokens
	// unsettled is the update that still holds what it wrote; there is one at most.
	unsettled atomic.Pointer[ConnectionsTx]
	// descriptor is what is known of an integration's provider, see Know.
	descriptor func(integration string) *Descriptor
	now        func() time.Time
}

// NewConnections returns the repository of a store.
func NewConnections(s Store) *Connections {
	return &Connections{
		store:      s,
		ids:        newCache[Owner](maxCachedIDs, func(ids []listed) int { return 1 + len(ids) }),
		recent:     newCache[string](maxCachedConnections, func(*Connection) int { return 1 }),
		drawn:      newDrawnTokens(),
		descriptor: func(string) *Descriptor { return nil }, now: time.Now,
	}
}

// Know sets who tells of the provider of an integration, and the clock, so that
// what is due is known from the first write on. It must be called before
// anything is written, or not at all.
func (c *Connections) Know(descriptor func(integration string) *Descriptor, now func() time.Time) {
	c.descriptor, c.now = descriptor, now
}

// Get returns a connection, or ErrNotFound. The caller owns the result.
func (c *Connections) Get(ctx context.Context, id string) (*Connection, error) {
	conn, err := c.Peek(ctx, id)
	if err != nil {
		return nil, err
	}
	return conn.clone(), nil
}

// Peek is Get for who only reads: the result is shared, and must not be changed.
func (c *Connections) Peek(ctx context.Context, id string) (*Connection, error) {
	conn, version, ok := c.recent.get(id)
	if ok {
		return conn, nil
	}
	rec, err := c.store.Get(ctx, Ref{KindConnection, id})
	if err != nil {
		return nil, err
	}
	if conn, err = decodeConnection(rec); err != nil {
		return nil, err
	}
	c.recent.put(id, conn, version)
	return conn, nil
}

// Forget forgets what it remembers of the store, which is being locked.
func (c *Connections) Forget() {
	c.ids.clear()
	c.recent.clear()
	c.drawn.forgetAll()
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

// Drawn returns of the tokens of a connection what a vend needs: no secret but
// the access token, neither of the main one nor of further ones. The result is
// shared but for that token, and must not be changed.
func (c *Connections) Drawn(ctx context.Context, id string) (*Tokens, error) {
	t, version, ok := c.drawn.get(id)
	if ok {
		return t, nil
	}
	all, err := c.Tokens(ctx, id)
	if err != nil {
		return nil, err
	}
	t = drawable(all)
	c.drawn.put(t, version)
	return t, nil
}

// All yields every connection, in no particular order. One that cannot be read
// yields its *IntegrityError and the listing goes on. It takes as long as there
// are connections: for the few who want them all.
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
// through any integration where that is empty. One that is damaged is left out,
// unless it is all there is. It takes as long as there are such connections.
func (c *Connections) Find(ctx context.Context, owner Owner, integration string) ([]*Connection, error) {
	list, err := c.PeekAll(ctx, owner, integration)
	for i, conn := range list {
		list[i] = conn.clone()
	}
	return list, err
}

// PeekAll is Find for who only reads: the connections are shared, and must not be
// changed.
func (c *Connections) PeekAll(ctx context.Context, owner Owner, integration string) ([]*Connection, error) {
	ids, err := c.idsOf(ctx, owner, integration)
	if err != nil {
		return nil, err
	}
	var out []*Connection
	var damage error
	for _, id := range ids {
		conn, err := c.Peek(ctx, id)
		switch _, damaged := errors.AsType[*IntegrityError](err); {
		case errors.Is(err, ErrNotFound):
		case damaged:
			damage = err // hides no other
		case err != nil:
			return nil, err
		case conn.Owner == owner && (integration == "" || conn.Integration == integration):
			out = append(out, conn)
		}
	}
	if len(out) == 0 && integration != "" && damage != nil {
		return nil, damage
	}
	sortByAge(out)
	return out, nil
}

// First returns connections of an owner, at most n of them and always the same,
// without looking at the others, of which there may be many. One that is
// damaged is left out.
func (c *Connections) First(ctx context.Context, owner Owner, n int) ([]*Connection, error) {
	var out []*Connection
	for at := 0; len(out) < n; at++ {
		some, err := c.listPart(ctx, KindOwner, ownerName(owner), at)
		if errors.Is(err, ErrNotFound) {
			break
		}
		if _, damaged := errors.AsType[*IntegrityError](err); damaged {
			all, err := c.Find(ctx, owner, "")
			return all[:min(n, len(all))], err
		}
		if err != nil {
			return nil, err
		}
		for _, e := range some[:min(n-len(out), len(some))] {
			conn, err := c.Get(ctx, e.ID)
			if _, damaged := errors.AsType[*IntegrityError](err); damaged || errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if conn.Owner == owner {
				out = append(out, conn)
			}
		}
	}
	return out, nil
}

// SameAccount returns the connections, of whomever, that stand on the same
// OAuth client and the same account.
func (c *Connections) SameAccount(ctx context.Context, client string, a Account) ([]*Connection, error) {
	name, tag := accountName(client, a)
	all, err := c.list(ctx, KindAccount, name)
	if err != nil {
		return nil, err
	}
	var out []*Connection
	for _, e := range all {
		if e.Tag != tag {
			continue
		}
		conn, err := c.Get(ctx, e.ID)
		switch _, damaged := errors.AsType[*IntegrityError](err); {
		case errors.Is(err, ErrNotFound) || damaged: // it cannot be used anyway
		case err != nil:
			return nil, err
		case conn.ClientID == client && conn.Account.Same(a):
			out = append(out, conn)
		}
	}
	return out, nil
}

// Update runs f in one transaction of the store: all its writes are applied
// and on disk when Update returns nil, or none. See Store.Update.
//
// What an update writes is held out of what is remembered until that has
// arrived. One that failed may arrive later, and nobody is told; but the next
// one that begins finds that it has, or never will. So from then on every read
// sees how it ended, and who began to read before it keeps nothing, because a
// release counts as a write.
func (c *Connections) Update(ctx context.Context, f func(*ConnectionsTx) error) error {
	var tx *ConnectionsTx
	err := c.store.Update(ctx, func(t Tx) error {
		c.settle(c.unsettled.Load())
		tx = &ConnectionsTx{Tx: t, of: c}
		if err := f(tx); err != nil {
			return err
		}
		if err := tx.tally(); err != nil {
			return err
		}
		tx.hold()
		c.unsettled.Store(tx)
		return nil
	})
	if err == nil {
		c.settle(tx)
	}
	return err
}

// settle releases what an update holds, unless the next one has done so.
func (c *Connections) settle(tx *ConnectionsTx) {
	if tx != nil && c.unsettled.CompareAndSwap(tx, nil) {
		tx.release()
	}
}

// ConnectionsTx is a transaction on connections and tokens. Tx is the store's,
// for records of other kinds that change together with them.
type ConnectionsTx struct {
	Tx

	of      *Connections
	moved   []Owner  // whose list of connections changed
	written []string // connections
	renewed []string // connections whose tokens were written
	counted counted
}

// hold keeps what the transaction wrote out of what is remembered, until release.
func (tx *ConnectionsTx) hold() {
	tx.of.ids.hold(tx.moved)
	tx.of.recent.hold(tx.written)
	tx.of.drawn.kept.hold(tx.renewed)
}

func (tx *ConnectionsTx) release() {
	tx.of.ids.release(tx.moved)
	tx.of.recent.release(tx.written)
	tx.of.drawn.kept.release(tx.renewed)
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
	old, err := tx.Connection(conn.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := tx.settlePicture(old, conn); err != nil {
		return err
	}
	b, err := encodeConnection(conn)
	if err != nil {
		return err
	}
	generation, err := tx.Put(Ref{KindConnection, conn.ID}, conn.Generation, b)
	if err != nil {
		return err
	}
	conn.Generation = generation
	tx.written = append(tx.written, conn.ID)
	tx.counted.add(old, conn)
	return tx.index(old, conn)
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
	tx.renewed = append(tx.renewed, t.Connection)
	return tx.hint(t)
}

// PutTokenSet writes the token set of a new or reauthorized connection: the
// generation grows, and what was known of an earlier set is forgotten.
func (tx *ConnectionsTx) PutTokenSet(connection string, set TokenSet) (*Tokens, error) {
	t := &Tokens{Connection: connection, Generation: 1, Current: set, Authorized: set.IssuedAt}
	old, err := tx.Tokens(connection)
	switch {
	case err == nil:
		t.Generation, t.Revision = old.Generation+1, old.Revision
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	return t, tx.PutTokens(t)
}

// DeleteConnection removes a connection together with its tokens, picture and history,
// also where they cannot be read any more.
func (tx *ConnectionsTx) DeleteConnection(id string) error {
	old, err := tx.Connection(id)
	if err == nil {
		tx.counted.add(old, nil)
		err = tx.index(old, nil)
		if _, damaged := errors.AsType[*IntegrityError](err); err != nil && !damaged {
			return err // an entry that stays leads nowhere
		}
	} else if !errors.Is(err, ErrNotFound) {
		tx.counted.unknown = true
	}
	tx.written, tx.renewed = append(tx.written, id), append(tx.renewed, id)
	for _, kind := range []Kind{KindTokens, KindPicture, KindHistory} {
		if err := tx.Delete(Ref{kind, id}); err != nil {
			return err
		}
	}
	return tx.Delete(Ref{KindConnection, id})
}

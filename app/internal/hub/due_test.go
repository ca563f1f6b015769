// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

func TestDue(t *testing.T) {
	issued := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	set := hub.TokenSet{AccessToken: secret.New("a"), RefreshToken: secret.New("r"), IssuedAt: issued, Expiry: issued.Add(time.Hour)}
	for _, c := range []struct {
		name     string
		edit     func(*hub.Tokens)
		d        *hub.Descriptor
		from, to time.Duration // after the issue; 0, 0: never
	}{
		{"an hour", func(*hub.Tokens) {}, nil, 45 * time.Minute, 48 * time.Minute},
		{"the provider wants it late", func(*hub.Tokens) {}, &hub.Descriptor{RefreshMargin: time.Minute}, 59 * time.Minute, 59*time.Minute + 12*time.Second},
		{"no more than half of a life", func(*hub.Tokens) {}, &hub.Descriptor{RefreshMargin: 10 * time.Hour}, 30 * time.Minute, 36 * time.Minute},
		{"a short life", func(t *hub.Tokens) { t.Current.Expiry = issued.Add(4 * time.Minute) }, nil, 2 * time.Minute, 2*time.Minute + 24*time.Second},
		{"nothing to renew it with", func(t *hub.Tokens) { t.Current.RefreshToken = secret.Value{} }, nil, 0, 0},
		{"no known expiry", func(t *hub.Tokens) { t.Current.Expiry = time.Time{} }, nil, 0, 0},
		{"no expiry, but idleness kills", func(t *hub.Tokens) { t.Current.Expiry = time.Time{} }, &hub.Descriptor{RefreshIdleLife: 30 * 24 * time.Hour}, 20 * 24 * time.Hour, 22 * 24 * time.Hour},
		{"idleness kills later", func(*hub.Tokens) {}, &hub.Descriptor{RefreshIdleLife: 30 * 24 * time.Hour}, 45 * time.Minute, 48 * time.Minute},
		{"the refresh token ends before the access token", func(t *hub.Tokens) {
			t.Current.Expiry, t.Current.RefreshExpiry = issued.Add(100*time.Hour), issued.Add(30*time.Hour)
		}, nil, 20 * time.Hour, 22 * time.Hour},
		{"it is about to end in any case", func(t *hub.Tokens) {
			t.Current.Expiry, t.Current.RefreshExpiry = time.Time{}, issued.Add(20*time.Minute)
		}, nil, 0, 0},
		{"an answer was lost", func(t *hub.Tokens) { t.Intent = &hub.RefreshIntent{StartedAt: issued.Add(time.Minute)} }, nil, time.Minute, time.Minute},
	} {
		var at []time.Time
		for i := range 50 {
			toks := &hub.Tokens{Connection: fmt.Sprint("c", i), Generation: 1, Current: set}
			c.edit(toks)
			due := toks.Due(c.d)
			if again := toks.Due(c.d); !again.Equal(due) {
				t.Errorf("%s: %v, then %v", c.name, due, again)
			}
			if c.to == 0 {
				if !due.IsZero() {
					t.Errorf("%s: due %v", c.name, due)
				}
				continue
			}
			if d := due.Sub(issued); d < c.from || d > c.to {
				t.Errorf("%s: due after %v, want %v to %v", c.name, d, c.from, c.to)
			}
			at = append(at, due)
		}
		if c.to > c.from && slices.MaxFunc(at, time.Time.Compare).Sub(slices.MinFunc(at, time.Time.Compare)) < (c.to-c.from)/2 {
			t.Errorf("%s: all at the same time", c.name)
		}
	}
}

// TestHints: what is written is found in the minute in which it is due, and
// what is overdue in the present one.
func TestHints(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	now := time.Now()
	put := func(id string, left time.Duration) *hub.Tokens {
		t.Helper()
		var toks *hub.Tokens
		err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) (err error) {
			toks, err = tx.PutTokenSet(id, hub.TokenSet{RefreshToken: secret.New("r"), IssuedAt: now, Expiry: now.Add(left)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return toks
	}
	later, overdue := put("later", time.Hour), put("overdue", -time.Hour)
	in := func(minute int64) []string {
		t.Helper()
		ids, more, err := c.DueIn(t.Context(), minute, 10)
		if err != nil || more {
			t.Fatal(err, more)
		}
		return ids
	}
	at := hub.Minute(later.Due(nil))
	if got := in(at); !slices.Equal(got, []string{"later"}) {
		t.Errorf("in its minute: %v", got)
	}
	if overdue.Due(nil).After(now) || !slices.Equal(append(in(hub.Minute(now)), in(hub.Minute(now)+1)...), []string{"overdue"}) {
		t.Errorf("in the present one: %v, %v", in(hub.Minute(now)), in(hub.Minute(now)+1))
	}
	err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error { return tx.LookedAt("later", at) })
	if err != nil || len(in(at)) != 0 {
		t.Errorf("after a look: %v, %v", in(at), err)
	}
}

// TestIndexesOfAnOlderStore are built when it is opened, once.
func TestIndexesOfAnOlderStore(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	const many = 450
	err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		for i := range many {
			conn := &hub.Connection{ID: fmt.Sprint(i), Owner: hub.Owner{User: fmt.Sprint(i % 10)}, Integration: "github", State: hub.StateConnected}
			if err := tx.PutConnection(conn); err != nil {
				return err
			}
			if _, err := tx.PutTokenSet(conn.ID, hub.TokenSet{RefreshToken: secret.New("r"), IssuedAt: clock, Expiry: clock}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	old := memstore.New() // the same without indexes
	for _, kind := range []hub.Kind{hub.KindConnection, hub.KindTokens} {
		for rec, err := range store.List(t.Context(), kind) {
			if err != nil {
				t.Fatal(err)
			}
			if err := old.Update(t.Context(), func(tx hub.Tx) error { _, err := tx.Put(rec.Ref, 0, rec.Value); return err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	c = hub.NewConnections(old)
	before := hub.Minute(time.Now())
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(t, c, hub.Owner{User: "3"}, "github"); len(got) != many/10 {
		t.Errorf("found %d of one owner", len(got))
	}
	settled, err := c.Settled(t.Context())
	if err != nil || settled >= before {
		t.Errorf("settled %d (%v), now is %d", settled, err, before)
	}
	due := 0
	for m := settled + 1; m <= hub.Minute(time.Now()); m++ {
		ids, more, err := c.DueIn(t.Context(), m, many)
		if err != nil || more {
			t.Fatal(err, more)
		}
		if some, more, err := c.DueIn(t.Context(), m, many-1); err != nil || len(ids) == many && (!more || len(some) != many-1) {
			t.Errorf("%d of %d, more: %v (%v)", len(some), len(ids), more, err)
		}
		due += len(ids)
	}
	if due != many {
		t.Errorf("%d of %d are due", due, many)
	}
	reads := &counting{Store: old}
	if err := hub.NewConnections(reads).Prepare(t.Context()); err != nil || reads.lists != 0 {
		t.Errorf("the second time: %v, %d lists", err, reads.lists)
	}
}

// TestDamagedMarkOfTheIndexes: they are built again over what is there.
func TestDamagedMarkOfTheIndexes(t *testing.T) {
	store := &unmarked{Store: memstore.New()}
	c := hub.NewConnections(store)
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	add(t, c, "c", hub.Me, "github")
	add(t, c, "ended", hub.Me, "github")
	err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		conn, err := tx.Connection("ended")
		if err != nil {
			return err
		}
		conn.State = hub.StateDisconnected
		r := &hub.Revoking{ID: conn.ID, Connection: *conn, AllowGrant: true, Since: clock, Next: clock}
		return errors.Join(tx.PutConnection(conn), tx.PutRevoking(r))
	})
	if err != nil {
		t.Fatal(err)
	}
	store.damaged = true
	c = hub.NewConnections(store)
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Settled(t.Context()); err != nil {
		t.Error(err)
	}
	if got := found(t, c, hub.Me, "github"); len(got) != 2 {
		t.Errorf("found %v", got)
	}
	for r, err := range c.Revoking(t.Context()) {
		if err != nil || r.ID != "ended" || !r.AllowGrant {
			t.Errorf("what was to be ended: %+v, %v", r, err)
		}
	}
}

// unmarked is a store whose mark of the indexes can be damaged.
type unmarked struct {
	hub.Store
	damaged bool
}

var indexMark = hub.Ref{Kind: hub.KindDue, ID: "state"}

func (s *unmarked) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	if s.damaged && ref == indexMark {
		return hub.Record{}, &hub.IntegrityError{Ref: ref, Detail: "its seal is broken"}
	}
	return s.Store.Get(ctx, ref)
}

func (s *unmarked) Update(ctx context.Context, f func(hub.Tx) error) error {
	return s.Store.Update(ctx, func(tx hub.Tx) error { return f(&unmarkedTx{tx, s}) })
}

type unmarkedTx struct {
	hub.Tx
	of *unmarked
}

func (t *unmarkedTx) Get(ref hub.Ref) (hub.Record, error) {
	if t.of.damaged && ref == indexMark {
		return hub.Record{}, &hub.IntegrityError{Ref: ref, Detail: "its seal is broken"}
	}
	return t.Tx.Get(ref)
}

func (t *unmarkedTx) Delete(ref hub.Ref) error {
	if ref == indexMark {
		t.of.damaged = false
	}
	return t.Tx.Delete(ref)
}

type counting struct {
	hub.Store
	lists int
}

func (s *counting) List(ctx context.Context, k hub.Kind) iter.Seq2[hub.Record, error] {
	s.lists++
	return s.Store.List(ctx, k)
}

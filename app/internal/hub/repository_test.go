// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

var (
	ada   = hub.Owner{User: "ada"}
	clock = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
)

func add(t *testing.T, c *hub.Connections, id string, owner hub.Owner, integration string) {
	t.Helper()
	clock = clock.Add(time.Second)
	err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		conn := &hub.Connection{ID: id, Owner: owner, Integration: integration, State: hub.StateConnected, CreatedAt: clock}
		if err := tx.PutConnection(conn); err != nil {
			return err
		}
		_, err := tx.PutTokenSet(id, hub.TokenSet{AccessToken: secret.New("token of " + id)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, c *hub.Connections, id string) {
	t.Helper()
	if err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error { return tx.DeleteConnection(id) }); err != nil {
		t.Fatal(err)
	}
}

func found(t *testing.T, c *hub.Connections, owner hub.Owner, integration string) []string {
	t.Helper()
	list, err := c.Find(t.Context(), owner, integration)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, conn := range list {
		ids = append(ids, conn.ID)
	}
	return ids
}

func TestFindByOwner(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	add(t, c, "z-old", hub.Me, "github")
	if got := found(t, c, hub.Me, "github"); !slices.Equal(got, []string{"z-old"}) {
		t.Fatalf("before the index was made: %v", got)
	}
	add(t, c, "a-new", hub.Me, "github") // and after
	add(t, c, "s", hub.Me, "slack")
	add(t, c, "hers", ada, "github")
	check := func(c *hub.Connections) {
		t.Helper()
		for _, q := range []struct {
			owner       hub.Owner
			integration string
			want        []string
		}{
			{hub.Me, "github", []string{"z-old", "a-new"}},
			{hub.Me, "", []string{"z-old", "a-new", "s"}},
			{ada, "github", []string{"hers"}},
			{hub.Owner{User: "ada", Organization: "acme"}, "", []string{}},
		} {
			if got := found(t, c, q.owner, q.integration); !slices.Equal(got, q.want) {
				t.Errorf("%v %q: %v, want %v", q.owner, q.integration, got, q.want)
			}
		}
	}
	check(c)
	check(hub.NewConnections(store)) // after a restart
	remove(t, c, "a-new")
	remove(t, c, "hers")
	if got := found(t, c, hub.Me, "github"); !slices.Equal(got, []string{"z-old"}) {
		t.Errorf("after a removal: %v", got)
	}
	if got := found(t, c, ada, ""); len(got) != 0 {
		t.Errorf("after the last one went: %v", got)
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	add(t, c, "c", hub.Me, "github")
	found(t, c, hub.Me, "")
	failed := errors.New("failed")
	err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		if err := tx.PutConnection(&hub.Connection{ID: "d", Owner: hub.Me}); err != nil {
			return err
		}
		if err := tx.DeleteConnection("c"); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if got := found(t, c, hub.Me, ""); !slices.Equal(got, []string{"c"}) {
		t.Errorf("found %v", got)
	}
}

func TestWritesCompareGenerations(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	add(t, c, "c", hub.Me, "github")
	conn, err := c.Get(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	toks, err := c.Tokens(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	oldConn, oldToks := *conn, *toks
	write := func(conn *hub.Connection, toks *hub.Tokens) error {
		return c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
			return errors.Join(tx.PutConnection(conn), tx.PutTokens(toks))
		})
	}
	if err := write(conn, toks); err != nil {
		t.Fatal(err)
	}
	if conn.Generation != 2 || toks.Revision != 2 || toks.Generation != 1 {
		t.Errorf("connection %d, tokens %d (revision %d)", conn.Generation, toks.Generation, toks.Revision)
	}
	if err := write(&oldConn, toks); !errors.Is(err, hub.ErrConflict) {
		t.Errorf("an old connection: %v", err)
	}
	if err := write(conn, &oldToks); !errors.Is(err, hub.ErrConflict) {
		t.Errorf("old tokens: %v", err)
	}
	remove(t, c, "c")
	if err := write(conn, toks); !errors.Is(err, hub.ErrConflict) {
		t.Errorf("a removed connection was brought back: %v", err)
	}
}

func TestNewTokenSetCountsOnAndForgets(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	add(t, c, "c", hub.Me, "github")
	err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		toks, err := tx.Tokens("c")
		if err != nil {
			return err
		}
		toks.Intent, toks.Previous = &hub.RefreshIntent{}, &hub.TokenSet{}
		if err := tx.PutTokens(toks); err != nil {
			return err
		}
		_, err = tx.PutTokenSet("c", hub.TokenSet{AccessToken: secret.New("new")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	toks, err := c.Tokens(t.Context(), "c")
	if err != nil || toks.Generation != 2 || toks.Intent != nil || toks.Previous != nil || toks.Current.AccessToken.Reveal() != "new" {
		t.Errorf("got %+v, %v", toks, err)
	}
}

func TestOneDamagedConnectionHidesNoOther(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	add(t, c, "good", hub.Me, "github")
	err := store.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindConnection, ID: "bad"}, 0, []byte("garbage"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := found(t, c, hub.Me, ""); !slices.Equal(got, []string{"good"}) {
		t.Errorf("found %v", got)
	}
	good, bad := 0, 0
	for _, err := range c.All(t.Context()) {
		if _, ok := errors.AsType[*hub.IntegrityError](err); ok {
			bad++
		} else if err == nil {
			good++
		}
	}
	if good != 1 || bad != 1 {
		t.Errorf("%d good, %d bad", good, bad)
	}
}

func TestFindWhileOthersWrite(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			id := fmt.Sprint(i)
			err := c.Update(context.Background(), func(tx *hub.ConnectionsTx) error {
				return tx.PutConnection(&hub.Connection{ID: id, Owner: hub.Me, Integration: "github"})
			})
			if err != nil {
				t.Error(err)
			}
			list, err := c.Find(context.Background(), hub.Me, "github")
			if err != nil || !slices.ContainsFunc(list, func(c *hub.Connection) bool { return c.ID == id }) {
				t.Errorf("%s was written and is not found (%v)", id, err)
			}
		})
	}
	wg.Wait()
}

func TestSameAccount(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	octocat := hub.Account{Issuer: "https://github.com", Subject: "1"}
	put := func(id string, edit func(*hub.Connection)) {
		t.Helper()
		conn := &hub.Connection{ID: id, Owner: hub.Owner{User: id}, Integration: "github", ClientID: "client", Account: octocat}
		if old, err := c.Get(t.Context(), id); err == nil {
			conn.Generation = old.Generation
		}
		edit(conn)
		if err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error { return tx.PutConnection(conn) }); err != nil {
			t.Fatal(err)
		}
	}
	same := func() []string {
		t.Helper()
		list, err := c.SameAccount(t.Context(), "client", octocat)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, conn := range list {
			ids = append(ids, conn.ID)
		}
		slices.Sort(ids)
		return ids
	}
	put("a", func(*hub.Connection) {})
	put("b", func(c *hub.Connection) { c.Account.Login = "named" })
	put("other client", func(c *hub.Connection) { c.ClientID = "another" })
	put("other tenant", func(c *hub.Connection) { c.Account.Tenant = "acme" })
	put("nobody", func(c *hub.Connection) { c.Account = hub.Account{} })
	if got := same(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
	put("b", func(c *hub.Connection) { c.Account.Subject = "2" }) // reauthorized with another account
	put("other client", func(*hub.Connection) {})
	if got := same(); !slices.Equal(got, []string{"a", "other client"}) {
		t.Errorf("after the accounts changed: %v", got)
	}
	remove(t, c, "a")
	if got := same(); !slices.Equal(got, []string{"other client"}) {
		t.Errorf("after a removal: %v", got)
	}
}

func TestDamagedConnectionIsToldWhereItIsAllThereIs(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	add(t, c, "bad", hub.Me, "github")
	add(t, c, "good", hub.Me, "slack")
	err := store.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindConnection, ID: "bad"}, 1, []byte("garbage"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find(t.Context(), hub.Me, "github"); err == nil {
		t.Error("a damaged connection was taken for none")
	} else if _, ok := errors.AsType[*hub.IntegrityError](err); !ok {
		t.Error(err)
	}
	if got := found(t, c, hub.Me, ""); !slices.Equal(got, []string{"good"}) {
		t.Errorf("found %v", got)
	}
}

func TestOwnerOfMany(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	const many = 700
	put := func(ids ...int) {
		t.Helper()
		err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
			for _, i := range ids {
				if err := tx.PutConnection(&hub.Connection{ID: fmt.Sprint(i), Owner: hub.Me, Integration: "github"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []int
	for i := range many {
		all = append(all, i)
	}
	put(all...)
	removeAll := func(c *hub.Connections, ids []string) {
		t.Helper()
		err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
			for _, id := range ids {
				if err := tx.DeleteConnection(id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var even []string
	for i := 0; i < many; i += 2 {
		even = append(even, fmt.Sprint(i))
	}
	removeAll(c, even)
	if got := found(t, c, hub.Me, "github"); len(got) != many/2 {
		t.Errorf("found %d, want %d", len(got), many/2)
	}
	put(0, 2, 4)
	fresh := hub.NewConnections(store)
	if got := found(t, fresh, hub.Me, ""); len(got) != many/2+3 || !slices.Contains(got, "4") {
		t.Errorf("found %d, want %d", len(got), many/2+3)
	}
	removeAll(fresh, found(t, fresh, hub.Me, ""))
	for rec, err := range store.List(t.Context(), hub.KindOwner) {
		t.Errorf("left over: %v, %v", rec.ID, err)
	}
}

func TestDamagedIndexHidesNothing(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	add(t, c, "good", hub.Me, "github")
	add(t, c, "hers", ada, "github")
	err := store.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindOwner, ID: `"me"/""/false/0`}, 1, []byte("garbage"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := found(t, hub.NewConnections(store), hub.Me, "github"); !slices.Equal(got, []string{"good"}) {
		t.Errorf("found %v", got)
	}
	remove(t, c, "good")
	if got := found(t, hub.NewConnections(store), hub.Me, ""); len(got) != 0 {
		t.Errorf("after the removal: %v", got)
	}
}

// wavering is a store whose reads are counted, and whose writes can arrive with
// an error.
type wavering struct {
	hub.Store
	reads  int
	failed error
}

func (w *wavering) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	w.reads++
	return w.Store.Get(ctx, ref)
}

func (w *wavering) Update(ctx context.Context, f func(hub.Tx) error) error {
	return errors.Join(w.Store.Update(ctx, f), w.failed)
}

// TestReadAgainIsWhatWasWritten: a connection that was read is remembered, and
// no longer than it is true.
func TestReadAgainIsWhatWasWritten(t *testing.T) {
	w := &wavering{Store: memstore.New()}
	c := hub.NewConnections(w)
	add(t, c, "a", ada, "github")
	get := func() *hub.Connection {
		t.Helper()
		conn, err := c.Get(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	write := func(scopes ...string) error {
		return c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
			conn, err := tx.Connection("a")
			if err != nil {
				return err
			}
			conn.Scopes = scopes
			return tx.PutConnection(conn)
		})
	}
	if err := write("read"); err != nil {
		t.Fatal(err)
	}
	get().Scopes[0] = "all" // the caller's own
	before := w.reads
	if conn := get(); conn.Scopes[0] != "read" || w.reads != before {
		t.Errorf("scopes %v after %d more reads", conn.Scopes, w.reads-before)
	}
	if err := write("write"); err != nil {
		t.Fatal(err)
	}
	if conn := get(); conn.Scopes[0] != "write" {
		t.Errorf("after a write: %v", conn.Scopes)
	}
	c.Forget()
	before = w.reads
	if get(); w.reads == before {
		t.Error("it remembers what it was told to forget")
	}

	w.failed = errors.New("the disk hesitates")
	if err := write("late"); !errors.Is(err, w.failed) {
		t.Fatal(err)
	}
	get()
	before = w.reads
	if get(); w.reads == before {
		t.Error("it remembers what a failed write may still change")
	}
	w.failed = nil
	remove(t, c, "a")
	if _, err := c.Get(t.Context(), "a"); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("after the removal: %v", err)
	}
}

// TestNobodyReadsAnOlderConnection while others write it.
func TestNobodyReadsAnOlderConnection(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	add(t, c, "a", ada, "github")
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		group.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := c.Get(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				if conn.Generation < last {
					t.Errorf("generation %d after %d", conn.Generation, last)
					return
				}
				last = conn.Generation
			}
		})
	}
	for range 500 {
		var wrote uint64
		err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
			conn, err := tx.Connection("a")
			if err != nil {
				return err
			}
			err = tx.PutConnection(conn)
			wrote = conn.Generation
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if conn, err := c.Get(t.Context(), "a"); err != nil || conn.Generation < wrote {
			t.Fatalf("read %d after %d was written, %v", conn.Generation, wrote, err)
		}
	}
	close(stop)
	group.Wait()
}

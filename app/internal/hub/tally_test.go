// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

func prepared(t *testing.T, store hub.Store) *hub.Connections {
	t.Helper()
	c := hub.NewConnections(store)
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTally: it is right after each write, and its mark is another one exactly
// where an inventory would tell something else.
func TestTally(t *testing.T) {
	c := prepared(t, memstore.New())
	last := ""
	want := func(what string, changed bool, counts map[string]int) {
		t.Helper()
		got, err := c.Tally(t.Context())
		if err != nil || !maps.Equal(got.Counts, counts) || (got.Mark != last) != changed {
			t.Errorf("%s: %+v, %v; want %v, changed %v", what, got, err, counts, changed)
		}
		last = got.Mark
	}
	change := func(id string, f func(*hub.Connection)) {
		t.Helper()
		err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
			conn, err := tx.Connection(id)
			if err != nil {
				return err
			}
			f(conn)
			return tx.PutConnection(conn)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want("nothing", true, map[string]int{})
	add(t, c, "mine", hub.Me, "github")
	add(t, c, "hers", ada, "github")
	add(t, c, "other", ada, "slack")
	want("three", true, map[string]int{"github": 2, "slack": 1})
	change("mine", func(conn *hub.Connection) { conn.State = hub.StateNeedsReauthorization })
	change("hers", func(conn *hub.Connection) { conn.Account.Login = "ada" })
	want("what an inventory does not tell", false, map[string]int{"github": 2, "slack": 1})
	change("mine", func(conn *hub.Connection) { conn.Account.Login = "octocat" })
	want("another name", true, map[string]int{"github": 2, "slack": 1})
	change("other", func(conn *hub.Connection) { conn.Owner = hub.Me })
	want("another owner", true, map[string]int{"github": 2, "slack": 1})
	change("other", func(conn *hub.Connection) { conn.Integration = "slack-work" })
	want("another integration", true, map[string]int{"github": 2, "slack-work": 1})
	failed := errors.New("no")
	if err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		return errors.Join(tx.DeleteConnection("mine"), failed)
	}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	want("nothing was written", false, map[string]int{"github": 2, "slack-work": 1})
	remove(t, c, "mine")
	remove(t, c, "mine")
	want("one less", true, map[string]int{"github": 1, "slack-work": 1})
	remove(t, c, "hers")
	remove(t, c, "other")
	want("none", true, map[string]int{})
}

// TestTallyIsCountedAnew where it is missing, damaged, or can be right no more.
func TestTallyIsCountedAnew(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	for i := range 5 {
		add(t, c, fmt.Sprint(i), hub.Me, "github")
	}
	if _, err := c.Tally(t.Context()); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("before anybody counted: %v", err)
	}
	marks := map[string]bool{}
	again := func(what string, n int) {
		t.Helper()
		got, err := prepared(t, store).Tally(t.Context())
		if err != nil || got.Counts["github"] != n || marks[got.Mark] {
			t.Errorf("%s: %+v, %v; want %d", what, got, err, n)
		}
		marks[got.Mark] = true
	}
	spoil := func(ref hub.Ref) {
		t.Helper()
		if err := store.Update(t.Context(), func(tx hub.Tx) error {
			rec, err := tx.Get(ref)
			if err != nil {
				return err
			}
			_, err = tx.Put(ref, rec.Generation, []byte("garbage"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	again("counted", 5)
	tally := hub.Ref{Kind: hub.KindTally, ID: "connections"}
	spoil(tally)
	again("a damaged tally", 5)
	spoil(tally)
	add(t, c, "new", hub.Me, "github") // it keeps nobody from connecting
	again("damaged at a connect", 6)
	spoil(hub.Ref{Kind: hub.KindConnection, ID: "1"})
	remove(t, c, "1")
	again("a damaged connection removed", 5)
}

// TestFirst looks at no more connections than it returns.
func TestFirst(t *testing.T) {
	store := memstore.New()
	c := prepared(t, store)
	for i := range 620 { // more than a record of the index has
		add(t, c, fmt.Sprint(i), hub.Me, "github")
	}
	add(t, c, "hers", ada, "github")
	for n, most := range map[int]int{10: 12, 550: 555, 1000: 700} {
		w := &wavering{Store: store}
		got, err := hub.NewConnections(w).First(t.Context(), hub.Me, n)
		if err != nil || len(got) != min(n, 620) || w.reads > most {
			t.Errorf("%d of the first %d with %d reads, %v", len(got), n, w.reads, err)
		}
	}
}

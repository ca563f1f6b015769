// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/inventory"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// world is what a Keeper keeps, and where.
type world struct {
	*inventory.Keeper
	bus *events.Bus

	mu       sync.Mutex
	apps     []hub.KeptApp
	collects int
	cost     time.Duration // of a Collect
	err      error         // of a Collect
	writeErr error
	written  []hub.Inventory
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{bus: events.New()}
	w.Keeper = inventory.New(inventory.Config{
		File: w, StoreID: "one", Bus: w.bus, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Collect: w.collect,
		Last: &hub.Inventory{Mark: "of another day"},
	})
	return w
}

func (w *world) collect(ctx context.Context, _ *hub.Inventory) (*hub.Inventory, error) {
	w.mu.Lock()
	w.collects++
	cost := w.cost
	w.mu.Unlock()
	select {
	case <-time.After(cost):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return &hub.Inventory{Apps: slices.Clone(w.apps)}, w.err
}

func (w *world) Write(storeID string, content []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	in, err := hub.DecodeInventory(content)
	if err = errors.Join(err, w.writeErr); err == nil && storeID == "one" {
		w.written = append(w.written, *in)
	}
	return err
}

// add registers an app, and tells of it.
func (w *world) add(id string) {
	w.mu.Lock()
	w.apps = append(w.apps, hub.KeptApp{ID: id})
	w.mu.Unlock()
	w.bus.Publish(hub.Event{Type: hub.EventApps, Subject: id})
}

func (w *world) want(t *testing.T, writings, apps int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.written) != writings || writings > 0 && len(w.written[writings-1].Apps) != apps {
		t.Errorf("written %d times, want %d; the last: %+v", len(w.written), writings, w.written)
	}
}

// run runs f beside the keeper, in time that passes at once.
func run(t *testing.T, f func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		f(w)
		cancel()
		if err := errors.Join(<-done, w.Close()); err != nil {
			t.Error(err)
		}
	})
}

func pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

// TestKeeperDoesNotWait: a change right after the start is not kept waiting for
// the look at everything.
func TestKeeperDoesNotWait(t *testing.T) {
	run(t, func(w *world) {
		w.add("a")
		pass(5 * time.Second)
		w.want(t, 1, 1)
	})
}

func TestKeeperWritesChangesTogether(t *testing.T) {
	run(t, func(w *world) {
		pass(time.Minute)
		w.want(t, 1, 0)      // what was there at the start
		for i := range 200 { // more than the bus holds for a slow listener
			w.add(fmt.Sprint(i))
		}
		pass(time.Minute)
		w.want(t, 2, 200)
		w.bus.Publish(hub.Event{Type: hub.EventRefreshed})
		pass(time.Minute)
		w.mu.Lock()
		if w.collects != 2 {
			t.Errorf("%d looks; a refresh changes nothing", w.collects)
		}
		w.mu.Unlock()
		w.bus.Publish(hub.Event{Type: hub.EventConnected})
		pass(time.Minute)
		w.want(t, 2, 200) // nothing is new
	})
}

// TestSecondStart: where nothing changed, the next hub reads one record, and
// writes nothing.
func TestSecondStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: memstore.New()}
		conns := hub.NewConnections(store)
		if err := conns.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range hub.MaxInventory + 20 {
			connect(t, conns, fmt.Sprint(i), "github", "octocat", hub.Me)
		}
		connect(t, conns, "hers", "slack", "ada", hub.Owner{User: "ada"})
		var last *hub.Inventory
		start := func(what string, reads, writings int, change func()) {
			t.Helper()
			w := newWorld(t)
			w.Keeper = inventory.New(inventory.Config{
				File: w, StoreID: "one", Bus: w.bus, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Last: last,
				Collect: func(ctx context.Context, last *hub.Inventory) (*hub.Inventory, error) {
					return inventory.Collect(ctx, last, nil, []hub.KeptApp{{ID: "a"}}, conns)
				},
			})
			change()
			store.reads, store.lists = 0, 0
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- w.Run(ctx) }()
			pass(time.Hour)
			cancel()
			if err := errors.Join(<-done, w.Close()); err != nil {
				t.Error(err)
			}
			w.want(t, writings, 1)
			if store.reads > reads || store.lists != 0 {
				t.Errorf("%s: %d reads, %d lists", what, store.reads, store.lists)
			}
			if writings > 0 {
				last = &w.written[writings-1]
			}
		}
		nothing := func() {}
		start("the first", 1+hub.MaxInventory+5, 1, nothing)
		if len(last.Accounts) != hub.MaxInventory || last.More["github"] != 20 || last.More["slack"] != 1 {
			t.Errorf("%d accounts, more: %v", len(last.Accounts), last.More)
		}
		start("the second", 1, 0, nothing)
		start("another one, after a change that the one before did not live to write", 1+hub.MaxInventory+5, 1, func() {
			connect(t, conns, "hers too", "slack", "ada", hub.Owner{User: "ada"})
		})
		if last.More["slack"] != 2 {
			t.Errorf("more: %v", last.More)
		}
	})
}

// counting is a store whose reads are counted.
type counting struct {
	hub.Store
	reads, lists int
}

func (s *counting) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	s.reads++
	return s.Store.Get(ctx, ref)
}

func (s *counting) List(ctx context.Context, k hub.Kind) iter.Seq2[hub.Record, error] {
	s.lists++
	return s.Store.List(ctx, k)
}

// TestKeeperIsCheap: where a look takes long, there are few.
func TestKeeperIsCheap(t *testing.T) {
	run(t, func(w *world) {
		w.mu.Lock()
		w.cost = 10 * time.Second
		w.mu.Unlock()
		for i := range 1000 {
			w.add(fmt.Sprint(i))
			pass(time.Second)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.collects < 3 || w.collects > 1+1000/(10*20) {
			t.Errorf("%d looks of ten seconds within 1000", w.collects)
		}
	})
}

func TestKeeperFailsAndGoesOn(t *testing.T) {
	run(t, func(w *world) {
		w.mu.Lock()
		w.writeErr = errors.New("the disk is full")
		w.mu.Unlock()
		pass(90 * time.Second)
		w.want(t, 0, 0)
		if w.Err() == nil {
			t.Error("nobody learns of it")
		}
		w.mu.Lock()
		w.writeErr = nil
		w.mu.Unlock()
		pass(2 * time.Minute) // by itself
		w.want(t, 1, 0)
		if w.Err() != nil {
			t.Errorf("mended: %v", w.Err())
		}
		// Locked: not a failure, and written once that is over.
		w.mu.Lock()
		w.err = hub.Errorf(hub.CodeLocked, "locked")
		w.mu.Unlock()
		w.add("a")
		pass(time.Hour)
		w.want(t, 1, 0)
		if w.Err() != nil {
			t.Errorf("locked: %v", w.Err())
		}
		w.mu.Lock()
		w.err = nil
		w.mu.Unlock()
		w.bus.Publish(hub.Event{Type: hub.EventLock})
		pass(time.Minute)
		w.want(t, 2, 1)
	})
}

// TestKeeperCloses: the last change is written at the close; a command that
// changed nothing writes nothing, and nothing holds the close up for long.
func TestKeeperCloses(t *testing.T) {
	for name, c := range map[string]struct {
		change   bool
		cost     time.Duration
		writings int
	}{"changed": {true, 0, 1}, "unchanged": {false, 0, 0}, "too slow": {true, time.Hour, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.cost = c.cost
				if c.change {
					w.add("a")
				}
				began := time.Now()
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				w.want(t, c.writings, 1)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v to close", took)
				}
			})
		})
	}
}

func connect(t *testing.T, conns *hub.Connections, id, integration, login string, owner hub.Owner) {
	t.Helper()
	err := conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		return tx.PutConnection(&hub.Connection{
			ID: id, Owner: owner, Integration: integration, State: hub.StateConnected,
			Account: hub.Account{Issuer: "https://" + integration, Subject: id, Login: login}, Scopes: []string{"canary"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLost: what was lost is told of until it is back, or given up.
func TestLost(t *testing.T) {
	ctx := t.Context()
	old := hub.NewConnections(memstore.New())
	connect(t, old, "1", "github", "octocat", hub.Me)
	connect(t, old, "2", "github", "octopus", hub.Me) // the same hint
	connect(t, old, "3", "slack", "alexander@example.org", hub.Me)
	connect(t, old, "4", "slack", "customer@example.org", hub.Owner{User: "u"})
	in, err := inventory.Collect(ctx, nil, nil, nil, old) // where nobody has counted
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	counted, err := inventory.Collect(ctx, nil, nil, nil, old)
	if err != nil || counted.Mark == "" {
		t.Fatal(counted, err)
	}
	counted.Mark = ""
	for _, in := range []*hub.Inventory{in, counted} {
		b, err := in.Encode()
		if err != nil || in.Count() != 4 || !reflect.DeepEqual(in.More, map[string]int{"slack": 1}) {
			t.Errorf("collected: %s, %v", b, err)
		}
	}

	store := memstore.New()
	conns := hub.NewConnections(store)
	lost := &inventory.Lost{Store: store, Connections: conns}
	want := func(what string, n int) {
		t.Helper()
		if l, err := lost.List(ctx); err != nil || l.Count() != n {
			t.Errorf("%s: %+v, %v", what, l, err)
		}
	}
	want("before", 0)
	if err := inventory.Note(ctx, store, in.Lost); err != nil {
		t.Fatal(err)
	}
	want("lost", 4)
	connect(t, conns, "5", "github", "octocat", hub.Me)
	want("one is back", 3)
	connect(t, conns, "6", "github", "somebody", hub.Me)
	want("another one", 3)
	connect(t, conns, "7", "github", "octopus", hub.Me)
	connect(t, conns, "8", "slack", "alexander@example.org", hub.Me)
	want("all of them", 1)
	if err := lost.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	want("given up", 0)
	if err := inventory.Note(ctx, store, hub.Lost{}); err != nil {
		t.Error(err)
	}
	want("nothing was lost", 0)
}

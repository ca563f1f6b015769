// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

const life = time.Hour // of an access token of the test provider

// house is an engine with everything around it that it needs.
type house struct {
	*Engine
	t        testing.TB
	store    *store
	conns    *hub.Connections
	bus      *recorder
	auditor  *auditor
	provider *provider
	resolver *resolver
	clock    *clock
	offline  atomic.Bool // the machine
}

// inBubble runs f with a house in a bubble of fake time.
func inBubble(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.close()
		f(t, h)
	})
}

func newHouse(t testing.TB) *house {
	h := &house{
		t: t, store: &store{Store: memstore.New()}, bus: &recorder{}, auditor: &auditor{},
		provider: newProvider(), resolver: newResolver(), clock: &clock{},
	}
	h.open(h.store)
	h.start()
	return h
}

// open puts the repository on a store.
func (h *house) open(s hub.Store) {
	h.conns = hub.NewConnections(s)
	h.conns.Know(h.resolver.Descriptor, h.clock.now)
	if err := h.conns.Prepare(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// start makes an engine on what is stored, as after a restart.
func (h *house) start() {
	h.Engine = New(Config{
		Connections: h.conns, Providers: h.provider, Resolver: h.resolver, Bus: h.bus, Auditor: h.auditor,
		FingerprintKey: []byte("key"), Now: h.clock.now, Logger: slog.New(slog.DiscardHandler),
		Jitter: func() float64 { return 0.5 }, Online: func() bool { return !h.offline.Load() },
	})
}

func (h *house) close() {
	if err := h.Close(context.Background()); err != nil {
		h.t.Error(err)
	}
}

// run starts the background and returns what stops it.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

// connect stores a connection whose token expires after left.
func (h *house) connect(id string, left time.Duration, edit ...func(*hub.Connection, *hub.TokenSet)) {
	h.t.Helper()
	now := h.clock.now().Round(0)
	access, refresh := h.provider.issue()
	set := hub.TokenSet{
		AccessToken: secret.New(access), RefreshToken: secret.New(refresh), TokenType: "Bearer",
		IssuedAt: now.Add(left - life), Expiry: now.Add(left), ExpirySource: hub.ExpiryDeclared, Scopes: []string{"a", "b"},
	}
	conn := &hub.Connection{
		ID: id, Owner: hub.Me, Integration: "acme", Provider: "acme", State: hub.StateConnected, ClientID: "client",
		Account: hub.Account{Issuer: "https://acme", Subject: id}, CreatedAt: now, UpdatedAt: now, Expiry: set.Expiry,
		Scopes: set.Scopes, RedirectURI: "http://127.0.0.1/callback",
	}
	for _, f := range edit {
		f(conn, &set)
	}
	h.put(conn, set)
}

// connectMany stores many at once.
func (h *house) connectMany(many int, left time.Duration) {
	h.t.Helper()
	now := h.clock.now().Round(0)
	err := h.conns.Update(context.Background(), func(tx *hub.ConnectionsTx) error {
		for i := range many {
			conn := &hub.Connection{ID: fmt.Sprint(i), Owner: hub.Owner{User: fmt.Sprint(i)}, Integration: "acme", Provider: "acme", State: hub.StateConnected}
			if err := tx.PutConnection(conn); err != nil {
				return err
			}
			access, refresh := h.provider.issue()
			set := hub.TokenSet{
				AccessToken: secret.New(access), RefreshToken: secret.New(refresh), IssuedAt: now.Add(left - life), Expiry: now.Add(left),
			}
			if _, err := tx.PutTokenSet(conn.ID, set); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) put(conn *hub.Connection, set hub.TokenSet) {
	h.t.Helper()
	err := h.conns.Update(context.Background(), func(tx *hub.ConnectionsTx) error {
		if old, err := tx.Connection(conn.ID); err == nil {
			conn.Generation = old.Generation
		}
		if err := tx.PutConnection(conn); err != nil {
			return err
		}
		_, err := tx.PutTokenSet(conn.ID, set)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// edit changes the stored tokens.
func (h *house) edit(id string, f func(*hub.Tokens)) {
	h.t.Helper()
	err := h.conns.Update(context.Background(), func(tx *hub.ConnectionsTx) error {
		toks, err := tx.Tokens(id)
		if err != nil {
			return err
		}
		f(toks)
		return tx.PutTokens(toks)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) stored(id string) (*hub.Connection, *hub.Tokens) {
	h.t.Helper()
	conn, err := h.conns.Get(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	toks, err := h.conns.Tokens(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return conn, toks
}

func (h *house) vend(id string) (*hub.Vended, *hub.Error) {
	return h.vendReq(hub.VendRequest{Connection: id, Caller: "app_1"})
}

func (h *house) vendReq(req hub.VendRequest) (*hub.Vended, *hub.Error) {
	v, err := h.Vend(context.Background(), req)
	if err == nil {
		return v, nil
	}
	e, ok := errors.AsType[*hub.Error](err)
	if !ok {
		h.t.Errorf("Vend returned %T, not *hub.Error: %v", err, err)
	}
	return v, e
}

// mustVend returns a token that the provider accepts.
func (h *house) mustVend(id string) *hub.Vended {
	h.t.Helper()
	v, err := h.vend(id)
	if err != nil {
		h.t.Fatalf("no token: %v", err)
	}
	if !h.provider.accepts(v.AccessToken.Reveal()) {
		h.t.Fatalf("%s is not accepted by the provider", v.AccessToken.Reveal())
	}
	return v
}

func (h *house) mustFail(id string, code hub.Code) *hub.Error {
	h.t.Helper()
	v, err := h.vend(id)
	if err == nil {
		h.t.Fatalf("got token %s, want %s", v.AccessToken.Reveal(), code)
	}
	if v != nil || err.Code != code {
		h.t.Fatalf("got %s (%v), want %s", err.Code, err, code)
	}
	return err
}

func (h *house) wantState(id string, state hub.State, reason hub.Reason) {
	h.t.Helper()
	conn, _ := h.stored(id)
	if conn.State != state || conn.Reason != reason {
		h.t.Fatalf("the connection is %s (%s), want %s (%s)", conn.State, conn.Reason, state, reason)
	}
}

// clock can be set beside the bubble's own.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// store fails its writes while fail is set.
type store struct {
	hub.Store
	mu    sync.Mutex
	fail  func(kind hub.Kind, value string) error // asked for each Put
	read  func(hub.Ref)                           // told after each Get
	gets  int
	lists int
	most  int // writes in one update; 0: any number
}

func (s *store) failWith(f func(hub.Kind, string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *store) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	s.mu.Lock()
	s.gets++
	read := s.read
	s.mu.Unlock()
	rec, err := s.Store.Get(ctx, ref)
	if read != nil {
		read(ref)
	}
	return rec, err
}

func (s *store) afterReading(f func(hub.Ref)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = f
}

func (s *store) counts() (gets, lists int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gets, s.lists
}

func (s *store) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	s.mu.Lock()
	s.lists++
	s.mu.Unlock()
	return s.Store.List(ctx, kind)
}

func (s *store) Update(ctx context.Context, f func(hub.Tx) error) error {
	s.mu.Lock()
	fail, most := s.fail, s.most
	s.mu.Unlock()
	return s.Store.Update(ctx, func(tx hub.Tx) error { return f(&failingTx{tx, fail, most, 0}) })
}

type failingTx struct {
	hub.Tx
	fail func(hub.Kind, string) error
	most int
	puts int
}

func (t *failingTx) Put(ref hub.Ref, expect uint64, value []byte) (uint64, error) {
	if t.puts++; t.most > 0 && t.puts > t.most {
		return 0, hub.Errorf(hub.CodeInvalid, "too much is written in one update")
	}
	if t.fail != nil {
		if err := t.fail(ref.Kind, string(value)); err != nil {
			return 0, err
		}
	}
	return t.Tx.Put(ref, expect, value)
}

// recorder is a bus that remembers.
type recorder struct {
	events.Bus
	mu  sync.Mutex
	all []hub.Event
}

func (r *recorder) Publish(ev hub.Event) {
	r.mu.Lock()
	r.all = append(r.all, ev)
	r.mu.Unlock()
	r.Bus.Publish(ev)
}

func (r *recorder) count(t hub.EventType) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ev := range r.all {
		if ev.Type == t {
			n++
		}
	}
	return n
}

type auditor struct {
	mu      sync.Mutex
	err     error
	entries []hub.AuditEntry
}

func (a *auditor) Record(_ context.Context, e hub.AuditEntry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	a.entries = append(a.entries, e)
	return nil
}

func (a *auditor) failWith(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func (a *auditor) last() hub.AuditEntry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entries[len(a.entries)-1]
}

type resolver struct {
	mu         sync.Mutex
	descriptor hub.Descriptor
	err        error
	wanted     []string
	calls      int
}

func newResolver() *resolver {
	return &resolver{wanted: []string{"a", "b"}, descriptor: hub.Descriptor{
		Slug: "acme", Name: "Acme", Rotation: hub.RotationSingle, Revoke: hub.ReachToken,
		Capabilities: []hub.Capability{hub.CanRefresh, hub.CanRevoke},
	}}
}

func (r *resolver) ResolveFor(_ context.Context, conn *hub.Connection) (*hub.Resolved, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.err != nil {
		return nil, r.err
	}
	d := r.descriptor
	return &hub.Resolved{Target: hub.Target{Provider: conn.Provider, ClientID: conn.ClientID}, Descriptor: &d}, nil
}

func (r *resolver) Wanted(string) []string { return r.wanted }

func (r *resolver) Descriptor(string) *hub.Descriptor {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.descriptor
	return &d
}

// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestModel throws everything at the engine in random order: callers, forced
// refreshes, outages, lost answers, refusals, reauthorizations, disconnects, a
// failing disk, restarts and kills. The provider ends a family of tokens when a
// refresh token is used twice. What must hold, always:
//
//   - a token that is handed out works, unless its family was ended from outside
//     or by the second try after an answer that really was lost;
//   - generations only grow;
//   - what was disconnected stays gone;
//   - the user is called at most once per authorization, and never without a
//     cause: a refusal from outside, or an answer that was lost;
//   - a connection without such a cause works again when the trouble is over.
func TestModel(t *testing.T) {
	seeds := 30
	if os.Getenv("STANDPIPE_TEST_LONG") != "" {
		seeds = 300
	}
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, uint64(seed))
				defer func() { m.stop() }()
				for range 80 {
					m.step()
					m.check()
				}
				m.finish()
			})
		})
	}
}

type model struct {
	*house
	rnd     *rand.Rand
	base    *store
	dead    *atomic.Bool // of the present engine's store
	stop    func()
	conns   []string
	gone    map[string]bool
	gens    map[string]uint64
	excused map[string]bool // the user may have to be called
	lossy   bool            // answers are being lost
	auths   map[string]int  // authorizations of a connection
	n       int
	log     []string
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		house: newHouse(t), rnd: rand.New(rand.NewPCG(seed, 1)),
		gone: map[string]bool{}, gens: map[string]uint64{}, excused: map[string]bool{}, auths: map[string]int{},
	}
	m.base = m.house.store
	m.boot()
	for range 3 {
		m.newConnection()
	}
	return m
}

func (m *model) boot() {
	m.dead = &atomic.Bool{}
	m.open(&mortalStore{m.base, m.dead})
	m.start()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	engine := m.Engine
	go func() {
		defer close(done)
		_ = engine.Run(ctx) // a killed engine ends with an error
	}()
	m.stop = func() {
		cancel()
		<-done
		_ = engine.Close(context.Background())
	}
}

// mortalStore is a store as a process sees it that can be killed.
type mortalStore struct {
	hub.Store
	dead *atomic.Bool
}

var errKilled = errors.New("killed")

func (s *mortalStore) Get(ctx context.Context, r hub.Ref) (hub.Record, error) {
	if s.dead.Load() {
		return hub.Record{}, errKilled
	}
	return s.Store.Get(ctx, r)
}

func (s *mortalStore) Update(ctx context.Context, f func(hub.Tx) error) error {
	if s.dead.Load() {
		return errKilled
	}
	return s.Store.Update(ctx, f)
}

func (m *model) note(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

func (m *model) fatal(format string, args ...any) {
	m.t.Helper()
	for _, l := range m.log {
		m.t.Log(l)
	}
	m.t.Fatalf(format, args...)
}

func (m *model) pick() string { return m.conns[m.rnd.IntN(len(m.conns))] }

func (m *model) newConnection() {
	m.n++
	id := fmt.Sprint("c", m.n)
	m.authorize(id)
	m.conns = append(m.conns, id)
}

func (m *model) authorize(id string) {
	m.base.failWith(nil) // connecting is not what is tested
	m.connect(id, time.Duration(m.rnd.IntN(60)+1)*time.Minute)
	m.auths[id]++
	m.excused[id] = m.lossy
	m.bus.Publish(hub.Event{Type: hub.EventConnected, Connection: id})
}

func (m *model) step() {
	switch k := m.rnd.IntN(20); {
	case k < 7:
		id, force := m.pick(), m.rnd.IntN(4) == 0
		ttl := time.Duration(m.rnd.IntN(40)) * time.Minute
		m.note("vend %s force=%v ttl=%v", id, force, ttl)
		m.vendMany(hub.VendRequest{Connection: id, Force: force, MinTTL: ttl}, m.rnd.IntN(5)+1)
	case k < 11:
		d := time.Duration(m.rnd.IntN(45*60)) * time.Second
		m.note("%v pass", d)
		time.Sleep(d)
	case k == 11:
		m.note("the provider is well")
		m.lossy = false
		m.provider.script(func(p *provider) { p.before, p.after = taking(200*time.Millisecond), nil })
	case k == 12:
		m.note("the provider is away")
		m.lossy = false
		m.provider.script(func(p *provider) { p.before = always(unavailable()) })
	case k == 13:
		m.note("answers are lost")
		err := []error{crashed(), &hub.ProviderError{Class: hub.ProviderTemporary, Message: "reset"}}[m.rnd.IntN(2)]
		m.provider.script(func(p *provider) { p.before, p.after = nil, always(err) })
		m.lossy = true
		m.excuseAll()
	case k == 14:
		id := m.pick()
		m.note("the user withdraws %s at the provider", id)
		if conn, err := m.house.conns.Get(context.Background(), id); err == nil && conn.State == hub.StateConnected {
			_, toks := m.stored(id)
			m.provider.script(func(p *provider) { p.end(p.refresh[toks.Current.RefreshToken.Reveal()]) })
			m.excused[id] = true
		}
	case k == 15:
		id := m.pick()
		m.note("reauthorize %s", id)
		m.authorize(id)
	case k == 16:
		id := m.pick()
		m.note("disconnect %s", id)
		m.base.failWith(nil)
		if _, err := m.DisconnectAs(context.Background(), "user", id, false); err != nil {
			m.fatal("disconnect %s: %v", id, err)
		}
		m.gone[id] = true
		for i, c := range m.conns {
			if c == id {
				m.conns = append(m.conns[:i], m.conns[i+1:]...)
			}
		}
		m.newConnection()
	case k == 17:
		m.note("the disk is full")
		m.base.failWith(func(hub.Kind, string) error { return errors.New("disk full") })
	case k == 18:
		m.note("the disk has room")
		m.base.failWith(nil)
	default:
		kill := m.rnd.IntN(2) == 0
		m.note("restart, kill=%v", kill)
		if kill {
			engine, id := m.Engine, m.pick()
			go func() { _, _ = engine.Vend(context.Background(), hub.VendRequest{Connection: id, Force: true}) }()
			time.Sleep(time.Duration(m.rnd.IntN(300)) * time.Millisecond)
			m.dead.Store(true)
		}
		m.stop()
		if kill || m.unsavedAny() {
			m.excuseAll() // an answer in the memory of a process dies with it
		}
		m.boot()
	}
}

func (m *model) unsavedAny() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.slots {
		if s.unsaved != nil {
			return true
		}
	}
	return false
}

// excuseAll: from now on answers may have been lost.
func (m *model) excuseAll() {
	for _, id := range m.conns {
		m.excused[id] = true
	}
}

func (m *model) vendMany(req hub.VendRequest, callers int) {
	type result struct {
		v   *hub.Vended
		err *hub.Error
	}
	results := make(chan result, callers)
	for range callers {
		go func() {
			v, err := m.vendReq(req)
			results <- result{v, err}
		}()
	}
	for range callers {
		r := <-results
		switch {
		case r.err != nil && r.err.Code == hub.CodeNeedsReauthorization && !m.excused[req.Connection]:
			m.fatal("%s needs its user without a cause (%s)", req.Connection, r.err.Reason)
		case r.err == nil && !m.excused[req.Connection] && !m.provider.accepts(r.v.AccessToken.Reveal()):
			m.fatal("%s was handed out and does not work", r.v.AccessToken.Reveal())
		case r.err == nil && !r.v.Expiry.After(time.Now()):
			m.fatal("an expired token was handed out")
		}
	}
}

func (m *model) check() {
	m.t.Helper()
	for id := range m.gone {
		if _, err := m.base.Get(context.Background(), hub.Ref{Kind: hub.KindConnection, ID: id}); !errors.Is(err, hub.ErrNotFound) {
			m.fatal("%s is back", id)
		}
		if _, err := m.base.Get(context.Background(), hub.Ref{Kind: hub.KindTokens, ID: id}); !errors.Is(err, hub.ErrNotFound) {
			m.fatal("the tokens of %s are back", id)
		}
	}
	calls := map[string]int{}
	m.bus.mu.Lock()
	for _, ev := range m.bus.all {
		if ev.Type == hub.EventNeedsReauthorization {
			calls[ev.Connection]++
		}
	}
	m.bus.mu.Unlock()
	for _, id := range m.conns {
		conn, toks := m.stored(id)
		if toks.Generation < m.gens[id] {
			m.fatal("the generation of %s fell from %d to %d", id, m.gens[id], toks.Generation)
		}
		m.gens[id] = toks.Generation
		if conn.State == hub.StateNeedsReauthorization && (!m.excused[id] || conn.Reason == "") {
			m.fatal("%s needs its user (%s) without a cause", id, conn.Reason)
		}
		if calls[id] > m.auths[id] {
			m.fatal("the user was called %d times for %d authorizations of %s", calls[id], m.auths[id], id)
		}
	}
}

// finish mends everything, and looks whether everything works that should.
func (m *model) finish() {
	m.note("all is well")
	m.lossy = false
	m.base.failWith(nil)
	m.provider.script(func(p *provider) { p.before, p.after = nil, nil })
	time.Sleep(2 * time.Hour)
	m.check()
	for _, id := range m.conns {
		v, err := m.vendReq(hub.VendRequest{Connection: id})
		switch {
		case err == nil && !m.provider.accepts(v.AccessToken.Reveal()):
			m.fatal("%s: a token that does not work", id)
		case err != nil && (err.Code != hub.CodeNeedsReauthorization || !m.excused[id] || err.Remedy == ""):
			m.fatal("%s: %v", id, err)
		}
	}
}

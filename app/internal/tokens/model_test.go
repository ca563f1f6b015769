// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestModel throws everything at the engine in random order: callers who wait and
// who go away, forced refreshes, tokens by name, outages, answers that are late or
// lost, refusals, reauthorizations, disconnects, a failing disk, restarts and
// kills. The provider ends a family of tokens when a refresh token is used twice.
// What must hold, always:
//
//   - a token that is handed out works and has not expired, unless its family was
//     ended from outside or by the second try after an answer that really was lost;
//   - no refresh token is used twice, unless an answer was lost;
//   - each token is being renewed once at a time;
//   - generations only grow;
//   - what was disconnected stays gone, and nothing of it lives on at the provider;
//   - the user is called at most once per authorization, and never without a
//     cause: a refusal from outside, or an answer that was lost;
//   - a connection without such a cause works again when the trouble is over.
//
// Of steps that break one of these, rapid finds few that do.
func TestModel(t *testing.T) {
	checks := "30"
	if os.Getenv("STANDPIPE_TEST_LONG") != "" {
		checks = "1000"
	}
	if testing.Short() {
		checks = "10"
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		defer func() { _ = f.Value.Set(f.DefValue) }()
		if err := f.Value.Set(checks); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 80, 80).Draw(rt, "steps")
		var failed *failedModel
		synctest.Test(t, func(t *testing.T) { failed = play(t, steps) })
		if failed != nil {
			rt.Fatalf("%s\n%s", failed.what, strings.Join(failed.log, "\n"))
		}
	})
}

// step is one thing that happens; seed is for its details.
type step struct {
	what int
	seed uint64
}

func drawStep(rt *rapid.T) step {
	return step{rapid.IntRange(0, len(happenings)-1).Draw(rt, "what"), rapid.Uint64Range(0, 1<<20).Draw(rt, "seed")}
}

// failedModel is a property that does not hold, and how it came to that.
type failedModel struct {
	what string
	log  []string
}

// play lets everything happen, and then mends everything.
func play(t *testing.T, steps []step) (failed *failedModel) {
	m := newModel(t)
	defer func() {
		p := recover()
		m.base.failWith(nil)
		m.stop()
		m.callers.Wait()
		if f, ok := p.(*failedModel); ok {
			failed = f
		} else if p != nil {
			panic(p)
		}
	}()
	for _, s := range steps {
		m.rnd = rand.New(rand.NewPCG(s.seed, 1))
		happenings[s.what](m)
		m.check()
	}
	m.finish()
	return nil
}

type model struct {
	*house
	rnd      *rand.Rand
	base     *store
	dead     *atomic.Bool // of the present engine's store
	stop     func()
	conns    []string
	gone     map[string]bool
	gens     map[string]uint64
	excused  map[string]bool // the user may have to be called
	lossy    bool            // answers are being lost
	lost     bool            // one may have been, ever
	auths    map[string]int  // authorizations of a connection
	families map[string][]int
	n        int
	log      []string

	callers sync.WaitGroup
	mu      sync.Mutex
	got     []result
}

// result is what a caller got.
type result struct {
	id     string
	auth   int // of which it was when he called
	v      *hub.Vended
	err    *hub.Error
	works  bool
	expiry time.Duration // left
}

func newModel(t *testing.T) *model {
	m := &model{
		house: newHouse(t), gone: map[string]bool{}, gens: map[string]uint64{}, excused: map[string]bool{},
		auths: map[string]int{}, families: map[string][]int{}, rnd: rand.New(rand.NewPCG(0, 1)),
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
	panic(&failedModel{fmt.Sprintf(format, args...), m.log})
}

func (m *model) pick() string { return m.conns[m.rnd.IntN(len(m.conns))] }

func (m *model) newConnection() {
	m.n++
	id := fmt.Sprint("c", m.n)
	m.authorize(id)
	m.conns = append(m.conns, id)
}

// authorize connects an account, or connects it again. Every other one has a
// token with a name beside the main one.
func (m *model) authorize(id string) {
	m.base.failWith(nil) // connecting is not what is tested
	left := time.Duration(m.rnd.IntN(60)+1) * time.Minute
	m.families[id] = []int{m.provider.count() + 1}
	m.connect(id, left, func(_ *hub.Connection, s *hub.TokenSet) {
		if m.n%2 == 0 {
			access, refresh := m.provider.issue()
			m.families[id] = append(m.families[id], m.provider.count())
			s.Named = map[string]hub.NamedToken{"user": {
				AccessToken: secret.New(access), RefreshToken: secret.New(refresh), IssuedAt: s.IssuedAt, Expiry: s.Expiry,
				ExpirySource: hub.ExpiryDeclared, Generation: 1,
			}}
		}
	})
	m.auths[id]++
	m.excused[id] = m.lossy
	m.bus.Publish(hub.Event{Type: hub.EventConnected, Connection: id})
}

// lose notes that answers may be lost from now on, with whatever is under way.
func (m *model) lose() {
	m.lost = true
	for _, id := range m.conns {
		m.excused[id] = true
	}
	for id := range m.gone {
		if m.aloft(id) != nil { // it was disconnected while the provider took its time
			m.excused[id] = true
		}
	}
}

// happenings are what may happen. The first one is what rapid makes of a step that
// is of no importance.
var happenings = []func(*model){
	func(*model) {},
	(*model).pass, (*model).pass, (*model).pass, (*model).pass,
	(*model).call, (*model).call, (*model).call, (*model).call, (*model).call,
	(*model).callAside, (*model).callAside,
	(*model).well, (*model).away, (*model).slow, (*model).losing, (*model).withdraw, (*model).reauthorize, (*model).disconnectOne,
	(*model).fullDisk, (*model).emptyDisk, (*model).restart, (*model).restart,
}

func (m *model) pass() {
	d := time.Duration(m.rnd.IntN(45*60)) * time.Second
	m.note("%v pass", d)
	time.Sleep(d)
}

func (m *model) request() hub.VendRequest {
	req := hub.VendRequest{Connection: m.pick(), Force: m.rnd.IntN(4) == 0, MinTTL: time.Duration(m.rnd.IntN(40)) * time.Minute}
	if _, toks := m.stored(req.Connection); m.rnd.IntN(2) == 0 && len(toks.Current.Named) > 0 {
		req.Token = "user"
	}
	return req
}

func (m *model) call() {
	req, callers := m.request(), m.rnd.IntN(5)+1
	m.note("%d vend %s %s force=%v ttl=%v", callers, req.Connection, req.Token, req.Force, req.MinTTL)
	for range callers {
		m.vendAside(context.Background(), req)
	}
	m.callers.Wait()
}

// callAside calls without waiting for the answer, as long as it may take, or
// until the caller goes away.
func (m *model) callAside() {
	req, patience := m.request(), time.Duration(m.rnd.IntN(60))*time.Second
	m.note("vend aside %s %s force=%v ttl=%v patience=%v", req.Connection, req.Token, req.Force, req.MinTTL, patience)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	m.vendAside(ctx, req)
	context.AfterFunc(ctx, cancel)
}

func (m *model) vendAside(ctx context.Context, req hub.VendRequest) {
	engine, auth := m.Engine, m.auths[req.Connection]
	m.callers.Go(func() {
		v, failed := engine.Vend(ctx, req)
		r := result{id: req.Connection, auth: auth, v: v}
		if failed != nil {
			r.err = hub.AsError(failed)
		} else {
			r.works, r.expiry = m.provider.accepts(v.AccessToken.Reveal()), time.Until(v.Expiry)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.got = append(m.got, r)
	})
}

func (m *model) well() {
	m.note("the provider is well")
	m.lossy = false
	m.provider.script(func(p *provider) { p.before, p.after, p.revoke = taking(200*time.Millisecond), nil, nil })
}

func (m *model) away() {
	m.note("the provider is away")
	m.lossy = false
	m.provider.script(func(p *provider) {
		p.before = always(unavailable())
		p.revoke = func(hub.RevokeRequest) (hub.Reach, error) { return "", unavailable() }
	})
}

func (m *model) slow() {
	d := time.Duration(m.rnd.IntN(35)) * time.Second // within what a refresh may take
	m.note("answers take %v", d)
	m.lossy = false
	m.provider.script(func(p *provider) { p.before, p.after = nil, taking(d) })
}

func (m *model) losing() {
	m.note("answers are lost")
	err := []error{crashed(), &hub.ProviderError{Class: hub.ProviderTemporary, Message: "reset"}}[m.rnd.IntN(2)]
	m.provider.script(func(p *provider) { p.before, p.after = nil, always(err) })
	m.lossy = true
	m.lose()
}

func (m *model) withdraw() {
	id := m.pick()
	m.note("the user withdraws %s at the provider", id)
	if conn, err := m.house.conns.Get(context.Background(), id); err == nil && conn.State == hub.StateConnected {
		m.excused[id] = true
		m.provider.script(func(p *provider) {
			for _, f := range m.families[id] {
				p.end(f)
			}
		})
	}
}

func (m *model) reauthorize() {
	id := m.pick()
	m.note("reauthorize %s", id)
	m.authorize(id)
}

func (m *model) disconnectOne() {
	id := m.pick()
	m.note("disconnect %s", id)
	m.base.failWith(nil)
	if _, err := m.DisconnectAs(context.Background(), "user", id, hub.GrantKeep); err != nil {
		m.fatal("disconnect %s: %v", id, err)
	}
	m.gone[id] = true
	m.conns = slices.DeleteFunc(m.conns, func(c string) bool { return c == id })
	m.newConnection()
}

func (m *model) fullDisk() {
	m.note("the disk is full")
	m.base.failWith(func(hub.Kind, string) error { return errors.New("disk full") })
}

func (m *model) emptyDisk() {
	m.note("the disk has room")
	m.base.failWith(nil)
}

func (m *model) restart() {
	kill := m.rnd.IntN(2) == 0
	m.note("restart, kill=%v", kill)
	if kill {
		m.vendAside(context.Background(), hub.VendRequest{Connection: m.pick(), Force: true})
		time.Sleep(time.Duration(m.rnd.IntN(300)) * time.Millisecond)
		m.dead.Store(true)
		m.lose() // with all that it had in hand
	}
	m.stop()
	m.callers.Wait()
	if m.unsavedAny() {
		m.lose() // an answer in the memory of a process dies with it
	}
	m.boot()
}

func (m *model) unsavedAny() bool {
	m.Engine.mu.Lock()
	defer m.Engine.mu.Unlock()
	for _, s := range m.slots {
		if s.unsaved != nil {
			return true
		}
	}
	return false
}

// judgeCallers looks at what the callers got since.
func (m *model) judgeCallers() {
	m.mu.Lock()
	got := m.got
	m.got = nil
	m.mu.Unlock()
	for _, r := range got {
		blameless := !m.excused[r.id] && !m.gone[r.id] && m.auths[r.id] == r.auth
		switch {
		case r.err != nil && r.err.Code == hub.CodeNeedsReauthorization && blameless:
			m.fatal("%s needs its user without a cause (%s)", r.id, r.err.Reason)
		case r.err != nil && r.err.Message == "":
			m.fatal("%s: an error without words: %+v", r.id, r.err)
		case r.err == nil && !r.works && blameless:
			m.fatal("%s was handed out and does not work", r.v.AccessToken.Reveal())
		case r.err == nil && r.expiry <= 0:
			m.fatal("an expired token was handed out")
		}
	}
}

func (m *model) check() {
	m.judgeCallers()
	for id := range m.gone {
		if _, err := m.base.Get(context.Background(), hub.Ref{Kind: hub.KindConnection, ID: id}); !errors.Is(err, hub.ErrNotFound) {
			m.fatal("%s is back", id)
		}
		if _, err := m.base.Get(context.Background(), hub.Ref{Kind: hub.KindTokens, ID: id}); !errors.Is(err, hub.ErrNotFound) {
			m.fatal("the tokens of %s are back", id)
		}
	}
	if reuse, most := m.provider.abuse(); reuse > 0 && !m.lost || most > 1 {
		m.fatal("%d refresh tokens were used twice; one was being renewed %d times at once", reuse, most)
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
		if r := toks.Current.Named["user"].Reason; r != "" && !m.excused[id] {
			m.fatal("a token of %s needs its user (%s) without a cause", id, r)
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
	m.provider.script(func(p *provider) { p.before, p.after, p.revoke = nil, nil, nil })
	time.Sleep(2 * time.Hour)
	m.callers.Wait()
	m.check()
	for _, id := range m.conns {
		_, toks := m.stored(id)
		for _, name := range []string{"", "user"} {
			if _, ok := toks.Current.Named[name]; name != "" && !ok {
				continue
			}
			v, err := m.vendReq(hub.VendRequest{Connection: id, Token: name})
			switch {
			case err == nil && !m.provider.accepts(v.AccessToken.Reveal()):
				m.fatal("%s %s: a token that does not work", id, name)
			case err != nil && (err.Code != hub.CodeNeedsReauthorization || !m.excused[id] || err.Remedy == ""):
				m.fatal("%s %s: %v", id, name, err)
			}
		}
	}
	for id := range m.gone {
		if live := m.provider.live(m.families[id]); live > 0 && !m.excused[id] {
			m.fatal("%d refresh tokens of %s live on at the provider", live, id)
		}
	}
}

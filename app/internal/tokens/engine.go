// SPDX-License-Identifier: Apache-2.0

// Package tokens hands out access tokens that work. It renews them, one
// refresh per connection whoever asks, keeps what a provider issued before
// anybody sees it, and ends connections.
//
// The rules, in short:
//
//   - A fresh token is answered from the store; no plugin, no network, no other
//     connection's work is in its way.
//   - A refresh is announced in the store (the intent) before the provider is
//     asked, and its answer is on disk before it is handed out. An intent found
//     later tells of a lost answer; the stored refresh token is then tried once
//     more before the user is asked.
//   - Every write compares the generation of the tokens it began with: a late
//     answer never overwrites a reauthorization and never revives what was
//     disconnected.
//   - Only a permanent refusal changes a connection's state. All else is
//     health: it is remembered, answered at once, and tried again later.
package tokens

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Bounds of what the engine does at the providers.
const (
	refreshTimeout = 40 * time.Second // one refresh, with everything around it
	revokeTimeout  = 40 * time.Second // all revocations of one disconnect
	flightPatience = 10 * time.Second // how long a disconnect waits for a refresh under way
)

// Config is what an Engine needs. Every field must be set, but Jitter,
// Depart and Online.
type Config struct {
	Connections *hub.Connections
	Providers   Providers
	Resolver    Resolver
	Bus         hub.Bus
	Auditor     hub.Auditor
	// FingerprintKey keys the fingerprints of tokens in the audit, so that
	// they cannot be compared with those of another hub. It is secret.
	FingerprintKey []byte
	Now            func() time.Time
	Logger         *slog.Logger
	// Jitter returns a number in [0,1); nil uses a random one.
	Jitter func() float64
	// Depart is told of each refresh that is on its way to its provider, until
	// away is called; nil: nobody wants to know.
	Depart func() (away func())
	// Online reports whether this machine has a way to the internet; nil asks
	// the system.
	Online func() bool
}

// Providers is what the engine asks of provider plugins; see hub.Providers.
type Providers interface {
	Refresh(context.Context, hub.Target, hub.RefreshRequest) (hub.TokenAnswer, error)
	Revoke(context.Context, hub.Target, hub.RevokeRequest) (hub.Reach, error)
}

// Resolver knows the integrations.
type Resolver interface {
	// ResolveFor prepares a provider call for an existing connection. A
	// connection whose OAuth client is no longer the integration's is
	// CodeNeedsReauthorization.
	ResolveFor(context.Context, *hub.Connection) (*hub.Resolved, error)
	// Wanted are the scopes that an integration asks for; it asks no plugin.
	Wanted(integration string) []string
	// Descriptor is what is known of an integration's provider, or nil; it
	// asks no plugin.
	Descriptor(integration string) *hub.Descriptor
}

// Engine is safe for concurrent use.
type Engine struct {
	cfg  Config
	life context.Context // of everything that outlives the call that began it
	stop context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	paused   bool                  // the hub is locked
	narrowed map[string]*narrowing // by connection and scopes; see narrow.go
	slots    map[string]*slot      // by connection id; only where something is going on
	circuits map[string]*circuit   // by integration
	revoking map[string]bool       // revocations that somebody is at

	metrics metrics
	macs    sync.Pool // of hash.Hash, for fingerprint: making one takes longer than using it
}

// slot is what the engine knows of a connection beside what is stored. Its
// fields are guarded by Engine.mu.
type slot struct {
	running *flight
	next    *flight // a forced refresh that waits for an ordinary one to end
	failure *failure
	// unsaved is an answer of the provider that could not be written. It may
	// be the only copy of a new refresh token, so it is kept until it can.
	unsaved *answer
	unasked *unasked
}

// New returns an Engine. Run makes it refresh ahead of time.
func New(cfg Config) *Engine {
	if cfg.Jitter == nil {
		cfg.Jitter = randomJitter
	}
	if cfg.Online == nil {
		cfg.Online = hasRoute
	}
	life, stop := context.WithCancel(context.Background())
	return &Engine{
		cfg: cfg, life: life, stop: stop,
		slots: map[string]*slot{}, circuits: map[string]*circuit{}, revoking: map[string]bool{},
	}
}

// Close refuses new refreshes and waits for those under way, so that no answer
// is lost; when ctx ends first, it cuts them short.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	done := make(chan struct{})
	go func() {
		e.work.Wait()
		close(done)
	}()
	defer e.stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		e.stop()
		<-done
		return ctx.Err()
	}
}

// Health returns the trouble of a connection, or nil when it is well. It is
// for display; it does no I/O.
func (e *Engine) Health(connection string) *hub.Health {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.slots[connection]
	if s == nil || s.failure == nil {
		return nil
	}
	f := s.failure
	return &hub.Health{Code: f.err.Code, Message: f.err.Message, Tries: f.count, Since: f.since, NextTry: f.next}
}

// now is the wall clock without the monotonic reading, which stands still
// while the machine sleeps.
func (e *Engine) now() time.Time { return e.cfg.Now().Round(0) }

// slot needs e.mu held.
func (e *Engine) slot(id string) *slot {
	s := e.slots[id]
	if s == nil {
		s = &slot{}
		e.slots[id] = s
	}
	return s
}

// slotsOf yields the slots of a connection by their keys: its own, and those of
// its further tokens. It needs e.mu held.
func (e *Engine) slotsOf(id string) iter.Seq2[string, *slot] {
	return func(yield func(string, *slot) bool) {
		for key, s := range e.slots {
			if (key == id || strings.HasPrefix(key, namedKey(id, ""))) && !yield(key, s) {
				return
			}
		}
	}
}

// tidy forgets a slot that says nothing. It needs e.mu held.
func (e *Engine) tidy(id string) {
	if s := e.slots[id]; s != nil && *s == (slot{}) {
		delete(e.slots, id)
	}
}

func (e *Engine) publish(ev hub.Event) {
	ev.Time = e.now()
	e.cfg.Bus.Publish(ev)
}

// fingerprint tells tokens apart in the audit.
func (e *Engine) fingerprint(v secret.Value) string {
	m, ok := e.macs.Get().(hash.Hash)
	if !ok {
		m = hmac.New(sha256.New, e.cfg.FingerprintKey)
	}
	defer e.macs.Put(m)
	m.Reset()
	m.Write([]byte(v.Reveal()))
	var sum [sha256.Size]byte
	return hex.EncodeToString(m.Sum(sum[:0])[:8])
}

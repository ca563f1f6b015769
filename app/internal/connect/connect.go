// SPDX-License-Identifier: Apache-2.0

// Package connect makes connections: it runs the authorization code flow with
// PKCE from the click to the confirmed account.
//
// A flow is waiting (the user is at the provider), then confirm (the account
// that came back awaits the user's yes), then done or failed. Waiting flows
// live in memory only: their verifier and state are of no use after a restart.
// A token set that awaits its confirmation is sealed in the store, so that it
// can be revoked at the provider whatever happens to the process.
package connect

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Bounds of a flow.
const (
	flowLife   = 10 * time.Minute // from the click to the callback, and from there to the confirmation
	resultLife = 10 * time.Minute // how long a finished flow can be looked at
	maxFlows   = 64               // waiting at once; the oldest gives way
)

// Config is what an Engine needs. Every field must be set, but where it says otherwise.
type Config struct {
	Store       hub.Store
	Connections *hub.Connections
	Providers   hub.Providers
	Catalog     Catalog
	Revoker     Revoker
	Auditor     hub.Auditor
	Publisher   hub.Publisher
	Logger      *slog.Logger
	Now         func() time.Time
	NewID       func(prefix string) string
	// CanReceive says whether this hub owns the listener on which callbacks
	// arrive; no flow starts when it does not.
	CanReceive func() error
	// Prober looks at addresses, for Preview and Check.
	Prober Prober
	// Pictures fetches the pictures of accounts; nil: there are none.
	Pictures Pictures
}

// Pictures fetches the picture of a connection's account some time later. It
// never blocks, and is no part of connecting.
type Pictures interface {
	Fetch(*hub.Connection, *hub.Resolved)
}

// Catalog resolves integrations.
type Catalog interface {
	Resolve(ctx context.Context, slug string, config map[string]string) (*hub.Resolved, error)
}

// Revoker withdraws tokens that will not be used, as narrowly as it can.
type Revoker interface {
	RevokeUnused(ctx context.Context, conn *hub.Connection, tokens hub.TokenSet)
}

// Engine runs flows. It is safe for concurrent use.
type Engine struct {
	cfg Config

	mu      sync.Mutex // guards the maps and every flow's fields
	flows   map[string]*flow
	states  map[[32]byte]*flow // by SHA-256 of the state parameter
	results map[string]*flow   // by id of the public result page
	links   map[[32]byte]*link // by SHA-256 of the link's token

	life context.Context // of polls, which outlive the call that began them
	stop context.CancelFunc
	work sync.WaitGroup

	finish sync.Mutex // one confirmation at a time: it looks, then writes
}

// New returns an Engine. Run must be called for flows to expire.
func New(cfg Config) *Engine {
	life, stop := context.WithCancel(context.Background())
	return &Engine{
		life: life, stop: stop, cfg: cfg, flows: map[string]*flow{}, states: map[[32]byte]*flow{},
		results: map[string]*flow{}, links: map[[32]byte]*link{},
	}
}

// random returns n random bytes in base64url.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// s256 is the code challenge of RFC 7636 section 4.2.
func s256(verifier string) string {
	h := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

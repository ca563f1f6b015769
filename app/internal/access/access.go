// SPDX-License-Identifier: Apache-2.0

// Package access knows the programs that may draw tokens: their keys, for whom
// they act, and which connections they were granted.
//
// There are two kinds of key, each with a policy of its own. An sp_app_ key is
// a program of the person at this machine: it acts for that person only and
// needs a grant for everything. An sp_key_ is the backend of a product: it
// names the user it acts for and follows the rules of the Pipes API. Nothing is
// allowed that is not granted, and where several accounts could be meant,
// nobody guesses.
package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The prefixes of keys say which kind they are, to people and to scanners.
const (
	localPrefix  = "sp_app_"
	serverPrefix = "sp_key_"
)

const (
	keyBytes    = 32
	keyLength   = 43 // of 32 bytes in base 62
	defaultLife = 365 * 24 * time.Hour
	maxName     = 64
	// usedEvery is how exactly the store knows when a key was last used; one
	// write per vend would be one too many.
	usedEvery    = 15 * time.Minute
	usedPatience = 100 * time.Millisecond
)

// Config is what Access needs. Every field must be set.
type Config struct {
	Store     hub.Store
	Publisher hub.Publisher
	Auditor   hub.Auditor
	Now       func() time.Time
	NewID     func(prefix string) string
}

// Access is safe for concurrent use.
type Access struct {
	cfg Config

	mu       sync.Mutex
	apps     map[string]*entry            // by id
	keys     map[[sha256.Size]byte]*entry // by hash of the key
	failures limiter
}

// entry is an app in memory, guarded by Access.mu.
type entry struct {
	app        hub.App
	hash       [sha256.Size]byte
	generation uint64    // of its record
	usedStored time.Time // LastUsed as the store has it
}

// New loads the apps.
func New(ctx context.Context, cfg Config) (*Access, error) {
	a := &Access{cfg: cfg, apps: map[string]*entry{}, keys: map[[sha256.Size]byte]*entry{}}
	for rec, err := range cfg.Store.List(ctx, hub.KindApp) {
		var e *entry
		if err == nil {
			e, err = decode(rec)
		}
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue // its key opens nothing; no reason to keep the others out
		}
		if err != nil {
			return nil, fmt.Errorf("load the apps: %w", err)
		}
		a.apps[e.app.ID], a.keys[e.hash] = e, e
	}
	return a, nil
}

// Authenticate returns the app of a key, or CodeUnauthorized. After ten wrong
// keys in a minute, further wrong ones are CodeTooManyRequests; a right key is
// never kept waiting.
func (a *Access) Authenticate(ctx context.Context, key string) (*hub.App, error) {
	now := a.cfg.Now()
	hash := sha256.Sum256([]byte(key))
	a.mu.Lock()
	e := a.keys[hash]
	if e == nil || subtle.ConstantTimeCompare(e.hash[:], hash[:]) != 1 {
		wait := a.failures.note(now)
		a.mu.Unlock()
		if wait > 0 {
			return nil, &hub.Error{Code: hub.CodeTooManyRequests, Message: "too many wrong keys were tried", RetryAfter: wait}
		}
		return nil, hub.Errorf(hub.CodeUnauthorized, "the key is not known here; it may have been removed").
			WithRemedy("`standpipe apps` lists the apps, `standpipe apps add NAME` makes a key.")
	}
	app := e.copy()
	if !app.ExpiresAt.IsZero() && !now.Before(app.ExpiresAt) {
		a.mu.Unlock()
		return nil, hub.Errorf(hub.CodeUnauthorized, "the key expired on %s", app.ExpiresAt.Format(time.DateOnly)).
			WithRemedy("`standpipe apps add NAME` makes a new one.")
	}
	e.app.LastUsed = now
	store := now.Sub(e.usedStored) >= usedEvery
	if store {
		e.usedStored = now // whether it works or not: this is for display
	}
	a.mu.Unlock()
	if store {
		ctx, cancel := context.WithTimeout(ctx, usedPatience)
		defer cancel()
		_ = a.write(ctx, e)
	}
	return app, nil
}

// List returns all apps, oldest first.
func (a *Access) List(context.Context) ([]hub.App, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]hub.App, 0, len(a.apps))
	for _, e := range a.apps {
		out = append(out, *e.copy())
	}
	slices.SortFunc(out, func(a, b hub.App) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Add registers an app and returns its key, which is nowhere to be had again.
// A server without grants is one without a limit.
func (a *Access) Add(ctx context.Context, req hub.NewApp) (*hub.App, string, error) {
	now := a.cfg.Now()
	e := &entry{app: hub.App{
		ID: a.cfg.NewID("app"), Name: strings.TrimSpace(req.Name), Kind: cmp.Or(req.Kind, hub.AppLocal), All: req.All,
		Grants: slices.Clone(req.Grants), CreatedAt: now, ExpiresAt: now.Add(cmp.Or(req.ExpiresIn, defaultLife)),
	}}
	if err := validate(&e.app, req.ExpiresIn); err != nil {
		return nil, "", err
	}
	if e.app.Kind == hub.AppServer && len(e.app.Grants) == 0 {
		e.app.All = true
	}
	for i := range e.app.Grants {
		e.app.Grants[i].ID = a.cfg.NewID("grant")
	}
	key := newKey(e.app.Kind)
	e.hash = sha256.Sum256([]byte(key))
	if err := a.audit(ctx, hub.AuditAppAdd, e.app.ID); err != nil {
		return nil, "", err
	}
	if err := a.write(ctx, e); err != nil {
		return nil, "", err
	}
	a.mu.Lock()
	a.apps[e.app.ID], a.keys[e.hash] = e, e
	app := e.copy()
	a.mu.Unlock()
	a.cfg.Publisher.Publish(hub.Event{Type: hub.EventApps, Time: now})
	return app, key, nil
}

// Revoke ends an app: when it returns, its key opens nothing.
func (a *Access) Revoke(ctx context.Context, id string) error {
	a.mu.Lock()
	e := a.apps[id]
	a.mu.Unlock()
	if e == nil {
		return hub.Errorf(hub.CodeNotFound, "there is no app %q", id).WithRemedy("`standpipe apps` lists them.")
	}
	if err := a.audit(ctx, hub.AuditAppRemove, id); err != nil {
		return err
	}
	err := a.cfg.Store.Update(ctx, func(tx hub.Tx) error { return tx.Delete(ref(id)) })
	if err != nil {
		return err
	}
	a.mu.Lock()
	delete(a.apps, id)
	delete(a.keys, e.hash)
	a.mu.Unlock()
	a.cfg.Publisher.Publish(hub.Event{Type: hub.EventApps, Time: a.cfg.Now()})
	return nil
}

func (a *Access) audit(ctx context.Context, action hub.AuditAction, id string) error {
	return a.cfg.Auditor.Record(ctx, hub.AuditEntry{
		Time: a.cfg.Now(), Action: action, Decision: hub.AuditAllowed, App: "user", Subject: id,
	})
}

// write stores an app.
func (a *Access) write(ctx context.Context, e *entry) error {
	a.mu.Lock()
	app, hash, expect := *e.copy(), e.hash, e.generation
	a.mu.Unlock()
	b, err := encode(&app, hash)
	if err != nil {
		return err
	}
	var generation uint64
	err = a.cfg.Store.Update(ctx, func(tx hub.Tx) (err error) {
		generation, err = tx.Put(ref(app.ID), expect, b)
		return err
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	e.generation, e.usedStored = generation, app.LastUsed
	a.mu.Unlock()
	return nil
}

// copy needs Access.mu held.
func (e *entry) copy() *hub.App {
	app := e.app
	app.Grants = slices.Clone(app.Grants)
	return &app
}

func validate(app *hub.App, expiresIn time.Duration) error {
	invalid := func(field, format string, args ...any) error {
		e := hub.Errorf(hub.CodeInvalid, format, args...)
		e.Field = field
		return e
	}
	switch {
	case app.Name == "" || len(app.Name) > maxName:
		return invalid("name", "the name of an app has 1 to %d characters", maxName)
	case strings.ContainsFunc(app.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return invalid("name", "the name of an app cannot hold control characters")
	case app.Kind != hub.AppLocal && app.Kind != hub.AppServer:
		return invalid("kind", "an app is an %q or a %q", hub.AppLocal, hub.AppServer)
	case expiresIn < 0:
		return invalid("expires_in", "the key would have expired already")
	}
	for _, g := range app.Grants {
		if g.Integration == "" {
			return invalid("grants", "a grant needs an integration")
		}
	}
	return nil
}

// newKey returns a key of 256 random bits, in letters and digits only so that a
// double click takes all of it.
func newKey(kind hub.AppKind) string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	s := new(big.Int).SetBytes(b).Text(62)
	prefix := localPrefix
	if kind == hub.AppServer {
		prefix = serverPrefix
	}
	return prefix + strings.Repeat("0", keyLength-len(s)) + s
}

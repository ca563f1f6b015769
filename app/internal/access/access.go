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
//
// What is not granted is asked for: the first draw raises a question that the
// user answers (Approval), and a program without a key asks for one by pairing.
// Both wait in memory, bounded in number and time; silence means no.
package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Config is what Access needs. Every field must be set, but where it says
// otherwise.
type Config struct {
	Store     hub.Store
	Publisher hub.Publisher
	Auditor   hub.Auditor
	Now       func() time.Time
	NewID     func(prefix string) string
	Policies  []hub.Policy  // in the order of the file; may be empty
	Patience  time.Duration // how long a question waits for the user; zero: two minutes
}

// Access is safe for concurrent use.
type Access struct {
	cfg      Config
	asked    questions
	pairings pairings

	// writing is held while a change goes to the store, so that each sees the
	// one before. It is taken before mu.
	writing sync.Mutex

	mu       sync.Mutex
	damaged  damage
	apps     map[string]*entry            // by id
	keys     map[[sha256.Size]byte]*entry // by hash of the key
	failures limiter
	used     chan struct{} // has something while there is use to remember
}

// entry is an app in memory, guarded by Access.mu. Slices and what they hold are
// replaced, never changed.
type entry struct {
	stored
	session []hub.Grant // those that end with the process, or sooner
	use     use
}

// stored is what only changes through the store. Of app, LastUsed is not used.
type stored struct {
	app        hub.App
	hash       [sha256.Size]byte
	life       time.Duration // that its key was given
	generation uint64        // of its record
}

// New loads the apps.
func New(ctx context.Context, cfg Config) (*Access, error) {
	cfg.Patience = cmp.Or(cfg.Patience, defaultPatience)
	a := &Access{cfg: cfg, damaged: damage{}, apps: map[string]*entry{}, keys: map[[sha256.Size]byte]*entry{}, used: make(chan struct{}, 1)}
	for rec, err := range cfg.Store.List(ctx, hub.KindApp) {
		var e *entry
		if err == nil {
			e, err = decode(rec)
		}
		if e, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			a.damaged.note(e)
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
func (a *Access) Authenticate(_ context.Context, key string) (*hub.App, error) {
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
		return nil, hub.Errorf(hub.CodeUnauthorized, "the key is not known here; it may have been rotated or removed").
			WithRemedy("`standpipe apps list` lists the apps, `standpipe apps add NAME` makes a key.")
	}
	app := e.public()
	if !app.ExpiresAt.IsZero() && !now.Before(app.ExpiresAt) {
		a.mu.Unlock()
		return nil, hub.Errorf(hub.CodeUnauthorized, "the key expired on %s", app.ExpiresAt.Format(time.DateOnly)).
			WithRemedy("`standpipe apps rotate %s` makes a new one.", app.ID)
	}
	if e.use.at(now) {
		a.remind()
	}
	a.mu.Unlock()
	return app, nil
}

// List returns all apps that can be read, oldest first.
func (a *Access) List(context.Context) ([]hub.App, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]hub.App, 0, len(a.apps))
	for _, e := range a.apps {
		out = append(out, *e.public())
	}
	slices.SortFunc(out, func(a, b hub.App) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// live is an app as it stands now, with how many have its name.
func (a *Access) live(id string) (app *hub.App, namesakes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.apps[id]
	if e == nil {
		return nil, 0
	}
	return e.public(), a.namesakes(e.app.Name)
}

// namesakes needs Access.mu held. Only policies of the file go by names.
func (a *Access) namesakes(name string) (n int) {
	if len(a.cfg.Policies) == 0 {
		return 1
	}
	for _, e := range a.apps {
		if e.app.Name == name {
			n++
		}
	}
	return n
}

// change alters an app: f works on a copy, which takes effect once it is in the
// store. The caller has audited the change.
func (a *Access) change(ctx context.Context, id string, f func(*stored) error) (*hub.App, error) {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.mu.Lock()
	e := a.apps[id]
	if e == nil {
		a.mu.Unlock()
		return nil, noApp(id)
	}
	next := e.copy()
	a.mu.Unlock()
	if err := f(&next.stored); err != nil {
		return nil, err
	}
	if err := a.write(ctx, next); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.keys, e.hash)
	e.stored, e.use.stored = next.stored, next.use.last
	a.keys[e.hash] = e
	a.changed(id)
	return e.public(), nil
}

// write stores a copy of an entry, and counts up its generation. It needs
// Access.writing held.
func (a *Access) write(ctx context.Context, e *entry) error {
	b, err := encode(e)
	if err != nil {
		return err
	}
	generation := uint64(0)
	err = a.cfg.Store.Update(ctx, func(tx hub.Tx) (err error) {
		generation, err = tx.Put(ref(e.app.ID), e.generation, b)
		return err
	})
	if err != nil {
		return err
	}
	e.generation = generation
	return nil
}

func (a *Access) audit(ctx context.Context, entry hub.AuditEntry) error {
	entry.Time, entry.App = a.cfg.Now(), "user"
	if entry.Decision == "" {
		entry.Decision = hub.AuditAllowed
	}
	return a.cfg.Auditor.Record(ctx, entry)
}

func (a *Access) changed(app string) {
	a.cfg.Publisher.Publish(hub.Event{Type: hub.EventApps, Subject: app, Time: a.cfg.Now()})
}

// public is the app as others see it. It needs Access.mu held.
func (e *entry) public() *hub.App {
	app := e.app
	if app.Grants = slices.Clip(app.Grants); len(e.session) > 0 {
		app.Grants = append(app.Grants, e.session...) // a copy
	}
	app.LastUsed = e.use.last
	return &app
}

// copy needs Access.mu held; the copy does not.
func (e *entry) copy() *entry {
	next := *e
	next.use.drawn = maps.Clone(e.use.drawn)
	return &next
}

func noApp(id string) error {
	return hub.Errorf(hub.CodeNotFound, "there is no app %q", id).WithRemedy("`standpipe apps list` lists them.")
}

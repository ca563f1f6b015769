// SPDX-License-Identifier: Apache-2.0

// Package lock keeps everybody out while the user is away: it closes the doors
// of the hub at once, ends what was allowed until the lock, waits for the
// refreshes under way, so that no answer of a provider is lost, and drops the
// keys. It locks when it is told to, when nobody used the hub for a time, and
// with the screen or before the machine sleeps.
package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

const (
	// quiesce is how long the keys wait for a provider's answer. One that comes
	// later is kept in memory by whoever asked, and stored once unlocked.
	quiesce = 15 * time.Second
	maxIdle = 7 * 24 * time.Hour
	minIdle = time.Second
)

// Config is what a Lock needs. Every field must be set, but File and Session.
type Config struct {
	Vault     Vault
	Store     hub.Store // of the settings
	Tokens    Tokens
	Publisher hub.Publisher
	Auditor   hub.Auditor
	Logger    *slog.Logger
	Now       func() time.Time
	Ended     func()            // ends what was allowed until the lock
	File      *hub.LockSettings // of the configuration file; nil: those of the store
	Session   Session           // nil: nobody tells of screen and sleep here
}

// Vault holds the keys.
type Vault interface {
	Lock()
	Locked() bool
	// Unlock brings the keys back: by a passphrase, or, where that is empty,
	// from where the store remembers them to be. Of an open vault it checks
	// whether it could.
	Unlock(passphrase secret.Value) error
	// Passphrase reports whether a passphrase has to be given.
	Passphrase() bool
}

// Tokens are refreshed, unless they are paused.
type Tokens interface {
	// Pause begins no refresh any more and waits for those under way, until
	// ctx ends.
	Pause(ctx context.Context)
	Resume()
}

// Session tells of screen and sleep.
type Session interface {
	// Watch calls f for what happens until ctx ends, or the system that tells
	// is gone. A machine that is going to sleep waits for f to return. ready
	// is called once it listens.
	Watch(ctx context.Context, ready func(), f func(hub.LockCause)) error
}

// Lock is safe for concurrent use.
type Lock struct {
	cfg     Config
	locked  atomic.Bool
	used    atomic.Int64 // when, in nanoseconds since 1970
	wake    chan struct{}
	turning sync.Mutex // held while locking or unlocking

	mu       sync.Mutex
	settings hub.LockSettings
	since    time.Time
	cause    hub.LockCause
	tries    backoff
	watching bool
}

// New returns an open Lock.
func New(ctx context.Context, cfg Config) (*Lock, error) {
	l := &Lock{cfg: cfg, wake: make(chan struct{}, 1), settings: hub.LockSettings{Background: hub.LockStop}}
	l.Used()
	if cfg.File != nil {
		l.settings = *cfg.File
		return l, nil
	}
	rec, err := cfg.Store.Get(ctx, settingsRef)
	if errors.Is(err, hub.ErrNotFound) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings of the lock: %w", err)
	}
	l.settings, err = decode(rec)
	return l, err
}

// Locked reports whether nobody is let in. It costs nothing.
func (l *Lock) Locked() bool { return l.locked.Load() }

// Used notes that somebody uses the hub, which is not idle then.
func (l *Lock) Used() { l.used.Store(l.cfg.Now().UnixNano()) }

// State is how things stand.
func (l *Lock) State() hub.LockState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return hub.LockState{
		Locked: l.Locked(), Since: l.since, Cause: l.cause, Passphrase: l.cfg.Vault.Passphrase(), RetryAt: l.tries.until(l.cfg.Now()),
		Settings: l.settings, FromFile: l.cfg.File != nil, Session: l.watching,
	}
}

// Lock locks the hub. The doors are closed at once; when it returns, the keys
// are out of memory, unless the settings keep them for the refresh. Locking
// what is locked changes nothing.
func (l *Lock) Lock(ctx context.Context, cause hub.LockCause) {
	l.turning.Lock()
	defer l.turning.Unlock()
	if l.Locked() {
		return
	}
	l.locked.Store(true)
	l.mu.Lock()
	l.since, l.cause = l.cfg.Now(), cause
	keep := l.settings.Background == hub.LockKeep
	l.mu.Unlock()
	// Whoever asked may be gone; the hub is locked all the same, also where
	// that cannot be written down.
	ctx = context.WithoutCancel(ctx)
	if err := l.cfg.Auditor.Record(ctx, l.entry(hub.AuditLock, string(cause))); err != nil {
		l.cfg.Logger.Error("that the hub was locked could not be audited", "err", err)
	}
	l.cfg.Ended()
	if !keep {
		ctx, cancel := context.WithTimeout(ctx, quiesce)
		l.cfg.Tokens.Pause(ctx)
		cancel()
		l.cfg.Vault.Lock()
	}
	l.cfg.Logger.Info("locked", "cause", string(cause), "keys_dropped", !keep)
	l.changed()
}

// Unlock opens the hub. After wrong passphrases it hears no other for a time
// that grows, and is CodeTooManyRequests until then.
func (l *Lock) Unlock(ctx context.Context, passphrase secret.Value) error {
	l.turning.Lock()
	defer l.turning.Unlock()
	if !l.Locked() {
		return nil
	}
	now := l.cfg.Now()
	l.mu.Lock()
	until := l.tries.until(now)
	l.mu.Unlock()
	if !until.IsZero() {
		return &hub.Error{Code: hub.CodeTooManyRequests, Message: "too many wrong passphrases were tried", Remedy: "Wait, then type it again.", RetryAfter: until.Sub(now)}
	}
	if err := l.open(passphrase); err != nil {
		entry := l.entry(hub.AuditUnlock, "")
		entry.Decision, entry.Code = hub.AuditDenied, hub.AsError(err).Code
		return errors.Join(err, l.cfg.Auditor.Record(ctx, entry))
	}
	if err := l.cfg.Auditor.Record(ctx, l.entry(hub.AuditUnlock, "")); err != nil {
		l.drop()
		return err
	}
	l.mu.Lock()
	l.tries = backoff{}
	l.mu.Unlock()
	l.Used()
	l.locked.Store(false)
	l.cfg.Tokens.Resume()
	l.changed()
	return nil
}

// open brings the keys back. It needs turning held.
func (l *Lock) open(passphrase secret.Value) error {
	if passphrase.IsZero() && l.cfg.Vault.Passphrase() {
		return &hub.Error{Code: hub.CodeInvalid, Field: "passphrase", Message: "the key of this store comes from a passphrase", Remedy: "Type it."}
	}
	err := l.cfg.Vault.Unlock(passphrase)
	if err != nil && !passphrase.IsZero() {
		l.mu.Lock()
		l.tries.note(l.cfg.Now())
		l.mu.Unlock()
	}
	return err
}

// drop takes the keys back, of an unlocking that failed.
func (l *Lock) drop() {
	l.mu.Lock()
	keep := l.settings.Background == hub.LockKeep
	l.mu.Unlock()
	if !keep {
		l.cfg.Vault.Lock()
	}
}

// Configure sets when the hub locks by itself.
func (l *Lock) Configure(ctx context.Context, s hub.LockSettings) error {
	if l.cfg.File != nil {
		return hub.Errorf(hub.CodeReadOnly, "the configuration file says when the hub locks").WithRemedy("Change the block \"lock\" there.")
	}
	if err := validate(s); err != nil {
		return err
	}
	if err := l.cfg.Auditor.Record(ctx, l.entry(hub.AuditLockSettings, "")); err != nil {
		return err
	}
	err := l.cfg.Store.Update(ctx, func(tx hub.Tx) error {
		old, err := tx.Get(settingsRef)
		if err != nil && !errors.Is(err, hub.ErrNotFound) {
			return err
		}
		b, err := json.Marshal(record{1, s.Idle, s.Screen, s.Suspend, s.Background})
		if err != nil {
			return err
		}
		_, err = tx.Put(settingsRef, old.Generation, b)
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.settings = s
	l.mu.Unlock()
	l.changed()
	return nil
}

func (l *Lock) entry(action hub.AuditAction, cause string) hub.AuditEntry {
	e := hub.AuditEntry{Time: l.cfg.Now(), Action: action, Decision: hub.AuditAllowed, App: "user", Rule: cause}
	if cause != "" && cause != string(hub.LockedByUser) {
		e.App = "hub"
	}
	return e
}

func (l *Lock) changed() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
	l.cfg.Publisher.Publish(hub.Event{Type: hub.EventLock, Time: l.cfg.Now()})
}

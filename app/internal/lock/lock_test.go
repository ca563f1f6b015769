// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/lock"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

// room is a Lock with stand-ins for what it turns; they note the order.
type room struct {
	*lock.Lock
	t       *testing.T
	store   hub.Store
	session session
	file    *hub.LockSettings

	mu       sync.Mutex
	did      []string
	keys     bool
	typed    bool // the key comes from a passphrase
	auditErr error
	audited  []hub.AuditEntry
}

func (r *room) note(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.did = append(r.did, what)
}

type vault struct{ *room }

func (v vault) Lock() { v.note("keys dropped"); v.keys = false }
func (v vault) Locked() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.keys
}
func (v vault) Passphrase() bool { return v.typed }
func (v vault) Unlock(p secret.Value) error {
	if v.typed && p.Reveal() != "open sesame" {
		return hub.Errorf(hub.CodeNotConfigured, "the passphrase is wrong")
	}
	v.keys = true
	return nil
}

type engine struct{ *room }

func (e engine) Pause(context.Context) { e.note("paused") }
func (e engine) Resume()               { e.note("resumed") }

func (r *room) Record(_ context.Context, e hub.AuditEntry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.auditErr == nil {
		r.audited = append(r.audited, e)
	}
	return r.auditErr
}

// session tells what the test says.
type session chan hub.LockCause

func (s session) Watch(ctx context.Context, ready func(), f func(hub.LockCause)) error {
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-s:
			f(c)
		}
	}
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{t: t, keys: true, store: memstore.New(), session: make(session)}
	r.restart()
	return r
}

func (r *room) restart() {
	r.t.Helper()
	l, err := lock.New(r.t.Context(), lock.Config{
		Vault: vault{r}, Store: r.store, Tokens: engine{r}, Publisher: events.New(), Auditor: r, Logger: slog.New(slog.DiscardHandler),
		Now: time.Now, Ended: func() { r.note("grants ended") }, File: r.file, Session: r.session,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.Lock = l
}

func (r *room) run() {
	go func() { _ = r.Run(r.t.Context()) }()
	synctest.Wait()
}

func (r *room) configure(s hub.LockSettings) {
	r.t.Helper()
	if s.Background == "" {
		s.Background = hub.LockStop
	}
	if err := r.Configure(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) unlock(passphrase string) error {
	return r.Unlock(r.t.Context(), secret.New(passphrase))
}

func TestLockAndUnlock(t *testing.T) {
	r := newRoom(t)
	if r.Locked() || r.State().Locked {
		t.Fatal("it begins locked")
	}
	for range 2 { // again does nothing
		r.Lock.Lock(t.Context(), hub.LockedByUser)
	}
	// No answer of a provider may find the store locked.
	if want := []string{"grants ended", "paused", "keys dropped"}; !slices.Equal(r.did, want) {
		t.Errorf("did %v, want %v", r.did, want)
	}
	if s := r.State(); !r.Locked() || !s.Locked || s.Cause != hub.LockedByUser || s.Since.IsZero() || s.Passphrase {
		t.Errorf("the state is %+v", s)
	}
	r.did = nil
	if err := r.unlock(""); err != nil || r.Locked() || !r.keys {
		t.Errorf("not unlocked: %v", err)
	}
	if !slices.Equal(r.did, []string{"resumed"}) {
		t.Errorf("did %v", r.did)
	}
	if err := r.unlock("whatever"); err != nil {
		t.Errorf("what is open cannot be opened: %v", err)
	}
	if len(r.audited) != 2 || r.audited[0].Action != hub.AuditLock || r.audited[1].Action != hub.AuditUnlock {
		t.Errorf("audited %+v", r.audited)
	}
}

func TestKeepRefreshing(t *testing.T) {
	r := newRoom(t)
	r.typed = true
	r.configure(hub.LockSettings{Background: hub.LockKeep})
	r.Lock.Lock(t.Context(), hub.LockedByUser)
	if !r.Locked() || !r.keys || !slices.Equal(r.did, []string{"grants ended"}) {
		t.Errorf("locked %v, keys %v, did %v", r.Locked(), r.keys, r.did)
	}
	if err := r.unlock("wrong"); err == nil || !r.Locked() {
		t.Error("a wrong passphrase opens the doors where the keys were kept")
	}
}

func TestWrongPassphrases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		r.typed = true
		r.Lock.Lock(t.Context(), hub.LockedByUser)
		if e := hub.AsError(r.unlock("")); e == nil || e.Field != "passphrase" {
			t.Errorf("without a passphrase: %v", e)
		}
		last := time.Duration(0)
		for i := range 12 {
			if e := hub.AsError(r.unlock("wrong")); e == nil || e.Code == hub.CodeTooManyRequests {
				t.Fatalf("try %d: %v", i, e)
			}
			// During the delay not even the right one is heard.
			e := hub.AsError(r.unlock("open sesame"))
			if e == nil || e.Code != hub.CodeTooManyRequests || !r.Locked() {
				t.Fatalf("try %d: %v", i, e)
			}
			wait := e.Wait()
			if wait < last || i >= 3 && wait < 10*time.Second || wait > 5*time.Minute {
				t.Errorf("the wait after %d wrong ones is %v, was %v", i+1, wait, last)
			}
			if s := r.State(); time.Until(s.RetryAt) != wait {
				t.Errorf("the state says %v, want %v", s.RetryAt, wait)
			}
			last = wait
			time.Sleep(wait)
		}
		if err := r.unlock("open sesame"); err != nil || r.Locked() {
			t.Fatalf("the right one: %v", err)
		}
		r.Lock.Lock(t.Context(), hub.LockedByUser)
		if e := hub.AsError(r.unlock("wrong")); e.Code == hub.CodeTooManyRequests {
			t.Error("the delay did not begin anew")
		}
	})
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		r.run()
		time.Sleep(1000 * time.Hour)
		if r.Locked() {
			t.Fatal("it locks by itself though nobody said so")
		}
		r.Used()
		r.configure(hub.LockSettings{Idle: 10 * time.Minute})
		for range 10 {
			time.Sleep(9 * time.Minute)
			r.Used()
		}
		if r.Locked() {
			t.Fatal("it locked in use")
		}
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if s := r.State(); !s.Locked || s.Cause != hub.LockedByIdle {
			t.Fatalf("the state is %+v", s)
		}
		if err := r.unlock(""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Minute)
		if r.Locked() {
			t.Error("it locked again at once")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !r.Locked() {
			t.Error("it does not lock a second time")
		}
	})
}

func TestScreenAndSuspend(t *testing.T) {
	for _, c := range []struct {
		settings hub.LockSettings
		cause    hub.LockCause
		locks    bool
	}{
		{hub.LockSettings{}, hub.LockedByScreen, false},
		{hub.LockSettings{}, hub.LockedBySuspend, false},
		{hub.LockSettings{Screen: true}, hub.LockedByScreen, true},
		{hub.LockSettings{Screen: true}, hub.LockedBySuspend, false},
		{hub.LockSettings{Suspend: true}, hub.LockedBySuspend, true},
		{hub.LockSettings{Suspend: true}, hub.LockedByScreen, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t)
			r.run()
			r.configure(c.settings)
			r.session <- c.cause
			synctest.Wait()
			s := r.State()
			if s.Locked != c.locks || c.locks && s.Cause != c.cause || !s.Session {
				t.Errorf("%+v and %s: %+v", c.settings, c.cause, s)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	r := newRoom(t)
	want := hub.LockSettings{Idle: time.Minute, Screen: true, Suspend: true, Background: hub.LockKeep}
	r.configure(want)
	r.restart()
	if got := r.State().Settings; got != want {
		t.Errorf("after a restart: %+v", got)
	}
	for field, s := range map[string]hub.LockSettings{
		"idle": {Idle: time.Millisecond, Background: hub.LockStop}, "background": {Background: "perhaps"},
	} {
		if e := hub.AsError(r.Configure(t.Context(), s)); e == nil || e.Field != field {
			t.Errorf("%s: %v", field, e)
		}
	}
	r.file = &hub.LockSettings{Background: hub.LockStop, Suspend: true}
	r.restart()
	if s := r.State(); s.Settings != *r.file || !s.FromFile {
		t.Errorf("the file's: %+v", s)
	}
	if e := hub.AsError(r.Configure(t.Context(), want)); e == nil || e.Code != hub.CodeReadOnly {
		t.Errorf("the file's settings were changed: %v", e)
	}
}

// TestWithoutAudit: locking is never refused; unlocking without an audit is.
func TestWithoutAudit(t *testing.T) {
	r := newRoom(t)
	r.auditErr = errors.New("disk full")
	r.Lock.Lock(t.Context(), hub.LockedByUser)
	if !r.Locked() || r.keys {
		t.Error("not locked")
	}
	if err := r.unlock(""); err == nil || !r.Locked() || r.keys {
		t.Errorf("unlocked without an audit: %v, keys %v", err, r.keys)
	}
}

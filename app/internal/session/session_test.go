// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/session"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

func TestSession(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := func() time.Time { return now }
	store := memstore.New()
	s, err := session.New(ctx, store, clock)
	if err != nil {
		t.Fatal(err)
	}
	code, _ := s.NewCode()
	token, _, err := s.Login(ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(ctx, token); err != nil {
		t.Errorf("a fresh session is refused: %v", err)
	}
	if _, _, err := s.Login(ctx, code); hub.AsError(err).Code != hub.CodeUnauthorized {
		t.Errorf("a code works twice: %v", err)
	}
	for _, wrong := range []string{"", code, token + "x"} {
		if s.Check(ctx, wrong) == nil {
			t.Errorf("%q is accepted as a session", wrong)
		}
	}

	restarted, err := session.New(ctx, store, clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := restarted.Check(ctx, token); err != nil {
		t.Errorf("the session does not outlive a restart: %v", err)
	}
	if err := restarted.Logout(ctx, token); err != nil {
		t.Fatal(err)
	}
	if restarted.Check(ctx, token) == nil {
		t.Error("the session outlives its logout")
	}

	code, _ = s.NewCode()
	now = now.Add(3 * time.Minute)
	if _, _, err := s.Login(ctx, code); err == nil {
		t.Error("an old code is accepted")
	}
	code, _ = s.NewCode()
	if token, _, err = s.Login(ctx, code); err != nil {
		t.Fatal(err)
	}
	now = now.Add(13 * time.Hour)
	if s.Check(ctx, token) == nil {
		t.Error("an old session is accepted")
	}
	if _, err := session.New(ctx, store, clock); err != nil {
		t.Fatal(err)
	}
	for rec := range store.List(ctx, hub.KindSession) {
		t.Errorf("the record %q of an old session is kept", rec.ID)
	}
}

// TestLoginWhileLocked: one must log in to unlock.
func TestLoginWhileLocked(t *testing.T) {
	store := &brokenStore{Store: memstore.New()}
	s := open(t, store)
	if err := s.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.err = hub.Errorf(hub.CodeLocked, "locked")
	token := login(t, s)
	if err := s.Check(t.Context(), token); err != nil {
		t.Error(err)
	}
}

// brokenStore answers err to every update; one that arrives is done all the same.
type brokenStore struct {
	hub.Store
	err     error
	arrives bool
}

func (s *brokenStore) Update(ctx context.Context, f func(hub.Tx) error) error {
	if s.err == nil || s.arrives {
		if err := s.Store.Update(ctx, f); err != nil {
			return err
		}
	}
	return s.err
}

// TestNothingComesBack: a session that ended, or of which its page was told that it
// could not be stored, is not on the disk once that can be written again.
func TestNothingComesBack(t *testing.T) {
	full := hub.Errorf(hub.CodeStorage, "the disk is full")
	for name, end := range map[string]func(t *testing.T, store *brokenStore, s *session.Sessions, token string){
		"ended while locked": func(t *testing.T, store *brokenStore, s *session.Sessions, token string) {
			if err := s.Rest(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Logout(t.Context(), token); err != nil {
				t.Error(err)
			}
		},
		"locked with a full disk": func(t *testing.T, store *brokenStore, s *session.Sessions, token string) {
			store.err = full
			if err := s.Rest(t.Context()); err == nil {
				t.Error("nobody hears that the sessions stayed on the disk")
			}
			if err := s.Logout(t.Context(), token); err != nil {
				t.Error(err)
			}
		},
		"ended with a full disk": func(t *testing.T, store *brokenStore, s *session.Sessions, token string) {
			store.err = full
			if err := s.Logout(t.Context(), token); err == nil {
				t.Error("nobody hears that the end was not stored")
			}
			if s.Check(t.Context(), token) == nil {
				t.Error("it still opens")
			}
		},
		"stored too late": func(t *testing.T, store *brokenStore, s *session.Sessions, token string) {
			if err := s.Logout(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			store.err, store.arrives = full, true
			code, _ := s.NewCode()
			if _, _, err := s.Login(t.Context(), code); err == nil {
				t.Error("nobody hears that the login was not stored")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &brokenStore{Store: memstore.New()}
			s := open(t, store)
			stays := login(t, s)
			end(t, store, s, login(t, s))
			store.err = nil
			if err := s.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := open(t, store).Check(t.Context(), stays); err != nil {
				t.Errorf("the other session is gone with it: %v", err)
			}
			n := 0
			for range store.List(t.Context(), hub.KindSession) {
				n++
			}
			if n != 1 {
				t.Errorf("%d sessions are stored; want 1", n)
			}
		})
	}
}

func open(t *testing.T, store hub.Store) *session.Sessions {
	t.Helper()
	s, err := session.New(t.Context(), store, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func login(t *testing.T, s *session.Sessions) string {
	t.Helper()
	code, _ := s.NewCode()
	token, _, err := s.Login(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

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

// lockedStore refuses as the store of a locked hub does.
type lockedStore struct{ hub.Store }

func (lockedStore) Update(context.Context, func(hub.Tx) error) error {
	return hub.Errorf(hub.CodeLocked, "locked")
}

// TestLoginWhileLocked: one must log in to unlock.
func TestLoginWhileLocked(t *testing.T) {
	s, err := session.New(t.Context(), lockedStore{memstore.New()}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	code, _ := s.NewCode()
	token, _, err := s.Login(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context(), token); err != nil {
		t.Error(err)
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package session keeps the logins of the browser UI.
//
// A same-user program (standpipe open) asks for a one-time code over the
// socket and opens the UI with it; the page trades the code for a session
// token, which it sends in a header. Nothing here is a cookie. Only hashes are
// stored, and sessions outlive a restart of the hub.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Bounds.
const (
	codeLife    = 2 * time.Minute
	sessionLife = 12 * time.Hour
	maxCodes    = 32
	maxSessions = 256
)

type digest = [sha256.Size]byte

// Sessions is safe for concurrent use.
type Sessions struct {
	store hub.Store
	now   func() time.Time

	mu    sync.Mutex
	codes map[digest]time.Time // until when
	live  map[digest]time.Time
}

// stored is the record of a session; its id is the hash of the token.
type stored struct {
	Version   int       `json:"v"`
	ExpiresAt time.Time `json:"expires_at"`
}

// New loads the sessions that still live and deletes the others.
func New(ctx context.Context, store hub.Store, now func() time.Time) (*Sessions, error) {
	s := &Sessions{store: store, now: now, codes: map[digest]time.Time{}, live: map[digest]time.Time{}}
	var dead []hub.Ref
	for rec, err := range store.List(ctx, hub.KindSession) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue // it lets nobody in; no reason to keep the others out
		}
		if err != nil {
			return nil, err
		}
		var v stored
		raw, err := hex.DecodeString(rec.ID)
		if err != nil || len(raw) != sha256.Size || json.Unmarshal(rec.Value, &v) != nil || v.Version != 1 || now().After(v.ExpiresAt) {
			dead = append(dead, rec.Ref)
			continue
		}
		s.live[digest(raw)] = v.ExpiresAt
	}
	if len(dead) == 0 {
		return s, nil
	}
	return s, store.Update(ctx, func(tx hub.Tx) error {
		for _, ref := range dead {
			if err := tx.Delete(ref); err != nil {
				return err
			}
		}
		return nil
	})
}

// NewCode makes a one-time code for a link.
func (s *Sessions) NewCode() (code string, expires time.Time) {
	code, expires = random(), s.now().Add(codeLife)
	s.mu.Lock()
	defer s.mu.Unlock()
	prune(s.codes, s.now(), maxCodes)
	s.codes[sha256.Sum256([]byte(code))] = expires
	return code, expires
}

// Login trades a code for a session token. A code works once.
func (s *Sessions) Login(ctx context.Context, code string) (token string, expires time.Time, err error) {
	key := sha256.Sum256([]byte(code))
	s.mu.Lock()
	until, ok := s.codes[key]
	delete(s.codes, key)
	s.mu.Unlock()
	if !ok || s.now().After(until) {
		return "", time.Time{}, hub.Errorf(hub.CodeUnauthorized, "this link was used before, or is older than %d minutes", int(codeLife.Minutes())).
			WithRemedy("Run `standpipe open` for a new one.")
	}
	token, expires = random(), s.now().Add(sessionLife)
	id := sha256.Sum256([]byte(token))
	b, err := json.Marshal(stored{Version: 1, ExpiresAt: expires})
	if err != nil {
		return "", time.Time{}, err
	}
	err = s.store.Update(ctx, func(tx hub.Tx) error {
		_, err := tx.Put(ref(id), 0, b)
		return err
	})
	// While the hub is locked nothing can be stored, but one must log in to
	// unlock it: then the session lives in memory, and ends with the process.
	if err != nil && hub.AsError(err).Code != hub.CodeLocked {
		return "", time.Time{}, err
	}
	s.mu.Lock()
	prune(s.live, s.now(), maxSessions)
	s.live[id] = expires
	s.mu.Unlock()
	return token, expires, nil
}

// Check returns CodeUnauthorized unless token is of a live session. The token
// is looked up by its hash, which tells nothing by its timing.
func (s *Sessions) Check(_ context.Context, token string) error {
	id := sha256.Sum256([]byte(token))
	s.mu.Lock()
	until, ok := s.live[id]
	s.mu.Unlock()
	if !ok || s.now().After(until) {
		return hub.Errorf(hub.CodeUnauthorized, "this session has ended").WithRemedy("Run `standpipe open`.")
	}
	return nil
}

// Logout ends a session.
func (s *Sessions) Logout(ctx context.Context, token string) error {
	id := sha256.Sum256([]byte(token))
	s.mu.Lock()
	delete(s.live, id)
	s.mu.Unlock()
	return s.store.Update(ctx, func(tx hub.Tx) error { return tx.Delete(ref(id)) })
}

func ref(id digest) hub.Ref { return hub.Ref{Kind: hub.KindSession, ID: hex.EncodeToString(id[:])} }

// prune drops what is over, and the soonest to end while there are too many.
func prune(m map[digest]time.Time, now time.Time, limit int) {
	for k, until := range m {
		if now.After(until) {
			delete(m, k)
		}
	}
	for len(m) >= limit {
		var first digest
		var at time.Time
		for k, until := range m {
			if at.IsZero() || until.Before(at) {
				first, at = k, until
			}
		}
		delete(m, first)
	}
}

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

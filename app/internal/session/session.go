// SPDX-License-Identifier: Apache-2.0

// Package session keeps the logins of the browser UI.
//
// A same-user program (standpipe open) asks for a one-time code over the
// socket and opens the UI with it; the page trades the code for a session
// token, which it sends in a header. Nothing here is a cookie. Only hashes are
// stored, and sessions outlive a restart of the hub.
//
// What is stored cannot be deleted while the hub is locked, and a session that is
// ended then must not come back with the next start. So a lock takes all of them
// off the disk, and an unlock puts back those that are still alive: a restart of
// a locked hub ends them.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
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

	writing sync.Mutex           // held before mu, by who changes what is stored
	away    bool                 // the hub is locked; held by writing
	kept    map[hub.Ref]struct{} // the records that may exist; held by writing

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
	s := &Sessions{store: store, now: now, codes: map[digest]time.Time{}, live: map[digest]time.Time{}, kept: map[hub.Ref]struct{}{}}
	for rec, err := range store.List(ctx, hub.KindSession) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue // it lets nobody in; no reason to keep the others out
		}
		if err != nil {
			return nil, err
		}
		s.kept[rec.Ref] = struct{}{}
		var v stored
		raw, err := hex.DecodeString(rec.ID)
		if err == nil && len(raw) == sha256.Size && json.Unmarshal(rec.Value, &v) == nil && v.Version == 1 && !now().After(v.ExpiresAt) {
			s.live[digest(raw)] = v.ExpiresAt
		}
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	return s, s.save(ctx)
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
	s.writing.Lock()
	defer s.writing.Unlock()
	token, expires = random(), s.now().Add(sessionLife)
	id := sha256.Sum256([]byte(token))
	s.mu.Lock()
	prune(s.live, s.now(), maxSessions)
	s.live[id] = expires
	s.mu.Unlock()
	if err := s.save(ctx); err != nil {
		s.end(id)
		return "", time.Time{}, err
	}
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

// Logout ends a session. Nobody gets in with it any more, also where that cannot
// be stored.
func (s *Sessions) Logout(ctx context.Context, token string) error {
	s.end(sha256.Sum256([]byte(token)))
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.save(context.WithoutCancel(ctx)) // whoever asked may be gone
}

func (s *Sessions) end(id digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, id)
}

// Rest takes the sessions off the disk, as the hub is being locked: until Resume
// they live in memory.
func (s *Sessions) Rest(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.write(ctx, nil)
	s.away = true
	return err
}

// Resume stores the sessions that are still alive. One that ended meanwhile is
// deleted, should Rest have failed to.
func (s *Sessions) Resume(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.away = false
	return s.save(ctx)
}

// save stores what is alive, unless the hub is locked. It needs writing held.
func (s *Sessions) save(ctx context.Context) error {
	if s.away {
		return nil
	}
	s.mu.Lock()
	live := maps.Clone(s.live)
	s.mu.Unlock()
	return s.write(ctx, live)
}

// write makes the stored sessions those of live. It needs writing held.
func (s *Sessions) write(ctx context.Context, live map[digest]time.Time) error {
	dead, missing, kept := maps.Clone(s.kept), map[hub.Ref]time.Time{}, map[hub.Ref]struct{}{}
	for id, until := range live {
		if _, ok := s.kept[ref(id)]; !ok {
			missing[ref(id)] = until
		}
		delete(dead, ref(id))
		kept[ref(id)] = struct{}{}
	}
	if len(dead)+len(missing) == 0 {
		return nil
	}
	// A write that is reported as failed may still arrive: then it is known of.
	maps.Copy(s.kept, kept)
	err := s.store.Update(ctx, func(tx hub.Tx) error {
		for ref := range dead {
			if err := tx.Delete(ref); err != nil {
				return err
			}
		}
		for ref, until := range missing {
			b, err := json.Marshal(stored{Version: 1, ExpiresAt: until})
			if err != nil {
				return err
			}
			if _, err := tx.Put(ref, 0, b); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.kept = kept
	}
	return err
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

// SPDX-License-Identifier: Apache-2.0

package app

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestSessionsOfALockedHub: a session of the page that is ended while the hub is
// locked is over for good, whether the hub is unlocked or started anew. The others
// outlast the lock, and once it is over a restart as well.
func TestSessionsOfALockedHub(t *testing.T) {
	m := newMachine(t)
	m.born("one")
	a := m.open()
	defer func() { _ = a.Close() }()
	login := func() string {
		t.Helper()
		code, _ := a.sessions.NewCode()
		token, _, err := a.sessions.Login(t.Context(), code)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	alive := func(when, token string, want bool) {
		t.Helper()
		if err := a.sessions.Check(t.Context(), token); (err == nil) != want {
			t.Errorf("%s: a session is alive: %v; want %v", when, err == nil, want)
		}
	}
	restart := func() {
		t.Helper()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		a = m.open()
	}
	stays, ends, alsoEnds := login(), login(), login()
	a.lock.Lock(t.Context(), hub.LockedByUser)
	if err := a.sessions.Logout(t.Context(), ends); err != nil {
		t.Errorf("a locked hub ends no session: %v", err)
	}
	during := login() // one must log in to unlock
	alive("locked", stays, true)
	alive("locked", ends, false)
	alive("locked", during, true)
	if err := a.lock.Unlock(t.Context(), secret.Value{}); err != nil {
		t.Fatal(err)
	}
	restart()
	alive("unlocked, started anew", stays, true)
	alive("unlocked, started anew", ends, false)
	alive("unlocked, started anew", during, true)

	a.lock.Lock(t.Context(), hub.LockedByUser)
	if err := a.sessions.Logout(t.Context(), alsoEnds); err != nil {
		t.Error(err)
	}
	restart()
	alive("locked, started anew", alsoEnds, false)
}

// TestWithin: nobody waits longer than they said for what hangs.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, release := time.Now(), make(chan struct{})
		var ran atomic.Bool
		if within(time.Second, func() { ran.Store(true) }, func() { <-release }) || !ran.Load() || time.Since(begin) != time.Second {
			t.Errorf("ran %v, after %v", ran.Load(), time.Since(begin))
		}
		close(release)
		if !within(time.Second, func() {}, func() { time.Sleep(time.Millisecond) }) {
			t.Error("what was done in time is not known to be")
		}
	})
}

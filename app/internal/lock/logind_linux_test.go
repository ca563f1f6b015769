// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"os"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/lock"
	"github.com/standpipe/standpipe/app/internal/lock/logindtest"
)

func TestLogind(t *testing.T) {
	l := logindtest.Start(t, os.Getuid())
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", l.Address)
	ready, causes := make(chan struct{}), make(chan hub.LockCause, 8)
	ended := make(chan error, 1)
	go func() {
		ended <- lock.SystemSession().Watch(t.Context(), func() { close(ready) }, func(c hub.LockCause) { causes <- c })
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(10 * time.Second):
		t.Fatal("it does not find logind")
	}
	next := func(want hub.LockCause) {
		t.Helper()
		select {
		case got := <-causes:
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s was not noticed", want)
		}
	}
	// What is not ours, and what is no lock, comes first: had it been taken
	// for one, the next would not be what is waited for.
	l.Lock(logindtest.Theirs)
	l.Hint(logindtest.Theirs, true)
	l.Hint(logindtest.Ours, false)
	l.Unlock(logindtest.Ours)
	l.Sleep(true)
	next(hub.LockedBySuspend)
	l.WaitForSleep()
	l.Sleep(false)
	l.Lock(logindtest.Ours)
	next(hub.LockedByScreen)
	l.Hint(logindtest.Ours, true)
	next(hub.LockedByScreen)
	if n := l.Inhibitors(); n != 2 {
		t.Errorf("the sleep is waited with %d times, want 2: before the first and before the next", n)
	}
	select {
	case c := <-causes:
		t.Errorf("also %s", c)
	default:
	}
	l.Close()
}

// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/wire"
)

// TestHostilePlugins starts each kind of bad plugin beside a good one. The bad
// one's caller gets a clear error in bounded time, the good one answers
// meanwhile as if nothing was, and no process is left of either.
func TestHostilePlugins(t *testing.T) {
	t.Parallel()
	const patience = 6 * time.Second // with those who hang
	for _, c := range []struct {
		mode  string
		says  string // in the status
		hangs bool   // or else it is seen at once, as fast as the machine is
	}{
		{"garbage", "Unrecognized remote plugin message", false},
		{"flood", "Unrecognized remote plugin message", false},
		{"flood-stderr", "did not begin to work within", true},
		{"mute", "did not begin to work within", true},
		{"frozen", "did not begin to work within", true},
		{"exit1", "ended with exit status 1; its last words: I give up, [redacted]", false},
		{"dead-socket", "did not begin", true},
		{"silent-socket", "did not begin to work within", true},
		{"no-cert", "error parsing server cert", false},
		{"bad-cert", "error parsing server cert", false},
		{"tcp", "which is not a socket in the folder it was given", false},
		{"loopback", "which is not a socket in the folder it was given", false},
		{"other-socket", "which is not a socket in the folder it was given", false},
		{"dots-socket", "which is not a socket in the folder it was given", false},
		{"version", "it speaks version 999 of the plugin protocol, which is newer than what this Standpipe serves (1)", false},
		{"child", "ended with exit status 1", false},
		{"daemon", "ended with exit status 1", false},
		{"kid-alive", "did not begin to work within", true},
		{"describe-hangs", "did not begin to work within", true},
		{"describe-freezes", "did not begin to work within", true},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			h := newTestHost(t, Config{BackoffMin: time.Hour, BackoffMax: time.Hour}, c.mode, "healthy")
			if _, err := h.Refresh(t.Context(), target("healthy"), refreshRequest); err != nil {
				t.Fatal(err)
			}
			if c.hangs {
				h.launch.timeout = patience // the good one has had all the time it wanted
			}
			before := h.processes()
			failed := make(chan error, 1)
			began := time.Now()
			go func() {
				_, err := h.Refresh(t.Context(), target(c.mode), refreshRequest)
				failed <- err
			}()
			var err error
			for waiting := true; waiting; {
				answersQuickly(t, h)
				select {
				case err = <-failed:
					waiting = false
				case <-time.After(50 * time.Millisecond):
				}
			}
			if took := time.Since(began); took > 5*patience {
				t.Errorf("the caller waited %s", took)
			}
			if e := providerErr(t, err); e.Class != hub.ProviderGone || !e.Unsent || e.RetryAfter <= 0 {
				t.Errorf("error %+v", e)
			}
			if s := h.status(t, c.mode); s.State != StateBackoff || !strings.Contains(s.Error, c.says) || s.PID != 0 {
				t.Errorf("status %+v\nwant %q", s, c.says)
			}
			// In the time of backoff nobody waits.
			began = time.Now()
			_, err = h.Refresh(t.Context(), target(c.mode), refreshRequest)
			if took := time.Since(began); providerErr(t, err).Class != hub.ProviderGone || took > patience/2 {
				t.Errorf("the second call: %v after %s", err, took)
			}
			eventually(t, 5*time.Second, "processes are left", func() bool { return slices.Equal(h.processes(), before) })
			if strings.Contains(h.log.String(), "\x1b") || len(h.log.String()) > 200_000 {
				t.Errorf("the log has %d bytes", len(h.log.String()))
			}
		})
	}
}

// patienceOfGood is far more than a call takes, and less than a bad plugin's.
const patienceOfGood = 5 * time.Second

// answersQuickly makes a call of the good plugin, which must not feel the bad
// one.
func answersQuickly(t *testing.T, h *testHost) {
	t.Helper()
	began := time.Now()
	if _, err := h.Refresh(t.Context(), target("healthy"), refreshRequest); err != nil {
		t.Errorf("the good plugin: %v", err)
	}
	if took := time.Since(began); took > patienceOfGood {
		t.Errorf("the good plugin took %s", took)
	}
}

// TestPluginsThatFailInACall are good until they are called.
func TestPluginsThatFailInACall(t *testing.T) {
	t.Parallel()
	// The time of a call is the good plugin's too: on a busy machine it has
	// answered long before. What fails at once does so long before never.
	const never, soon = time.Minute, patienceOfGood
	for _, c := range []struct {
		mode    string
		class   hub.ProviderClass
		timeout time.Duration // of a call
		gone    bool          // the process is
	}{
		{"crash", hub.ProviderGone, never, true},
		{"exits", hub.ProviderGone, never, true},
		{"family", hub.ProviderGone, never, true},
		{"escapes", hub.ProviderGone, never, true},
		{"freeze", hub.ProviderGone, soon, true},
		{"hang", hub.ProviderTemporary, soon, false},
		{"late", hub.ProviderTemporary, soon, false},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			if why := tryIsolation(); c.mode == "escapes" && why != nil {
				t.Skip(why)
			}
			h := newTestHost(t, Config{CallTimeout: c.timeout}, c.mode, "healthy")
			for _, m := range []string{c.mode, "healthy"} {
				if _, err := h.Identify(t.Context(), target(m), hub.IdentifyRequest{}); err != nil {
					t.Fatal(err)
				}
			}
			first := h.status(t, c.mode).PID
			failed := make(chan error, 1)
			began := time.Now()
			go func() {
				_, err := h.Refresh(t.Context(), target(c.mode), refreshRequest)
				failed <- err
			}()
			answersQuickly(t, h)
			err := <-failed
			if took := time.Since(began); took > never/2 {
				t.Errorf("the caller waited %s", took)
			}
			if e := providerErr(t, err); e.Class != c.class || e.Unsent {
				t.Errorf("error %+v", e)
			}
			// The next call works, with a new process where the old one is gone.
			if _, err := h.Identify(t.Context(), target(c.mode), hub.IdentifyRequest{}); err != nil {
				t.Errorf("the next call: %v", err)
			}
			if now := h.status(t, c.mode).PID; (now != first) != c.gone {
				t.Errorf("process %d, before it was %d", now, first)
			}
			eventually(t, 20*time.Second, "processes are left", func() bool { return len(h.processes()) == 2 })
		})
	}
}

// TestCrashLoop kills the plugin with every call.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{BackoffMin: time.Hour, BackoffMax: time.Hour}, "crash")
	for i, want := range []bool{false, false, true} { // the third is not even started
		_, err := h.Refresh(t.Context(), target("crash"), refreshRequest)
		if e := providerErr(t, err); e.Class != hub.ProviderGone || e.Unsent != want {
			t.Errorf("call %d: %+v", i, e)
		}
	}
	if s := h.status(t, "crash"); s.State != StateBackoff || s.Restarts != 1 {
		t.Errorf("status %+v", s)
	}
}

// TestCallerWhoGivesUp leaves a frozen plugin, which is found out and replaced.
func TestCallerWhoGivesUp(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "freeze")
	if _, err := h.Identify(t.Context(), target("freeze"), hub.IdentifyRequest{}); err != nil {
		t.Fatal(err)
	}
	first := h.status(t, "freeze").PID
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		eventually(t, time.Minute, "it is not frozen", func() bool { state, _, _, ok := procStat(first); return ok && state == 'T' })
		cancel()
	}()
	_, err := h.Refresh(ctx, target("freeze"), refreshRequest)
	if e := providerErr(t, err); e.Class != hub.ProviderTemporary || e.Unsent {
		t.Errorf("error %+v", e)
	}
	eventually(t, 2*aliveLimit+20*time.Second, "the frozen process is there", func() bool { return !slices.Contains(h.processes(), first) })
	if _, err := h.Identify(t.Context(), target("freeze"), hub.IdentifyRequest{}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestNoSecretInTheLog has plugins print what they were given.
func TestNoSecretInTheLog(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "talks", "panics")
	for _, m := range []string{"talks", "panics"} {
		_, _ = h.Refresh(t.Context(), target(m), refreshRequest)
	}
	h.Close()
	log := h.log.String()
	if !strings.Contains(log, "the secret is [redacted]") {
		t.Error("nothing of what was printed is in the log")
	}
	for _, canary := range []string{"refresh-token-canary", "client-secret-canary", "\x1b"} {
		if strings.Contains(log, canary) {
			t.Errorf("the log holds %q", canary)
		}
	}
	if len(log) > 200_000 {
		t.Errorf("the log has %d bytes", len(log))
	}
}

// TestCloseWithFrozenPlugin closes a host whose plugin cannot be asked to end.
func TestCloseWithFrozenPlugin(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, "healthy")
	if _, err := h.Refresh(t.Context(), target("healthy"), refreshRequest); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(h.status(t, "healthy").PID, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	h.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Close took %s", took)
	}
	_, err := h.Refresh(t.Context(), target("healthy"), refreshRequest)
	if e := providerErr(t, err); e.Class != hub.ProviderGone || !e.Unsent {
		t.Errorf("a call after Close: %+v", e)
	}
}

// leak makes a descriptor that children inherit.
func leak(t *testing.T, f *os.File) {
	t.Helper()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
}

// pipeName is how /proc shows a pipe.
func pipeName(t *testing.T, f *os.File) string {
	t.Helper()
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func handshakeCookie() string { return wire.Handshake.MagicCookieKey }

// TestCrashLoopIsStopped: a plugin that only crashes is not started for ever. It
// is stopped, once, of which somebody is told; another build of it is another
// matter.
func TestCrashLoopIsStopped(t *testing.T) {
	t.Parallel()
	told := make(chan PluginStatus, crashLoop)
	h := newTestHost(t, Config{BackoffMin: time.Millisecond, BackoffMax: time.Millisecond, Crashed: func(s PluginStatus) { told <- s }}, "exit1")
	call := func() error {
		_, err := h.Refresh(t.Context(), target("exit1"), refreshRequest)
		return err
	}
	eventually(t, time.Minute, "it is still tried", func() bool {
		_ = call()
		return h.status(t, "exit1").State == StateCrashed
	})
	s := <-told
	if s.Name != "exit1" || s.State != StateCrashed || !strings.Contains(s.Error, "10 failures in a row") || s.Restarts != crashLoop-1 {
		t.Errorf("told %+v", s)
	}
	for range 3 {
		if err := call(); !strings.Contains(err.Error(), "crash loop") {
			t.Errorf("the call after: %v", err)
		}
	}
	if now := h.status(t, "exit1"); now.Restarts != s.Restarts || len(told) > 0 {
		t.Errorf("it was started again: %+v, told %d times more", now, len(told))
	}
	another(t, filepath.Join(h.dir, Prefix+"exit1"))
	if changes := h.Rescan(); len(changes) != 1 {
		t.Errorf("%+v", changes)
	}
	if s := h.status(t, "exit1"); s.State != StateStopped || s.Error != "" {
		t.Errorf("another build: %+v", s)
	}
}

// another replaces a plugin by a different build of the same, and pins it.
func another(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(t, path, string(b), 0o755)
	sums := filepath.Join(filepath.Dir(path), SumFile)
	if err := os.Remove(sums); err != nil {
		t.Fatal(err)
	}
	addPin(t, sums, sha256.Sum256(b), filepath.Base(path))
}

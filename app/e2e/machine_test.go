// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// matrix is the table of a fault test: what the caller got, how fast, and what
// was left.
type matrix struct {
	mu   sync.Mutex
	rows []string
}

func (x *matrix) add(fault string, took time.Duration, got, afterwards string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.rows = append(x.rows, fmt.Sprintf("%-34s %8s  %-34s %s", fault, took.Round(time.Millisecond), got, afterwards))
}

func (x *matrix) print(t *testing.T) {
	t.Helper()
	t.Logf("%-34s %8s  %-34s %s", "fault", "after", "the caller got", "afterwards")
	slices.Sort(x.rows)
	for _, r := range x.rows {
		t.Log(r)
	}
}

// machine is a hub with a connection at oidc-provider, which ends the whole grant
// when a refresh token is used twice.
type machine struct {
	t    *testing.T
	h    *rig.Home
	hub  *rig.Hub
	op   *rig.OIDC
	key  string
	last string // the token that was drawn last
}

func newMachine(t *testing.T, h *rig.Home, env ...string) *machine {
	t.Helper()
	m := &machine{t: t, h: h}
	m.hub, m.op = serveOIDC(t, h, env...)
	connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
	m.key = h.AddApp("witness", "--grant", "openid")
	m.last = token(t, m.hub, m.key, vendOpenID)
	return m
}

// vend draws a token and tells what came of it, and how fast.
func (m *machine) vend() (a *rig.Answer, took time.Duration, got string) {
	m.t.Helper()
	begin := time.Now()
	a = m.hub.Post(m.key, vendOpenID, map[string]any{})
	took, got = time.Since(begin), fmt.Sprintf("%d %s", a.Status, a.Field("code"))
	if a.Field("active") == "true" {
		got = "200 with a token"
	}
	if retry := a.Header.Get("Retry-After"); retry != "" {
		got += ", Retry-After " + retry
	}
	return a, took, got
}

// works is a vend of a token that the provider takes.
func (m *machine) works() (took time.Duration, got string) {
	m.t.Helper()
	a, took, got := m.vend()
	if a.Field("active") != "true" {
		m.t.Fatalf("no token: %d %s", a.Status, a.Body)
	}
	m.last = used(m.t, m.hub, m.op, m.key, a)
	return took, got
}

// recovers waits for a token that the provider takes, once the machine is well:
// the hub does not try again at once.
func (m *machine) recovers() {
	m.t.Helper()
	rig.Eventually(m.t, "it works again", func() bool {
		a, _, _ := m.vend()
		m.last = a.Field("access_token", "access_token")
		return a.Field("active") == "true" && userinfo(m.t, m.op, m.last) == "alice"
	})
}

// refused waits until the last token is dead, and is a vend that fails for a
// reason of the machine, at once. The provider counts whole seconds: it takes a
// token for dead up to one second before the hub does.
func (m *machine) refused() (took time.Duration, got string) {
	m.t.Helper()
	rig.Eventually(m.t, "the token is dead", func() bool { return userinfo(m.t, m.op, m.last) != "alice" })
	var a *rig.Answer
	rig.Eventually(m.t, "the hub says so", func() bool {
		a, took, got = m.vend()
		return a.Field("active") != "true"
	})
	code := a.Field("code")
	if a.Status != 503 || code != "storage_unavailable" && code != "audit_unavailable" || a.Field("message") == "" || a.Header.Get("Retry-After") == "" {
		m.t.Errorf("the caller got %d %s (Retry-After %q)", a.Status, a.Body, a.Header.Get("Retry-After"))
	}
	return took, got
}

// unharmed says that no refresh token was used twice.
func (m *machine) unharmed(refreshes int) string {
	m.t.Helper()
	if n := m.op.Count("grant.revoked"); n != 0 {
		m.t.Errorf("the grant was revoked %d times: a refresh token was used twice", n)
	}
	return fmt.Sprintf("works, %d refreshes, none twice", refreshes)
}

// TestMachineFaults: whatever the machine does, the caller gets a token that
// works or a true reason at once, and nothing is lost.
func TestMachineFaults(t *testing.T) {
	t.Parallel()
	rows := &matrix{}
	t.Run("each", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *matrix){
			"asleep": asleep, "clock": wrongClock, "full disk": fullDisk, "read-only disk": readOnlyDisk,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, rows)
			})
		}
	})
	rows.print(t)
}

// asleep stops the hub for longer than the token lives, while a caller waits.
func asleep(t *testing.T, rows *matrix) {
	m := newMachine(t, rig.NewHome(t), "ACCESS_TTL=5")
	before := m.op.Count("refresh")
	var all sync.WaitGroup
	var slept time.Duration
	var got string
	all.Go(func() {
		time.Sleep(time.Second) // until it sleeps
		begin := time.Now()
		a, err := m.hub.Send("POST", m.key, vendOpenID, map[string]any{})
		if err != nil || a.Field("active") != "true" {
			t.Errorf("who called while it slept: %v %+v", err, a)
			return
		}
		slept, got = time.Since(begin), "200 with a token"
	})
	suspend(t, m.hub.PID(), 6*time.Second)
	all.Wait()
	rows.add("stopped for longer than a token", slept, got, "(5 s of it stopped)")
	took, got := m.works()
	rows.add("... the next call", took, got, m.unharmed(m.op.Count("refresh")-before))
}

// wrongClock puts the clock two hours forward and back, twice.
func wrongClock(t *testing.T, rows *matrix) {
	h := rig.NewHome(t)
	clock := h.Write("clock", "")
	h.Program, h.Env = h.Product.Faults, append(h.Env, "STANDPIPE_FAULT_CLOCK="+clock)
	m := newMachine(t, h, "ACCESS_TTL=3600")
	for _, step := range []struct{ name, clock string }{
		{"clock put 2 h forward", "2h"}, {"clock put 2 h back again", ""}, {"clock put 2 h back", "-2h"}, {"clock put 2 h forward again", ""},
	} {
		before := m.op.Count("refresh")
		h.Write("clock", step.clock)
		took, got := m.works()
		for range 3 {
			m.works()
		}
		// One that cannot be believed is renewed, and then believed.
		n := m.op.Count("refresh") - before
		if n != 1 {
			t.Errorf("%s: %d refreshes, want 1", step.name, n)
		}
		rows.add(step.name, took, got, m.unharmed(n))
	}
}

// apartWithDisk reports whether this process may mount disks that nobody else sees.
func apartWithDisk(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a disk")
	}
	return rig.Apart(t, syscall.CLONE_NEWNS)
}

// fullDisk fills the disk while the provider answers: the new refresh token is in
// memory only until there is room.
func fullDisk(t *testing.T, rows *matrix) {
	if !apartWithDisk(t) {
		return
	}
	h := rig.NewHome(t)
	disk := h.OnDisk()
	m := newMachine(t, h, "ACCESS_TTL=8")
	m.op.Hold(t)
	rig.Eventually(t, "the provider is asked, by the hub itself", func() bool { return m.op.Count("refresh.held") == 1 })
	before := m.op.Count("refresh")
	disk.Fill()
	m.op.Release(t)
	rig.Eventually(t, "the provider has answered", func() bool { return m.op.Count("refresh") > before })
	took, got := m.refused()
	if n := m.op.Count("refresh") - before; n != 1 {
		t.Errorf("the provider was asked %d times on a full disk", n)
	}
	disk.Free()
	m.recovers()
	rows.add("disk full as the provider answers", took, got, m.unharmed(m.op.Count("refresh")))
	disk.Fill()
	took, got = m.refused()
	before = m.op.Count("refresh") // one may have begun before the disk was full
	for range 3 {
		time.Sleep(3 * time.Second) // longer than the hub waits before it tries again
		m.refused()
	}
	if n := m.op.Count("refresh") - before; n != 0 {
		t.Errorf("the provider was asked %d times, and nothing could be kept", n)
	}
	disk.Free()
	m.recovers()
	rows.add("disk full", took, got, m.unharmed(m.op.Count("refresh")-before))
}

// readOnlyDisk breaks the disk under the hub, so that no intent can be written:
// the provider is not asked.
func readOnlyDisk(t *testing.T, rows *matrix) {
	if !apartWithDisk(t) {
		return
	}
	h := rig.NewHome(t)
	disk := h.OnDisk()
	m := newMachine(t, h, "ACCESS_TTL=8")
	before := m.op.Count("refresh")
	rig.Eventually(t, "the hub has renewed the token by itself just now, and rests", func() bool { return m.op.Count("refresh") > before })
	m.works()
	before = m.op.Count("refresh")
	disk.Break()
	took, got := m.refused()
	if n := m.op.Count("refresh") - before; n != 0 {
		t.Errorf("the provider was asked %d times, and nothing could be kept", n)
	}
	m.hub.Kill() // there is nothing that it could still write
	disk.Repair()
	m.hub = h.Serve("--listen", m.hub.AppAPI[len("http://"):])
	m.recovers()
	rows.add("disk read-only", took, got, m.unharmed(m.op.Count("refresh")-before))
}

// TestReleasesHaveNoHooks: neither the hub nor the window, as they were built to be
// shipped, nor a plugin knows how to be killed or to tell a wrong time. The builds
// that do are found by the same search.
func TestReleasesHaveNoHooks(t *testing.T) {
	t.Parallel()
	p := rig.Build(t)
	bin := filepath.Join(rig.Root(), "bin")
	want := map[string]bool{
		filepath.Join(bin, "standpipe"): false, filepath.Join(bin, "standpipe-desktop"): false,
		p.Faults: true, p.DesktopFaults(t): true,
	}
	plugins, err := filepath.Glob(filepath.Join(bin, "plugins", "standpipe-provider-*"))
	if err != nil || len(plugins) == 0 {
		t.Fatalf("no plugins: %v", err)
	}
	for _, path := range plugins {
		want[path] = false
	}
	for path, want := range want {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(b, []byte("STANDPIPE_FAULT")); got != want {
			t.Errorf("%s has hooks: %v, want %v", path, got, want)
		}
	}
}

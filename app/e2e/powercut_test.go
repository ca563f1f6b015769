// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// cuts are the points at which the power goes, in the order in which a refresh
// passes them. At those marked as safe nothing can be lost: the provider was not
// asked yet, or its answer is on the disk.
var cuts = []struct {
	point string
	safe  bool
}{
	{"refresh.begun", true}, {"refresh.read", true}, {"refresh.resolved", true},
	{"refresh.before-intent", true}, {"refresh.announcing", true}, {"refresh.intent-put", true}, {"refresh.after-intent", true}, {"refresh.asking", true},
	{"plugin.calling", true}, {"plugin.answered", false}, {"refresh.after-answer", false}, {"refresh.before-persist", false},
	{"refresh.merged", false}, {"refresh.tokens-put", false}, {"refresh.connection-put", false},
	{"refresh.after-persist", true}, {"refresh.told", true}, {"refresh.ended", true},
	{"vend.decided", true}, {"vend.audited", true},
}

// accessTTL is how long a token of the provider lives: long enough to be used
// where much else runs, short, since each cut waits for it.
const accessTTL = 4 * time.Second

// busy bounds what takes a moment, on a machine on which many lanes run.
const busy = 3 * time.Minute

// outcomes counts how connections were after the power was back.
type outcomes struct {
	mu    sync.Mutex
	table map[string]map[string]int
	shown int // cuts at which the page of a window was there
}

func (o *outcomes) show() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shown++
}

func (o *outcomes) add(point, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.table[point] == nil {
		o.table[point] = map[string]int{}
	}
	o.table[point][outcome]++
}

// host is a program that can be the hub.
type host struct {
	release func(*rig.Product) string
	faults  func(*rig.Product, testing.TB) string // the same with the points
	start   func(l *lane, program string) *rig.Hub
	next    []string // what a person starts after it died, in turn

	step  int // a short test takes a point of so many
	lanes int // of a long test
}

var hosts = map[string]*host{
	"serve": {
		release: func(p *rig.Product) string { return p.Standpipe },
		faults:  func(p *rig.Product, _ testing.TB) string { return p.Faults },
		start:   (*lane).serve, next: []string{"serve"}, step: 3, lanes: 12,
	},
	"window": {
		release: func(p *rig.Product) string { return p.Desktop },
		faults:  (*rig.Product).DesktopFaults,
		start:   (*lane).window, next: []string{"window", "serve"}, step: 5, lanes: 12,
	},
}

// TestPowerCut kills the hub at each point around a refresh with a refresh token
// that may be used once: oidc-provider ends the whole grant when it is used
// twice. Afterwards the connection works, or asks once for the user, with a
// reason; it never keeps knocking with a dead refresh token, and never hands out
// a dead access token. The hub is the program without a window, and the window.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for name, host := range hosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lanes, rounds, step := 2, 1, host.step
			if os.Getenv("STANDPIPE_TEST_LONG") != "" {
				lanes, rounds, step = host.lanes, 50, 1 // a lane mostly waits for tokens to end
			}
			seen := &outcomes{table: map[string]map[string]int{}}
			t.Run("lanes", func(t *testing.T) {
				for lane := range lanes {
					t.Run(fmt.Sprint(lane), func(t *testing.T) {
						t.Parallel()
						l := newLane(t, host, seen, accessTTL)
						for i := lane * step; i < rounds*len(cuts); i += lanes * step {
							c := cuts[i%len(cuts)]
							// Each point meets each of the next hosts, round by round.
							next := host.next[(i+i/len(cuts))%len(host.next)]
							l.cut(c.point, c.safe, next)
						}
					})
				}
			})
			seen.log(t, name)
		})
	}
}

// log writes the table of outcomes.
func (o *outcomes) log(t *testing.T, host string) {
	t.Logf("%-24s %s (a page was open at %d of the cuts)", host+" killed at", "afterwards", o.shown)
	for _, c := range cuts {
		if at := o.table[c.point]; at != nil {
			var words []string
			for _, k := range slices.Sorted(maps.Keys(at)) {
				words = append(words, fmt.Sprintf("%s: %d", k, at[k]))
			}
			t.Logf("%-24s %s", c.point, strings.Join(words, ", "))
		}
	}
}

// lane is a hub that dies again and again.
type lane struct {
	t      *testing.T
	h      *rig.Home
	host   *host
	op     *rig.OIDC
	listen string
	key    string
	conn   connection
	seen   *outcomes
	notes  *rig.Notifications // nil: there is no desktop
	screen *rig.Process
}

func newLane(t *testing.T, host *host, seen *outcomes, life time.Duration) *lane {
	h := rig.NewHome(t)
	h.Product = h.Product.With(t, "oauth2")
	h.Program = h.Product.Standpipe
	l := &lane{t: t, h: h, host: host, seen: seen}
	if slices.Contains(host.next, "window") {
		l.notes = h.Notifications()
		l.screen = h.Screen()
	}
	hub, op := serveOIDC(t, h, fmt.Sprintf("ACCESS_TTL=%d", life/time.Second))
	l.op, l.listen = op, strings.TrimPrefix(hub.AppAPI, "http://")
	l.conn = l.connect(hub)
	l.key = h.AddApp("survivor", "--grant", "openid")
	hub.Stop()
	return l
}

// serve starts the program without a window.
func (l *lane) serve(program string) *rig.Hub {
	cli := l.h.Program
	defer func() { l.h.Program = cli }()
	l.h.Program = program
	return l.h.Serve("--listen", l.listen)
}

// window starts the program with one.
func (l *lane) window(program string) *rig.Hub {
	hub := l.h.ServeWindow(program)
	hub.AppAPI = "http://" + l.listen
	return hub
}

func (l *lane) connect(hub *rig.Hub, args ...string) connection {
	consent := func(url string) (string, error) { return l.op.Approve(l.t, url, "alice"), nil }
	return agree(l.t, l.h, hub, consent, append([]string{"openid"}, args...)...)
}

// die starts the hub, lets it die at a point, and returns how long it lived.
func (l *lane) die(point string) time.Duration {
	t, h := l.t, l.h
	env := h.Env
	defer func() { h.Env = env }()
	h.Env = append(slices.Clone(env), "STANDPIPE_FAULT="+point+":kill")
	began := time.Now()
	doomed := l.host.start(l, l.host.faults(h.Product, t))
	var helpers []rig.Helper
	// Whoever comes there first, this caller or the hub by itself, dies of it.
	rig.EventuallyFor(t, busy, "the hub dies at "+point, func() bool {
		if now := doomed.Helpers(); len(now) > 0 {
			helpers = now
		}
		_, _ = doomed.Send("POST", l.key, vendOpenID, map[string]any{})
		select {
		case <-doomed.Done():
			return true
		default:
			return false
		}
	})
	lived := time.Since(began)
	if !doomed.Killed() {
		t.Fatalf("%s: the hub did not die of the cut:\n%s", point, doomed.Log())
	}
	if slices.ContainsFunc(helpers, func(p rig.Helper) bool { return strings.HasPrefix(p.Name, "WebKitWeb") }) {
		l.seen.show()
	}
	for _, p := range helpers {
		rig.Eventually(t, fmt.Sprintf("%s: nothing is left of the dead hub's %s", point, p.Name), func() bool { return !p.Lives() })
	}
	return lived
}

// cut kills the hub at a point, starts the host that is named next, and looks at
// what has become of the connection.
func (l *lane) cut(point string, safe bool, next string) {
	t := l.t
	lived := l.die(point)
	// A vend of which the machine was too slow for a token may meet the next refresh.
	if strings.HasPrefix(point, "vend.") && lived > accessTTL/2 {
		safe = false
	}
	time.Sleep(accessTTL) // without power: what was there has expired, and must be renewed
	before := l.op.Count("grant.error")
	var told int
	if l.notes != nil {
		told = len(l.notes.All())
	}
	hub := hosts[next].start(l, hosts[next].release(l.h.Product)).Announced()
	defer hub.Stop()

	a := l.ask(hub, point)
	switch {
	case a.Status == 200 && a.Field("active") == "true":
		used(t, hub, l.op, l.key, a)
		l.seen.add(point, next+" works")
	case a.Status == 200 && a.Field("error") == "needs_reauthorization":
		if a.Field("reason") == "" || a.Field("remedy") == "" {
			t.Errorf("%s: no reason or remedy: %s", point, a.Body)
		}
		if safe {
			t.Errorf("%s: nothing was lost there, and yet: %s", point, a.Body)
		}
		for range 5 {
			hub.Post(l.key, vendOpenID, map[string]any{})
		}
		// The one try with the refresh token that may have been spent.
		if n := l.op.Count("grant.error") - before; n > 1 {
			t.Errorf("%s: %d refreshes with a dead token", point, n)
		}
		if next == "window" {
			l.toldOnce(point, told)
		}
		l.seen.add(point, next+" asks for its user ("+a.Field("reason")+")")
		if again := l.connect(hub, "--reauthorize", l.conn.ID); again.ID != l.conn.ID {
			t.Errorf("%s: the reauthorized connection is %s, was %s", point, again.ID, l.conn.ID)
		}
	default:
		t.Fatalf("%s: neither a token nor a reason: %d %s", point, a.Status, a.Body)
	}
}

// ask draws a token of a hub that has just started and, on a machine that is
// busy, may say that it takes a moment.
func (l *lane) ask(hub *rig.Hub, point string) (a *rig.Answer) {
	l.t.Helper()
	rig.EventuallyFor(l.t, busy, "an answer of the hub after "+point, func() bool {
		a = hub.Post(l.key, vendOpenID, map[string]any{})
		return a.Status != 503 || a.Header.Get("Retry-After") == ""
	})
	return a
}

// toldOnce: whoever is at the desktop is told that the account needs them, once.
func (l *lane) toldOnce(point string, before int) {
	l.t.Helper()
	n := l.notes.Next(before)
	if more := len(l.notes.All()) - before; more != 1 || !strings.HasSuffix(n.Title, "needs you") || !strings.Contains(n.Body, l.conn.Account.Label) {
		l.t.Errorf("%s: it is told %d times, as %+v", point, more, n)
	}
}

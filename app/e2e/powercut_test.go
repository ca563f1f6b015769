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
}

func (o *outcomes) add(point, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.table[point] == nil {
		o.table[point] = map[string]int{}
	}
	o.table[point][outcome]++
}

// TestPowerCut kills the hub at each point around a refresh with a refresh token
// that may be used once: oidc-provider ends the whole grant when it is used
// twice. Afterwards the connection works, or asks once for the user, with a
// reason; it never keeps knocking with a dead refresh token, and never hands out
// a dead access token.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	lanes, rounds, step := 2, 1, 3 // every third point
	if os.Getenv("STANDPIPE_TEST_LONG") != "" {
		lanes, rounds, step = 12, 50, 1 // a lane mostly waits for tokens to end
	}
	seen := &outcomes{table: map[string]map[string]int{}}
	t.Run("lanes", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				l := newLane(t, seen)
				for i := lane * step; i < rounds*len(cuts); i += lanes * step {
					c := cuts[i%len(cuts)]
					l.cut(c.point, c.safe)
				}
			})
		}
	})
	t.Logf("%-24s %s", "killed at", "afterwards")
	for _, c := range cuts {
		if o := seen.table[c.point]; o != nil {
			var words []string
			for _, k := range slices.Sorted(maps.Keys(o)) {
				words = append(words, fmt.Sprintf("%s: %d", k, o[k]))
			}
			t.Logf("%-24s %s", c.point, strings.Join(words, ", "))
		}
	}
}

// lane is a hub that dies again and again.
type lane struct {
	t      *testing.T
	h      *rig.Home
	op     *rig.OIDC
	listen string
	key    string
	conn   connection
	seen   *outcomes
}

func newLane(t *testing.T, seen *outcomes) *lane {
	h := rig.NewHome(t)
	h.Product = h.Product.With(t, "oauth2")
	h.Program = h.Product.Standpipe
	hub, op := serveOIDC(t, h, fmt.Sprintf("ACCESS_TTL=%d", accessTTL/time.Second))
	l := &lane{t: t, h: h, op: op, listen: strings.TrimPrefix(hub.AppAPI, "http://"), seen: seen}
	l.conn = l.connect(hub)
	l.key = h.AddApp("survivor", "--grant", "openid")
	hub.Stop()
	return l
}

func (l *lane) connect(hub *rig.Hub, args ...string) connection {
	consent := func(url string) (string, error) { return l.op.Approve(l.t, url, "alice"), nil }
	return agree(l.t, l.h, hub, consent, append([]string{"openid"}, args...)...)
}

func (l *lane) cut(point string, safe bool) {
	t, h := l.t, l.h
	env := h.Env
	h.Program, h.Env = h.Product.Faults, append(slices.Clone(env), "STANDPIPE_FAULT="+point+":kill")
	began := time.Now()
	doomed := h.Serve("--listen", l.listen)
	// Whoever comes there first, this caller or the hub by itself, dies of it.
	rig.EventuallyFor(t, busy, "the hub dies at "+point, func() bool {
		_, _ = doomed.Send("POST", l.key, vendOpenID, map[string]any{})
		select {
		case <-doomed.Done():
			return true
		default:
			return false
		}
	})
	// A vend of which the machine was too slow for a token may meet the next refresh.
	if strings.HasPrefix(point, "vend.") && time.Since(began) > accessTTL/2 {
		safe = false
	}
	time.Sleep(accessTTL) // without power: what was there has expired, and must be renewed
	before := l.op.Count("grant.error")
	h.Program, h.Env = h.Product.Standpipe, env
	hub := h.Serve("--listen", l.listen)
	defer hub.Stop()

	// A hub that has just started, on a machine that is busy, may say that it
	// takes a moment.
	var a *rig.Answer
	rig.EventuallyFor(t, busy, "an answer of the hub after "+point, func() bool {
		a = hub.Post(l.key, vendOpenID, map[string]any{})
		return a.Status != 503 || a.Header.Get("Retry-After") == ""
	})
	switch {
	case a.Status == 200 && a.Field("active") == "true":
		used(t, hub, l.op, l.key, a)
		l.seen.add(point, "works")
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
		l.seen.add(point, "asks for its user ("+a.Field("reason")+")")
		if again := l.connect(hub, "--reauthorize", l.conn.ID); again.ID != l.conn.ID {
			t.Errorf("%s: the reauthorized connection is %s, was %s", point, again.ID, l.conn.ID)
		}
	default:
		t.Fatalf("%s: neither a token nor a reason: %d %s", point, a.Status, a.Body)
	}
}

// SPDX-License-Identifier: Apache-2.0

package security

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// The life of tokens.
var sectionD = []requirement{
	{"D1", "one refresh per connection, whoever asks", d1},
	{"D2", "a new refresh token is on disk before its access token is served, whenever the power goes", d2},
	{"D3", "a reconnect that lands during a refresh wins; the connection stays well", d3},
	{"D4", "a provider that hangs delays no other, nor what is fresh of its own", d4},
	{"D5", "every call to a provider is bounded; the caller gets a reason in time", d5},
}

// stale is a provider whose tokens are due for renewal when they are born.
var stale = oauthtest.Rules{Rotate: true, ReuseRevokes: true, Lives: oauthtest.Lives{Access: 3 * time.Second}}

func d1(t *testing.T) {
	w := newWorld(t, setup{rules: stale})
	time.Sleep(4 * time.Second) // the token of a real clock expires
	before, begin := w.op.Count("refresh_token"), time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	tokens := map[string]int{}
	for range 200 {
		all.Go(func() {
			a, err := w.Send(http.MethodPost, w.rich, vendPath, map[string]any{})
			if err != nil || a.Status != 200 {
				t.Errorf("a caller: %v", err)
				if a != nil {
					t.Errorf("%d %s", a.Status, a.Body)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			tokens[a.Field("access_token", "access_token")]++
		})
	}
	all.Wait()
	// A token is fresh for half of its life: a slow machine needs a further one
	// for each, and never a refresh token twice.
	most := 2 + int(time.Since(begin)/(stale.Lives.Access/2))
	if n := w.op.Count("refresh_token") - before; n > most || len(tokens) > most || w.op.Reuses() != 0 {
		t.Errorf("%d refreshes, %d tokens, %d reuses", n, len(tokens), w.op.Reuses())
	}
}

func d2(t *testing.T) {
	for _, point := range []string{"refresh.before-intent", "refresh.after-intent", "refresh.after-answer", "refresh.after-persist"} {
		w := newWorld(t, setup{rules: stale})
		w.Stop()
		env := w.home.Env
		w.home.Program, w.home.Env = w.home.Product.Faults, append(env[:len(env):len(env)], "STANDPIPE_FAULT="+point+":kill")
		doomed := w.home.Serve("--listen", w.addr())
		rig.Eventually(t, "the hub dies at "+point, func() bool {
			_, _ = doomed.Send(http.MethodPost, w.rich, vendPath, map[string]any{})
			select {
			case <-doomed.Done():
				return true
			default:
				return false
			}
		})
		w.home.Program, w.home.Env = w.home.Product.Standpipe, env
		w.Hub = w.home.Serve("--listen", w.addr())
		var a *rig.Answer
		rig.Eventually(t, "a token or a reason after "+point, func() bool {
			a = w.Post(w.rich, vendPath, map[string]any{})
			return a.Field("active") == "true" || a.Field("error") == "needs_reauthorization"
		})
		if token := a.Field("access_token", "access_token"); a.Field("active") == "true" {
			if _, ok := w.op.Lookup(token); !ok {
				t.Errorf("%s: a dead token is served", point)
			}
			continue
		}
		if point == "refresh.before-intent" || point == "refresh.after-persist" {
			t.Errorf("%s: nothing was lost, and yet %s", point, a.Body)
		}
		before := w.op.Count("refresh_token")
		for range 5 {
			w.Post(w.rich, vendPath, map[string]any{})
		}
		if n := w.op.Count("refresh_token") - before; n != 0 {
			t.Errorf("%s: it goes on knocking with a dead token", point)
		}
	}
}

func d3(t *testing.T) {
	w := newWorld(t, setup{rules: stale})
	time.Sleep(4 * time.Second)
	// The refresh hangs at the provider; meanwhile the user reconnects.
	w.op.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Hang: true})
	before := w.op.Count("refresh_token")
	done := make(chan *rig.Answer, 1)
	go func() {
		a, _ := w.Send(http.MethodPost, w.rich, vendPath, map[string]any{})
		done <- a
	}()
	rig.Eventually(t, "the refresh is under way", func() bool { return w.op.Count("refresh_token") > before })
	f := w.begin(t, "openid", "--reauthorize", w.conn)
	back := w.approve(t, f.URL, "alice")
	browse(t, back)
	<-f.Done()
	var status struct {
		Connections []struct{ ID, State string }
	}
	rig.Eventually(t, "the connection is well", func() bool {
		w.home.JSON(&status, "status")
		return len(status.Connections) == 1 && status.Connections[0].ID == w.conn && status.Connections[0].State == "connected"
	})
	select {
	case <-done:
	case <-time.After(45 * time.Second):
		t.Error("the caller still waits")
	}
	rig.Eventually(t, "a live token", func() bool {
		a := w.Post(w.rich, vendPath, map[string]any{})
		_, ok := w.op.Lookup(a.Field("access_token", "access_token"))
		return ok
	})
}

func d4(t *testing.T) {
	slow := provider(t, stale, oauthtest.Quirks{})
	w := newWorld(t, setup{hcl: integration("other", slow.URL, "")})
	w.connect(t, "other", slow, "alice")
	key := w.home.AddApp("impatient", "--grant", "other")
	time.Sleep(4 * time.Second)
	slow.Fail(oauthtest.EndpointToken, -1, oauthtest.Fault{Hang: true})
	before := slow.Count("refresh_token")
	refused := make(chan struct{}, 20)
	for range 20 {
		go func() {
			a, err := w.Send(http.MethodPost, key, strings.Replace(vendPath, "openid", "other", 1), map[string]any{})
			if err != nil || a.Field("active") != "true" { // or else its token was still alive
				refused <- struct{}{}
			}
		}()
	}
	rig.Eventually(t, "the provider hangs", func() bool { return slow.Count("refresh_token") > before })
	for range 50 {
		w.vend(t)
	}
	// One of them that waited for the provider would have come after who gave it up.
	if n := len(refused); n > 0 {
		t.Errorf("50 vends beside a hanging provider took longer than %d callers waited for it", n)
	}
}

func d5(t *testing.T) {
	w := newWorld(t, setup{rules: stale})
	time.Sleep(4 * time.Second)
	w.op.Fail(oauthtest.EndpointToken, -1, oauthtest.Fault{Hang: true})
	begin := time.Now()
	a := w.Post(w.rich, vendPath, map[string]any{})
	took := time.Since(begin)
	// A refresh may take 40 s, and the machine may be slow.
	if a.Status != 503 && a.Status != 504 || took > 80*time.Second || a.Header.Get("Retry-After") == "" || a.Field("code") != "provider_unavailable" {
		t.Errorf("%d after %s: %s", a.Status, took, a.Body)
	}
}

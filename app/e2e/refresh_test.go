// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestOneRefreshForAll: oidc-provider rotates refresh tokens and revokes the
// whole grant when one is used twice. 200 callers of an expired token must not
// make that happen.
func TestOneRefreshForAll(t *testing.T) {
	t.Parallel()
	const ttl = 5 * time.Second
	h, hub, op := oidcHub(t, fmt.Sprintf("ACCESS_TTL=%d", ttl/time.Second))
	c := connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
	if c.State != "connected" || c.Account.Label != "alice@example.test" && c.Account.Label != "alice" {
		t.Errorf("connected: %+v", c)
	}
	key := h.AddApp("burst", "--grant", "openid")
	first := token(t, hub, key, vendOpenID)

	// The machine sleeps for longer than the token lives. What the provider was
	// asked until then is counted before the hub is awake, and may ask again.
	wake := stop(t, hub.PID(), ttl+time.Second)
	before, begin := op.Count("refresh"), time.Now()
	wake()
	const callers = 200
	answers := make([]*rig.Answer, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			a, err := hub.Send(http.MethodPost, key, vendOpenID, map[string]any{})
			if err != nil || a.Status != 200 {
				t.Errorf("caller %d: %v, %+v", i, err, a)
				return
			}
			answers[i] = a
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	// A token is fresh for half of its life: a machine that needs longer for all
	// of them needs another one.
	most := 1 + int(time.Since(begin)/(ttl/2))
	if n := op.Count("refresh") - before; n < 1 || n > most {
		t.Errorf("%d refreshes for %d callers, want %d at most", n, callers, most)
	}
	if n := op.Count("grant.revoked"); n != 0 {
		t.Errorf("the grant was revoked %d times: a refresh token was used twice", n)
	}
	tokens := map[string]bool{}
	for _, a := range answers {
		tokens[a.Field("access_token", "access_token")] = true
	}
	if len(tokens) > most || tokens[first] || tokens[""] {
		t.Errorf("%d tokens for %d callers, the expired one among them: %v", len(tokens), callers, tokens[first])
	}
	used(t, hub, op, key, answers[0])
}

// TestOneRefreshAcrossProcesses: commands that run at once share what one of
// them renewed, with a hub and without; no refresh token is used twice.
func TestOneRefreshAcrossProcesses(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	var mu sync.Mutex
	used := map[string]bool{}
	issued, reused := 0, 0
	p := faulty(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if used[r.PostFormValue("refresh_token")] {
			reused++
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		used[r.PostFormValue("refresh_token")] = true
		issued++
		fmt.Fprintf(w, `{"access_token":"access-%d","refresh_token":"refresh-%d","token_type":"Bearer","expires_in":3600}`, issued, issued)
	})
	h.Write("secret", "bench")
	h.Configure(fmt.Sprintf("integration \"strict\" {\n  provider = \"openid\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  network = \"private\"\n  config = { issuer = %q }\n}\n", p.url))
	h.Fill(buildFill(t, h), "-integration", "strict", "-owner", "me", "-left", "-1m")
	key := h.AddApp("beside", "--all")

	var all sync.WaitGroup
	command := func(want string, args ...string) {
		all.Go(func() {
			if r := h.Try(append([]string{"token", "strict"}, args...)...); r.Exit != 0 || want != "" && r.Stdout != want+"\n" {
				t.Errorf("%v: %+v", args, r)
			}
		})
	}
	for range 6 { // no hub runs: each is one for as long as it takes
		command("access-1")
	}
	all.Wait()

	hub := h.Serve()
	for range 4 {
		command("", "--renew")
	}
	for range 50 {
		all.Go(func() {
			if a, err := hub.Send(http.MethodPost, key, "/data-integrations/strict/token", map[string]any{}); err != nil || a.Field("active") != "true" {
				t.Errorf("beside them: %v %+v", err, a)
			}
		})
	}
	all.Wait()
	last := h.CLI("token", "strict")
	mu.Lock()
	defer mu.Unlock()
	if reused != 0 || issued < 2 || issued > 5 {
		t.Errorf("%d refreshes, %d with a token that had been used", issued, reused)
	}
	if want := fmt.Sprintf("access-%d\n", issued); last != want {
		t.Errorf("in the end it is %q, want %q", last, want)
	}
}

// suspend stops a process for a while, as a sleeping laptop does.
func suspend(t *testing.T, pid int, d time.Duration) {
	t.Helper()
	stop(t, pid, d)()
}

// stop is suspend up to the moment in which the process goes on, which is the
// caller's to choose.
func stop(t *testing.T, pid int, d time.Duration) (wake func()) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(d) // real time is what is tested: the token of a real server expires
	return func() {
		t.Helper()
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
}

// used uses a token that was drawn, by its answer, and returns it. On a busy
// machine a short one may end on the way to the provider, which counts whole
// seconds: then another is drawn. One that is dead before its time is not what
// was promised.
func used(t *testing.T, hub *rig.Hub, op *rig.OIDC, key string, a *rig.Answer) (token string) {
	t.Helper()
	for t.Context().Err() == nil {
		token = a.Field("access_token", "access_token")
		if userinfo(t, op, token) == "alice" {
			return token
		}
		expiry, err := time.Parse(time.RFC3339, a.Field("access_token", "expires_at"))
		if left := time.Until(expiry); err != nil || left > time.Second {
			t.Fatalf("the token is dead, %v before its time: %d %s", left, a.Status, a.Body)
		}
		a = answered(t, hub, key)
	}
	return token
}

// answered draws a token of a hub that has just started, or on a machine that is
// busy: it may say that it takes a moment.
func answered(t *testing.T, hub *rig.Hub, key string) (a *rig.Answer) {
	t.Helper()
	rig.Eventually(t, "the plugin answers", func() bool {
		a = hub.Post(key, vendOpenID, map[string]any{})
		return a.Status != 503
	})
	return a
}

// userinfo asks the server whose a token is.
func userinfo(t *testing.T, op *rig.OIDC, token string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, op.Issuer+"/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v struct{ Sub string }
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v.Sub
}

// TestPluginDiesInRefresh kills the plugin while the provider is being asked.
func TestPluginDiesInRefresh(t *testing.T) {
	t.Parallel()
	h, hub, op := oidcHub(t, "ACCESS_TTL=5", "ROTATE=never")
	connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
	key := h.AddApp("patient", "--grant", "openid")
	wake := stop(t, hub.PID(), 6*time.Second)
	op.Hold(t)
	wake()
	answer := make(chan *rig.Answer, 1)
	go func() {
		a, err := hub.Send(http.MethodPost, key, vendOpenID, map[string]any{})
		if err != nil {
			t.Error(err)
		}
		answer <- a
	}()
	rig.Eventually(t, "the provider is asked", func() bool { return op.Count("refresh.held") == 1 })
	var status struct {
		Plugins []struct {
			Name string
			PID  int
		}
	}
	h.JSON(&status, "providers")
	killed := false
	for _, p := range status.Plugins {
		if p.PID > 0 && strings.Contains(p.Name, "oauth2") {
			killed = syscall.Kill(p.PID, syscall.SIGKILL) == nil
		}
	}
	if !killed {
		t.Fatalf("no plugin to kill: %+v", status)
	}
	op.Release(t)
	select {
	case a := <-answer:
		if a == nil {
			t.Fatal("no answer")
		}
		if a.Status == 503 && (a.Header.Get("Retry-After") == "" || a.Field("message") == "") {
			t.Errorf("the error lacks a reason or a time: %s", a.Body)
		}
		if a.Status != 503 && !(a.Status == 200 && a.Field("active") == "true") {
			t.Errorf("the caller got %d %s", a.Status, a.Body)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the caller waits for a dead plugin")
	}
	rig.Eventually(t, "the next call works", func() bool {
		a := hub.Post(key, vendOpenID, map[string]any{})
		return a.Status == 200 && a.Field("active") == "true"
	})
}

// TestProviderRevoked: the user withdraws the access at the provider. Callers
// get one clear reason, and reauthorizing mends it under the same id.
func TestProviderRevoked(t *testing.T) {
	t.Parallel()
	h, hub, op := oidcHub(t, "ACCESS_TTL=5")
	c := connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
	key := h.AddApp("loyal", "--grant", "openid")
	op.RevokeAll(t)
	suspend(t, hub.PID(), 6*time.Second)
	a := hub.Post(key, vendOpenID, map[string]any{})
	if a.Field("active") != "false" || a.Field("error") != "needs_reauthorization" || a.Field("remedy") == "" {
		t.Fatalf("after the revocation: %d %s", a.Status, a.Body)
	}
	if r := h.Try("status"); r.Exit != 3 {
		t.Errorf("status ended with %d, want 3:\n%s", r.Exit, r.Stdout)
	}
	again := connect(t, h, h.Chromium(), []string{"openid", "--reauthorize", c.ID}, asAlice)
	if again.ID != c.ID {
		t.Errorf("the reauthorized connection is %s, was %s", again.ID, c.ID)
	}
	token(t, hub, key, vendOpenID)
}

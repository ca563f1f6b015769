// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

const vendGitHub = "/data-integrations/github/token"

// deskHub is a hub with a connected GitHub of the sandbox, whose key comes from
// a passphrase that is typed, and whose questions time out soon.
func deskHub(t *testing.T, timeout string) (*rig.Home, *rig.Hub, *rig.Page) {
	t.Helper()
	h := rig.NewHome(t)
	h.Configure(fmt.Sprintf("sandbox = %q\napprovals { timeout = %q }\n", h.Sandbox(), timeout))
	h.Env = append(h.Env, "STANDPIPE_DATA="+h.Dir+"/typed")
	h.Data = h.Dir + "/typed"
	h.Write("passphrase", "correct horse\n")
	program := h.Program
	wrapper := h.Write("with-passphrase", "#!/bin/sh\nexec "+program+" \"$@\" --key passphrase-fd:3 3<"+h.Dir+"/passphrase\n")
	if err := os.Chmod(wrapper, 0o700); err != nil {
		t.Fatal(err)
	}
	h.Program = wrapper
	h.CLI("keys", "init")
	hub := h.Serve()
	h.Program = program // the others attach, and know no passphrase
	h.CLI("integrations", "set", "github", "--credentials", "sandbox")
	page := h.Chromium()
	connect(t, h, page, []string{"github"}, asDemoUser("octocat-demo"))
	return h, hub, page
}

type approvals struct {
	Approvals []struct {
		ID      string
		App     string
		AppName string `json:"app_name"`
		Program struct {
			UID, PID int
			Exe      string
		}
		Account struct{ Label string }
	}
}

func waiting(h *rig.Home) approvals {
	var out approvals
	h.JSON(&out, "apps", "approvals")
	return out
}

func draw(hub *rig.Hub, key string) *rig.Answer { return hub.Post(key, vendGitHub, map[string]any{}) }

func wantStatus(t *testing.T, what string, a *rig.Answer, want int, code string) {
	t.Helper()
	if a.Status != want || code != "" && a.Field("code") != code {
		t.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Body, want, code)
	}
}

// TestAccess walks through what an app may draw, by the command line: asking,
// allowing, refusing, time-out, withdrawing, pairing, rotating and the lock.
func TestAccess(t *testing.T) {
	t.Parallel()
	h, hub, _ := deskHub(t, "12s")
	var app struct{ ID, Key string }
	h.JSON(&app, "apps", "add", "editor")

	// The first draw comes from a program of the hub's user, which may be another
	// than that of the tests; a hundred more at once are the same question.
	out, err := h.Command("curl", "-sS", "-H", "Authorization: Bearer "+app.Key, "-H", "Content-Type: application/json", "-d", "{}", hub.AppAPI+vendGitHub).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "consent_required") {
		t.Fatalf("curl: %v %s", err, out)
	}
	ids := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			a, err := hub.Send(http.MethodPost, app.Key, vendGitHub, map[string]any{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil || a.Status != 403 || a.Field("code") != "consent_required" {
				t.Errorf("a first draw: %v %+v", err, a)
				return
			}
			ids[a.Field("approval_id")]++
		})
	}
	wg.Wait()
	asked := waiting(h)
	if len(ids) != 1 || len(asked.Approvals) != 1 || ids[asked.Approvals[0].ID] != 100 {
		t.Fatalf("questions %v, waiting %+v", ids, asked)
	}
	q := asked.Approvals[0]
	if q.AppName != "editor" || !strings.HasSuffix(q.Program.Exe, "/curl") || q.Program.PID == 0 || q.Account.Label != "octocat-demo" {
		t.Errorf("the question is %+v", q)
	}

	// No: at once, and for a minute.
	h.CLI("apps", "deny", q.ID)
	if a := draw(hub, app.Key); a.Status != 403 || a.Field("approval_id") != "null" || a.Header.Get("Retry-After") == "" {
		t.Errorf("after a no: %d %s", a.Status, a.Body)
	}
	if n := len(waiting(h).Approvals); n != 0 {
		t.Errorf("after a no %d questions wait", n)
	}

	// Silence is a no.
	other := h.AddApp("other")
	begin := time.Now()
	a := waitingDraw(t, hub, other)
	wantStatus(t, "nobody answered", a, 403, "consent_required")
	if d := time.Since(begin); d < 11*time.Second || d > 29*time.Second {
		t.Errorf("it waited %v", d)
	}

	// Yes, while the app waits; then not any more.
	third := h.AddApp("third")
	answered := make(chan *rig.Answer, 1)
	go func() { answered <- waitingDraw(t, hub, third) }()
	rig.Eventually(t, "a question of the third app", func() bool { return len(waiting(h).Approvals) == 1 })
	h.CLI("apps", "approve", waiting(h).Approvals[0].ID, "--for", "1h")
	wantStatus(t, "allowed", <-answered, 200, "")
	if out := h.CLI("apps", "withdraw", "third", "github"); !strings.Contains(out, "octocat-demo") || !strings.Contains(out, "LIVES UNTIL") {
		t.Errorf("withdraw does not tell what lives on: %s", out)
	}
	wantStatus(t, "withdrawn", draw(hub, third), 403, "consent_required")

	h.CLI("apps", "grant", "third", "github", "--once")
	wantStatus(t, "once", draw(hub, third), 200, "")
	wantStatus(t, "twice", draw(hub, third), 403, "consent_required")

	t.Run("pairing", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		p := hub.Post("", "/apps/pair", map[string]any{"name": "Pair \u001b[2J", "grants": []map[string]any{}})
		wantStatus(t, "a name with control characters", p, 400, "invalid_request")
		p = hub.Post("", "/apps/pair", map[string]any{"name": "Pair", "grants": []map[string]any{{"integration": "github"}}})
		wantStatus(t, "pair", p, 201, "")
		secret, code := p.Field("poll_secret"), p.Field("code")
		wantStatus(t, "too early", hub.Post(secret, "/apps/pair/collect", map[string]any{}), 200, "")
		if got := h.CLI("apps", "pairings"); !strings.Contains(got, code) || strings.Contains(got, secret) {
			t.Errorf("the pairings are %s", got)
		}
		h.CLI("apps", "approve", strings.ToLower(code))
		c := hub.Post(secret, "/apps/pair/collect", map[string]any{})
		wantStatus(t, "collect", c, 200, "")
		wantStatus(t, "its key", draw(hub, c.Field("key")), 200, "")
		wantStatus(t, "collect again", hub.Post(secret, "/apps/pair/collect", map[string]any{}), 401, "unauthorized")

		denied := hub.Post("", "/apps/pair", map[string]any{"name": "Pair"})
		h.CLI("apps", "deny", denied.Field("code"))
		wantStatus(t, "denied", hub.Post(denied.Field("poll_secret"), "/apps/pair/collect", map[string]any{}), 403, "access_denied")
	})

	t.Run("rotate and revoke", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		h.CLI("apps", "grant", "editor", "github")
		wantStatus(t, "granted", draw(hub, app.Key), 200, "")
		var rotated struct{ Key string }
		h.JSON(&rotated, "apps", "rotate", "editor")
		wantStatus(t, "the old key", draw(hub, app.Key), 401, "unauthorized")
		wantStatus(t, "the new key", draw(hub, rotated.Key), 200, "")
		for file, b := range h.Files() {
			if strings.Contains(string(b), rotated.Key) {
				t.Errorf("the key is in %s", file)
			}
		}
		if out := h.CLI("apps", "revoke", "editor"); !strings.Contains(out, "octocat-demo") {
			t.Errorf("revoke does not tell what lives on: %s", out)
		}
		wantStatus(t, "revoked", draw(hub, rotated.Key), 401, "unauthorized")
	})

	t.Run("lock", func(t *testing.T) {
		h, hub := h.In(t), hub.In(t)
		key := h.AddApp("locksmith", "--grant", "github")
		h.CLI("apps", "grant", "third", "github", "--until-lock")
		wantStatus(t, "before", draw(hub, key), 200, "")
		wantStatus(t, "until the lock", draw(hub, third), 200, "")
		h.CLI("lock")
		wantStatus(t, "locked", draw(hub, key), 423, "locked")
		for _, args := range [][]string{{"status"}, {"apps", "list"}, {"token", "github"}, {"apps", "add", "x"}} {
			if r := h.Try(args...); r.Exit != 3 || !strings.Contains(r.Stderr, "locked") {
				t.Errorf("%v while locked ended with %d: %s%s", args, r.Exit, r.Stdout, r.Stderr)
			}
		}
		if a := hub.Do(http.MethodGet, "", "/health", nil); a.Status != 200 {
			t.Errorf("health while locked: %d", a.Status)
		}
		unlock := func(passphrase string) rig.Result { return h.TryWith(passphrase+"\n", "unlock") }
		begin := time.Now()
		if r := unlock("wrong horse"); r.Exit == 0 {
			t.Errorf("a wrong passphrase unlocks: %s", r.Stdout)
		}
		// For a second no other is heard; a slow machine may be late for that.
		if r := unlock("correct horse"); r.Exit == 0 && time.Since(begin) < time.Second || r.Exit != 0 && !strings.Contains(r.Stderr, "wrong passphrases") {
			t.Errorf("right after a wrong one: %d %s%s", r.Exit, r.Stdout, r.Stderr)
		}
		rig.Eventually(t, "the right passphrase unlocks", func() bool { return unlock("correct horse").Exit == 0 })
		wantStatus(t, "unlocked", draw(hub, key), 200, "")
		wantStatus(t, "what lasted until the lock", draw(hub, third), 403, "consent_required")
	})
}

// TestLockOfNothing: the lock holds with nothing connected, and an empty store
// is not opened by any passphrase.
func TestLockOfNothing(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Serve()
	h.CLI("lock")
	if r := h.TryWith("anything\n", "unlock"); r.Exit != 0 { // its key is in a file: nothing is asked
		t.Errorf("unlock ended with %d: %s", r.Exit, r.Stderr)
	}
	h.CLI("status")
}

// TestPolicy: on a machine without a person the file answers.
func TestPolicy(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	configuration := fmt.Sprintf("sandbox = %q\nlisten = \"127.0.0.1:%d\"\n", h.Sandbox(), rig.FreePort(t))
	h.Configure(configuration)
	hub := h.Serve("--listen", h.Setting("listen"))
	h.CLI("integrations", "set", "github", "--credentials", "sandbox")
	connect(t, h, h.Chromium(), []string{"github"}, asDemoUser("octocat-demo"))
	nightly, other := h.AddApp("nightly"), h.AddApp("other", "--grant", "github")
	hub.Stop()
	h.Configure(configuration + `
policy "job" {
  app         = "nightly"
  integration = "github"
  decision    = "allow"
}
policy "never" {
  app      = "other"
  decision = "deny"
}
`)
	hub = h.Serve("--listen", h.Setting("listen"))
	if a := hub.Post(nightly, vendGitHub, map[string]any{}); a.Status != 200 {
		t.Errorf("what the policy allows: %d %s", a.Status, a.Body)
	}
	a := hub.Post(other, vendGitHub, map[string]any{})
	if a.Status != 403 || a.Field("approval_id") != "null" {
		t.Errorf("what the policy denies, a grant notwithstanding: %d %s", a.Status, a.Body)
	}
	if n := len(waiting(h).Approvals); n != 0 {
		t.Errorf("%d questions wait", n)
	}
	h.Configure(configuration + "policy \"x\" {\n  app = \"a\"\n}\n")
	if r := h.Try("config", "check"); r.Exit == 0 || !strings.Contains(r.Stdout+r.Stderr, "decision") {
		t.Errorf("a policy without a decision: %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
}

// TestOtherUserOverTCP: a program of another user gets nothing, whatever key it has.
func TestOtherUserOverTCP(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	h := rig.NewHome(t)
	hub := h.Serve()
	key := h.AddApp("stolen", "--all")
	ask := func(cmd interface{ CombinedOutput() ([]byte, error) }) string {
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v: %s", err, out)
		}
		return string(out)
	}
	for _, url := range []string{hub.AppAPI + "/user_management/users/me/data_providers", hub.AppAPI + "/health", hub.UI + "/", hub.AppAPI + "/callback/github?state=x&code=y"} {
		args := []string{"-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer " + key, url}
		if got := ask(h.As(nil, "curl", args...)); got != "403" {
			t.Errorf("another user at %s: %s", url, got)
		}
		if got := ask(h.Command("curl", args...)); got == "403" {
			t.Errorf("the user at %s: %s", url, got)
		}
	}
}

// TestAccessPage drives the same on the page.
func TestAccessPage(t *testing.T) {
	t.Parallel()
	h, hub, page := deskHub(t, "60s")
	var link struct{ URL string }
	h.JSON(&link, "open", "--no-browser")
	page.Goto(link.URL)
	page.See(id("row-github"), "octocat-demo")
	key := h.AddApp("editor")

	answered := make(chan *rig.Answer, 1)
	ask := func() { go func() { answered <- waitingDraw(t, hub, key) }() }
	ask()
	page.See(id("approval-dialog"), "editor")
	page.See(id("approval-account"), "octocat-demo")
	page.Press(id("approval-always"))
	page.Press(id("approval-allow"))
	if a := <-answered; a.Status != 200 {
		t.Errorf("allowed on the page: %d %s", a.Status, a.Body)
	}
	page.Gone(id("approval-dialog"))

	key = h.AddApp("spy")
	ask()
	page.See(id("approval-dialog"), "spy")
	page.Press(id("approval-deny"))
	if a := <-answered; a.Status != 403 {
		t.Errorf("denied on the page: %d %s", a.Status, a.Body)
	}
	page.Gone(id("approval-dialog"))

	p := hub.Post("", "/apps/pair", map[string]any{"name": "<img src=x onerror=alert(1)>", "grants": []map[string]any{{"integration": "github"}}})
	page.See(id("pairing-code"), p.Field("code"))
	page.Press(id("pairing-allow"))
	var c *rig.Answer
	rig.Eventually(t, "the key can be collected", func() bool {
		c = hub.Post(p.Field("poll_secret"), "/apps/pair/collect", map[string]any{})
		return c.Field("status") == "approved"
	})
	if a := hub.Post(c.Field("key"), vendGitHub, map[string]any{}); a.Status != 200 {
		t.Errorf("the paired app: %d %s", a.Status, a.Body)
	}

	page.Press(id("nav-settings"))
	page.Press(id("lock-now"))
	page.See(id("locked"), "locked")
	if a := hub.Post(c.Field("key"), vendGitHub, map[string]any{}); a.Status != 423 {
		t.Errorf("locked on the page: %d %s", a.Status, a.Body)
	}
	page.Fill(id("passphrase"), "wrong horse")
	page.Press(id("unlock"))
	page.See(id("unlock-error"), "passphrase")
	time.Sleep(1200 * time.Millisecond) // no other is heard before
	page.Fill(id("passphrase"), "correct horse")
	page.Press(id("unlock"))
	page.Gone(id("locked"))
	if a := hub.Post(c.Field("key"), vendGitHub, map[string]any{}); a.Status != 200 {
		t.Errorf("unlocked on the page: %d %s", a.Status, a.Body)
	}
}

// waitingDraw draws, and waits for the user as long as the hub lets it.
func waitingDraw(t *testing.T, hub *rig.Hub, key string) *rig.Answer {
	req, err := http.NewRequest(http.MethodPost, hub.AppAPI+vendGitHub, strings.NewReader("{}"))
	if err != nil {
		t.Error(err)
		return &rig.Answer{}
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=30")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return &rig.Answer{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || !json.Valid(b) {
		t.Errorf("the answer is %q, %v", b, err)
	}
	return &rig.Answer{Status: resp.StatusCode, Header: resp.Header, Body: b}
}

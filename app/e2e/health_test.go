// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// wellness is what `standpipe status --json` says of an integration that has one
// connection.
type wellness struct {
	State  string
	Health *struct {
		Code, Message string
		Tries         int
		Since         time.Time
		NextTry       time.Time `json:"next_try"`
	}
	Forecast *struct {
		NeedsUserAt time.Time `json:"needs_user_at"`
		Why         string
	}
	Provider string // ok, degraded or down
}

func wellnessOf(h *rig.Home, integration string) wellness {
	var status struct {
		Connections []struct {
			Integration string
			wellness
		}
		Providers []struct{ Integration, State string }
	}
	rig.Decode(h, h.Try("status", "--json").Stdout, &status)
	var w wellness
	for _, c := range status.Connections {
		if c.Integration == integration {
			w = c.wellness
		}
	}
	for _, p := range status.Providers {
		if p.Integration == integration {
			w.Provider = p.State
		}
	}
	return w
}

// happenings are the events of a hub, as the page gets them.
type happenings struct {
	mu  sync.Mutex
	all []string // "type integration detail"
}

func follow(t *testing.T, h *rig.Home, hub *rig.Hub) *happenings {
	t.Helper()
	// As the hub's user, whom alone it lets in there.
	cmd := h.Command(rig.Program(t, "curl"), "-sN", "--unix-socket", hub.Socket, "http://standpipe/ui/api/events")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the hub tells no events") // the first line comes at once
	}
	e := &happenings{}
	go func() {
		for lines.Scan() {
			var ev struct{ Type, Slug, Detail string }
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok && json.Unmarshal([]byte(data), &ev) == nil {
				e.mu.Lock()
				e.all = append(e.all, strings.TrimSpace(ev.Type+" "+ev.Slug+" "+ev.Detail))
				e.mu.Unlock()
			}
		}
	}()
	return e
}

func (e *happenings) count(event string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, is := range e.all {
		if is == event {
			n++
		}
	}
	return n
}

// TestHealth: what troubles a connection and its provider is told with its next
// try, a pause that the provider asks for is kept by everybody, the recovery is
// told as well, and so is when the connection will need its user.
func TestHealth(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	var asked, well atomic.Int32
	limited := faulty(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "77")
		http.Error(w, `{"error":"slow_down"}`, http.StatusTooManyRequests)
	})
	sick := faulty(t, func(w http.ResponseWriter, _ *http.Request) {
		if well.Load() == 0 {
			http.Error(w, "oops", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"renewed","refresh_token":"next","token_type":"Bearer","expires_in":3600,"refresh_token_expires_in":86400}`)
	})
	config, fill := "", buildFill(t, h)
	for slug, p := range map[string]string{"limited": limited.url, "sick": sick.url} {
		config += fmt.Sprintf("integration %q {\n  provider = \"openid\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  network = \"private\"\n  config = { issuer = %q }\n}\n", slug, p)
	}
	h.Write("secret", "bench")
	h.Configure(config)
	for _, slug := range []string{"limited", "sick"} {
		h.Fill(fill, "-integration", slug, "-owner", "me", "-left", "-1m")
	}
	hub := h.Serve()
	events := follow(t, h, hub)
	key := h.AddApp("watcher", "--all")
	draw := func(slug string) *rig.Answer {
		return hub.Post(key, "/data-integrations/"+slug+"/token", map[string]any{})
	}

	// The provider asks for a pause: nobody disturbs it, by force neither.
	rig.Eventually(t, "a look at the provider that asks for a pause", func() bool { return draw("limited").Field("code") == "rate_limited" })
	for range 5 {
		if a := draw("limited"); a.Status != 503 || a.Field("code") != "rate_limited" || a.Header.Get("Retry-After") == "" {
			t.Errorf("in the pause: %d %s", a.Status, a.Body)
		}
	}
	if r := h.Try("token", "limited", "--renew"); r.Exit == 0 {
		t.Errorf("a token out of a pause: %s", r.Stdout)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the provider was asked %d times, and had asked for a pause", n)
	}
	w := wellnessOf(h, "limited")
	if w.State != "connected" || w.Health == nil || w.Health.Code != "rate_limited" || w.Health.Message == "" || w.Provider != "degraded" {
		t.Fatalf("status says %+v", w)
	}
	if pause := w.Health.NextTry.Sub(w.Health.Since); pause < 76*time.Second || pause > 2*77*time.Second {
		t.Errorf("the next try is %v after the refusal, which asked for 77 s", pause)
	}

	// One that is ill, and recovers.
	rig.Eventually(t, "an answer of the provider that is ill", func() bool { return draw("sick").Field("code") == "provider_unavailable" })
	w = wellnessOf(h, "sick")
	if w.State != "connected" || w.Health == nil || w.Health.Code != "provider_unavailable" || w.Health.Tries < 1 || !w.Health.NextTry.After(w.Health.Since) || w.Provider != "degraded" {
		t.Fatalf("status says %+v", w)
	}
	rig.Eventually(t, "its illness is told", func() bool {
		return events.count("connection.health sick provider_unavailable") > 0
	})
	well.Store(1)
	if got := h.CLI("token", "sick", "--renew"); got != "renewed\n" {
		t.Errorf("after the recovery: %q", got)
	}
	rig.Eventually(t, "its recovery is told", func() bool {
		return events.count("connection.health sick") == 1
	})
	begin := time.Now()
	w = wellnessOf(h, "sick")
	if w.State != "connected" || w.Health != nil || w.Provider != "ok" {
		t.Errorf("after the recovery: %+v", w)
	}
	if w.Forecast == nil || w.Forecast.Why != "refresh_token_expires" || w.Forecast.NeedsUserAt.Sub(begin).Round(time.Hour) != 24*time.Hour {
		t.Errorf("the forecast is %+v, and the provider said a day", w.Forecast)
	}
	if n := events.count("connection.reauthorization_needed limited") + events.count("connection.reauthorization_needed sick"); n != 0 {
		t.Errorf("the user was called %d times", n)
	}
}

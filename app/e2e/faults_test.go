// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// answerWhole is what a provider says that is well.
const answerWhole = `{"access_token":"renewed","refresh_token":"next","token_type":"Bearer","expires_in":3600}`

// faults are what a token endpoint can do wrong, and what the caller of an
// expired token is told then.
var faults = []struct {
	name   string
	do     func(http.ResponseWriter, *http.Request)
	within time.Duration
	code   string // of the answer
}{
	{"reset", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	}, 10 * time.Second, "provider_unavailable"},
	{"closed", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	}, 10 * time.Second, "provider_unavailable"},
	{"429", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "77")
		http.Error(w, `{"error":"slow_down"}`, http.StatusTooManyRequests)
	}, 10 * time.Second, "rate_limited"},
	{"500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) }, 10 * time.Second, "provider_unavailable"},
	{"html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>We are down for maintenance</body></html>")
	}, 10 * time.Second, "provider_unavailable"},
	{"empty", func(http.ResponseWriter, *http.Request) {}, 10 * time.Second, "provider_unavailable"},
	{"half a body", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(answerWhole)))
		_, _ = io.WriteString(w, answerWhole[:len(answerWhole)/2])
	}, 10 * time.Second, "provider_unavailable"},
	{"garbage", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":[1,2,{"`)
	}, 10 * time.Second, "provider_unavailable"},
	{"slow drip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; r.Context().Err() == nil; i++ {
			_, _ = io.WriteString(w, answerWhole[i%len(answerWhole):i%len(answerWhole)+1])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Second) // it is the server that is slow
		}
	}, 45 * time.Second, "provider_unavailable"},
	{"hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 45 * time.Second, "provider_unavailable"},
}

// sick is an OpenID provider whose token endpoint does one of the faults until it
// is mended.
type sick struct {
	url  string
	well atomic.Bool

	mu   sync.Mutex
	seen []string // refresh tokens, the same ones in a row once
}

// presented notes a refresh token.
func (s *sick) presented(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.seen); n == 0 || s.seen[n-1] != token {
		s.seen = append(s.seen, token)
	}
}

// tokens are the refresh tokens that were presented so far.
func (s *sick) tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func faulty(t *testing.T, do func(http.ResponseWriter, *http.Request)) *sick {
	t.Helper()
	p := &sick{}
	mux := http.NewServeMux()
	s := httptest.NewUnstartedServer(mux)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":"http://%[1]s","authorization_endpoint":"http://%[1]s/a","token_endpoint":"http://%[1]s/token","jwks_uri":"http://%[1]s/k","response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`, r.Host)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.presented(r.PostFormValue("refresh_token"))
		if !p.well.Load() {
			do(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answerWhole)
	})
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	p.url = s.URL
	return p
}

// buildFill builds the program of app/e2e/fill.
func buildFill(t *testing.T, h *rig.Home) string {
	t.Helper()
	fill := filepath.Join(h.Dir, "fill")
	if out, err := exec.Command("go", "build", "-o", fill, "./fill").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return fill
}

// TestProviderFaults: whatever a provider does wrong, the caller gets a true
// reason in time, the connection stays, and works when the provider does.
func TestProviderFaults(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	wrong := httptest.NewUnstartedServer(http.NotFoundHandler())
	wrong.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	wrong.StartTLS() // nobody trusts its certificate
	t.Cleanup(wrong.Close)
	providers := map[string]*sick{}
	config := ""
	add := func(name, issuer string) {
		config += fmt.Sprintf("integration %q {\n  provider = \"openid\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  network = \"private\"\n  config = { issuer = %q }\n}\n", slugOf(name), issuer)
	}
	for _, f := range faults {
		providers[f.name] = faulty(t, f.do)
		add(f.name, providers[f.name].url)
	}
	add("certificate", wrong.URL)
	add("no name", "https://no-such-host.invalid")
	h.Write("secret", "bench")
	h.Configure(config)
	fill := buildFill(t, h)
	all := append([]string{"certificate", "no name"}, namesOf()...)
	for _, name := range all {
		h.Fill(fill, "-integration", slugOf(name), "-owner", "me", "-left", "-1m")
	}
	hub := h.Serve()
	key := h.AddApp("patient", "--all")

	rows := &matrix{}
	check := func(t *testing.T, name string, within time.Duration, code string) {
		t.Helper()
		h, hub := h.In(t), hub.In(t)
		path := "/data-integrations/" + slugOf(name) + "/token"
		begin := time.Now()
		a := hub.Post(key, path, map[string]any{})
		took := time.Since(begin)
		if a.Status != 503 || a.Field("code") != code || a.Field("message") == "" || a.Header.Get("Retry-After") == "" {
			t.Errorf("the caller got %d %s (Retry-After %q), want %s", a.Status, a.Body, a.Header.Get("Retry-After"), code)
		}
		if took > within {
			t.Errorf("after %v", took)
		}
		begin = time.Now()
		again := hub.Post(key, path, map[string]any{})
		if d := time.Since(begin); d > 10*time.Second { // at once, as against 25 s
			t.Errorf("a known outage was answered after %v", d)
		}
		var status struct {
			Connections []struct{ Integration, State string }
		}
		h.JSON(&status, "status")
		for _, c := range status.Connections {
			if c.Integration == slugOf(name) && c.State != "connected" {
				t.Errorf("an outage made it %s", c.State)
			}
		}
		after := "works with the refresh token that it had"
		if providers[name] == nil {
			after = "still connected"
		}
		rows.add(name, took, fmt.Sprintf("%d %s, Retry-After %s", a.Status, a.Field("code"), again.Header.Get("Retry-After")), after)
	}
	t.Run("each", func(t *testing.T) {
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				check(t, f.name, f.within, f.code)
			})
		}
		for _, name := range []string{"certificate", "no name"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t, name, 20*time.Second, "provider_unavailable")
			})
		}
	})
	// Nothing was lost: each works when its provider does. A hub that has just
	// started does not wait out the delays of the one before.
	for _, p := range providers {
		p.well.Store(true)
	}
	hub.Stop()
	hub = h.Serve()
	for _, f := range faults {
		rig.EventuallyFor(t, time.Minute, f.name+" works again", func() bool {
			a := hub.Post(key, "/data-integrations/"+slugOf(f.name)+"/token", map[string]any{})
			return a.Field("access_token", "access_token") == "renewed"
		})
		if seen := providers[f.name].tokens(); len(seen) != 1 || seen[0] == "" {
			t.Errorf("%s: the refresh tokens %q were presented, want the one that was there", f.name, seen)
		}
	}
	rows.print(t)
}

func slugOf(name string) string { return "f-" + strings.ReplaceAll(name, " ", "-") }

func namesOf() (out []string) {
	for _, f := range faults {
		out = append(out, f.name)
	}
	return out
}

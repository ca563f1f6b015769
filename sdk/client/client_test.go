// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// The client is tested against the real hub in the end-to-end tests. Here a
// hub is played by what a real one does rarely, and by strangers.

const testKey = "sp_app_KeyOfTheTests"

// played is something on the hub's port.
type played struct {
	*httptest.Server
	data string
	key  []byte

	mu   sync.Mutex
	auth []string // Authorization headers that reached it
	body func(r *http.Request) (int, string)
}

// play writes the discovery file of a hub and serves at its address. honest
// says whether the server knows what is in the file.
func play(t *testing.T, honest bool) *played {
	t.Helper()
	p := &played{data: t.TempDir(), key: make([]byte, 32)}
	t.Setenv("XDG_RUNTIME_DIR", "")
	p.body = func(*http.Request) (int, string) {
		return 200, fmt.Sprintf(`{"active":true,"access_token":{"access_token":"at","token_type":"Bearer","expires_at":%q,"scopes":["a"]}}`, time.Now().Add(time.Hour).Format(time.RFC3339))
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if h := r.Header.Get("Authorization"); h != "" {
			p.auth = append(p.auth, h)
		}
		if r.URL.Path == "/hello" {
			var in struct{ Nonce string }
			_ = json.NewDecoder(r.Body).Decode(&in)
			nonce, _ := base64.RawURLEncoding.DecodeString(in.Nonce)
			key := p.key
			if !honest {
				key = []byte("guessed")
			}
			m := hmac.New(sha256.New, key)
			m.Write([]byte("standpipe hello v1\x00" + r.Host + "\x00"))
			m.Write(nonce)
			_, _ = fmt.Fprintf(w, `{"proof":%q}`, base64.RawURLEncoding.EncodeToString(m.Sum(nil)))
			return
		}
		status, body := p.body(r)
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(p.Close)
	p.announce(t, 0o600)
	return p
}

func (p *played) announce(t *testing.T, mode os.FileMode) {
	t.Helper()
	b, err := json.Marshal(discovery{AppAPI: p.URL, ServerKey: p.key})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(p.data, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.data, "run", discoveryName)
	_ = os.Remove(path)
	if err := os.WriteFile(path, b, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func (p *played) client(change func(*Config)) *Client {
	cfg := Config{Integration: "github", Data: p.data, Key: secret.New(testKey)}
	if change != nil {
		change(&cfg)
	}
	return New(cfg)
}

func TestStrangerGetsNoKey(t *testing.T) {
	p := play(t, false)
	if _, err := p.client(nil).Token(t.Context()); !errors.Is(err, ErrStranger) {
		t.Errorf("got %v", err)
	}
	if len(p.auth) > 0 {
		t.Errorf("the stranger got %q", p.auth)
	}
}

func TestDiscoveryFileOfOthersIsNotBelieved(t *testing.T) {
	p := play(t, true)
	p.announce(t, 0o644)
	if _, err := p.client(nil).Token(t.Context()); err == nil || !strings.Contains(err.Error(), "0644") {
		t.Errorf("got %v", err)
	}
	if len(p.auth) > 0 {
		t.Error("the key was sent")
	}
}

func TestNoHub(t *testing.T) {
	p := play(t, true)
	p.Close() // it was killed, and left its file
	if _, err := p.client(nil).Token(t.Context()); !errors.Is(err, ErrNoHub) {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Data: t.TempDir()}).Token(t.Context()); !errors.Is(err, ErrNoHub) {
		t.Errorf("without a file: %v", err)
	}
}

func TestTokenIsKeptUntilItExpires(t *testing.T) {
	p := play(t, true)
	c := p.client(nil)
	for range 3 {
		token, err := c.TokenSource(t.Context()).Token()
		if err != nil || token.AccessToken != "at" || token.TokenType != "Bearer" {
			t.Fatalf("%+v, %v", token, err)
		}
	}
	if len(p.auth) != 1 || p.auth[0] != "Bearer "+testKey {
		t.Errorf("the hub was asked with %q", p.auth)
	}
	soon := p.client(nil)
	p.body = func(*http.Request) (int, string) {
		return 200, fmt.Sprintf(`{"active":true,"access_token":{"access_token":"at","expires_at":%q}}`, time.Now().Add(5*time.Second).Format(time.RFC3339))
	}
	for range 2 {
		if _, err := soon.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.auth) != 3 {
		t.Errorf("a token that is about to expire is kept: %d", len(p.auth))
	}
}

// TestRefusedTokenIsTold: the hub renews a token that lives only if it is told
// which one the provider refused; who says it late spends no further one.
func TestRefusedTokenIsTold(t *testing.T) {
	p, draws := play(t, true), 0
	var told []string
	p.body = func(r *http.Request) (int, string) {
		var in struct {
			Refused string `json:"refused_token"`
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		told = append(told, in.Refused)
		if draws++; draws == 2 {
			return http.StatusServiceUnavailable, `{"code":"provider_unavailable","message":"later"}`
		}
		return 200, fmt.Sprintf(`{"active":true,"access_token":{"access_token":"at-%d","expires_at":%q}}`, draws, time.Now().Add(time.Hour).Format(time.RFC3339))
	}
	c := p.client(nil)
	first, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Refused(first.AccessToken)
	if _, err := c.Token(t.Context()); err == nil {
		t.Fatal("the hub was not asked")
	}
	second, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Refused(first.AccessToken) // by somebody who had it too
	if third, err := c.Token(t.Context()); err != nil || third.AccessToken != second.AccessToken {
		t.Errorf("%v, %v", third, err)
	}
	if want := []string{"", first.AccessToken, first.AccessToken}; !slices.Equal(told, want) {
		t.Errorf("the hub was told %q, want %q", told, want)
	}
}

func TestRefusalsAreTyped(t *testing.T) {
	p := play(t, true)
	for code, c := range map[Code]struct {
		status int
		body   string
	}{
		ConsentRequired:      {403, `{"code":"consent_required","message":"not granted","remedy":"Approve it","approval_id":"approval_1"}`},
		AccountSelection:     {409, `{"code":"account_selection_required","message":"2 accounts","choices":[{"connected_account_id":"c1","account":"octocat"}]}`},
		NotInstalled:         {200, `{"active":false,"error":"not_installed"}`},
		NeedsReauthorization: {200, `{"active":false,"error":"needs_reauthorization","reason":"revoked_by_user","remedy":"Connect again"}`},
		TooManyRequests:      {429, `{"code":"too_many_requests","message":"slow down"}`},
		Locked:               {423, `{"code":"locked","message":"locked"}`},
	} {
		p.body = func(*http.Request) (int, string) { return c.status, c.body }
		_, err := p.client(nil).Token(t.Context())
		e, ok := errors.AsType[*Error](err)
		if !ok || !IsCode(err, code) || e.Status != c.status || e.Error() == "" {
			t.Errorf("%s: got %v", code, err)
			continue
		}
		switch {
		case code == ConsentRequired && (e.Approval != "approval_1" || !strings.Contains(e.Error(), "Approve it")),
			code == AccountSelection && (len(e.Choices) != 1 || e.Choices[0].Connection != "c1"),
			code == NeedsReauthorization && e.Reason != "revoked_by_user",
			code == TooManyRequests && e.RetryAfter != 7*time.Second:
			t.Errorf("%s: %+v", code, e)
		}
	}
	p.body = func(*http.Request) (int, string) { return 502, "<html>" }
	if _, err := p.client(nil).Token(t.Context()); err == nil {
		t.Error("no error for a page of a proxy")
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	p := play(t, true)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the thief got the key")
		}
	}))
	defer thief.Close()
	inner := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hello" {
			http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
			return
		}
		inner.ServeHTTP(w, r)
	})
	if _, err := p.client(nil).Token(t.Context()); err == nil {
		t.Error("no error")
	}
}

// TestKeyGoesOverTheProvenConnection: one that was closed after the proof is
// not replaced by another, which anybody could take.
func TestKeyGoesOverTheProvenConnection(t *testing.T) {
	p := play(t, true)
	inner := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		inner.ServeHTTP(w, r)
	})
	if _, err := p.client(nil).Token(t.Context()); err == nil {
		t.Error("no error")
	}
	if len(p.auth) > 0 {
		t.Errorf("another connection got %q", p.auth)
	}
}

func TestPairing(t *testing.T) {
	p := play(t, true)
	polls := 0
	p.body = func(r *http.Request) (int, string) {
		switch r.URL.Path {
		case "/apps/pair":
			return 201, `{"code":"BCDF-GHJK","poll_secret":"sp_pair_x","interval":1}`
		case "/apps/pair/collect":
			if polls++; polls < 2 {
				return 200, `{"status":"pending","interval":1}`
			}
			return 200, `{"status":"approved","key":"` + testKey + `"}`
		}
		return 200, `{"active":true,"access_token":{"access_token":"at","expires_at":"2099-01-01T00:00:00Z"}}`
	}
	file := filepath.Join(t.TempDir(), "app", "key")
	var shown string
	with := func(c *Config) {
		c.Key, c.KeyFile, c.Name = secret.Value{}, file, "tool"
		c.ShowCode = func(code string) { shown = code }
	}
	if token, err := p.client(with).Token(t.Context()); err != nil || token.AccessToken != "at" || shown != "BCDF-GHJK" {
		t.Fatalf("%v, %v, code %q", token, err, shown)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
	shown = ""
	if _, err := p.client(with).Token(t.Context()); err != nil || shown != "" {
		t.Errorf("the second time: %v, code %q", err, shown)
	}
	if want := []string{"Bearer sp_pair_x", "Bearer sp_pair_x", "Bearer " + testKey, "Bearer " + testKey}; strings.Join(p.auth, ",") != strings.Join(want, ",") {
		t.Errorf("the hub was sent %q", p.auth)
	}
	none := p.client(func(c *Config) { c.Key, c.KeyFile = secret.Value{}, filepath.Join(t.TempDir(), "none") })
	if _, err := none.Token(t.Context()); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

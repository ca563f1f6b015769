// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the built product as its users use it: the command line,
// the page in Chromium, the native window, apps on loopback. Its counterparts
// are authorization servers and SDKs that others wrote.
package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

func TestMain(m *testing.M) {
	code := m.Run()
	rig.Clean()
	os.Exit(code)
}

// flow is what `standpipe connect --json` prints first, connection what it
// prints at the end.
type flow struct {
	ID               string
	AuthorizationURL string `json:"authorization_url"`
}

type connection struct {
	ID      string
	State   string
	Account struct{ Label, Login, Email string }
}

// connect runs `standpipe connect`, with a person at the browser who does what
// consent says, and returns the connection.
func connect(t *testing.T, h *rig.Home, page *rig.Page, args []string, consent func(*rig.Page)) connection {
	t.Helper()
	p := h.Start(append([]string{"connect", "--no-browser", "--json"}, args...)...)
	var f flow
	p.Line(decodeURL(&f))
	page.Goto(f.AuthorizationURL)
	consent(page)
	return connected(p)
}

// device is what a flow by a code shows.
type device struct {
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	Complete        string `json:"verification_uri_complete"`
}

// connectDevice is connect by a code, with a person who enters it somewhere.
func connectDevice(h *rig.Home, slug string, consent func(device)) connection {
	p := h.Start("connect", "--device", "--json", slug)
	var f struct {
		Kind   string
		Device device
	}
	p.Line(func(line json.RawMessage) bool {
		return json.Unmarshal(line, &f) == nil && f.Kind == "device" && f.Device.UserCode != ""
	})
	consent(f.Device)
	return connected(p)
}

// connected waits for the connection that a command tells of at last.
func connected(p *rig.Process) (c connection) {
	p.Line(func(line json.RawMessage) bool {
		return json.Unmarshal(line, &c) == nil && strings.HasPrefix(c.ID, "data_installation_")
	})
	return c
}

// agree is connect with a person who agrees by HTTP, without a browser: consent
// takes an authorization URL and returns the address of the callback.
func agree(t *testing.T, h *rig.Home, hub *rig.Hub, consent func(authorizationURL string) (string, error), args ...string) connection {
	t.Helper()
	p := h.Start(append([]string{"connect", "--no-browser", "--json"}, args...)...)
	var f flow
	p.Line(decodeURL(&f))
	address, err := consent(f.AuthorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if a := hub.Do(http.MethodGet, "", u.RequestURI(), nil); a.Status >= http.StatusBadRequest {
		t.Fatalf("the callback answers %d %s", a.Status, a.Body)
	}
	return connected(p)
}

func decodeURL(f *flow) func(json.RawMessage) bool {
	return func(line json.RawMessage) bool { return json.Unmarshal(line, f) == nil && f.AuthorizationURL != "" }
}

// asAlice signs in at oidc-provider and consents.
func asAlice(page *rig.Page) {
	page.Fill("input[name=login]", "alice")
	page.Fill("input[name=password]", "any")
	page.Press("button[type=submit]")
	page.See("body", "Authorize")
	page.Press("button[type=submit]")
	page.See("h1", "connected")
}

// asOctocat picks an account on the emulated GitHub.
func asOctocat(page *rig.Page) {
	page.Press("button[type=submit]:has(~ *), form:has(input[value=octocat]) button")
	page.See("h1", "connected")
}

// oidcHub is a hub with one integration: oidc-provider on loopback.
func oidcHub(t *testing.T, env ...string) (*rig.Home, *rig.Hub, *rig.OIDC) {
	t.Helper()
	h := rig.NewHome(t)
	hub, op := serveOIDC(t, h, env...)
	return h, hub, op
}

// serveOIDC is oidcHub in a home that is there.
func serveOIDC(t *testing.T, h *rig.Home, env ...string) (*rig.Hub, *rig.OIDC) {
	t.Helper()
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	op := rig.StartOIDC(t, "http://"+listen+"/callback/openid", env...)
	h.Write("oidc.secret", rig.OIDCSecret)
	h.Configure(fmt.Sprintf(`
listen = %q

integration "openid" {
  credentials   = "own"
  client_id     = %q
  client_secret = file("oidc.secret")
  network       = "private"
  scopes        = ["openid", "offline_access", "profile", "email"]
  config        = { issuer = %q }
}
`, listen, rig.OIDCClient, op.Issuer))
	return h.Serve("--listen", listen), op
}

const vendOpenID = "/data-integrations/openid/token"

// token draws a token and returns it, or fails.
func token(t *testing.T, hub *rig.Hub, key, path string) string {
	t.Helper()
	return tokenOf(t, hub.Post(key, path, map[string]any{}))
}

// tokenOf is the token in an answer, which must hold one.
func tokenOf(t *testing.T, a *rig.Answer) string {
	t.Helper()
	if a.Status != 200 || a.Field("active") != "true" {
		t.Fatalf("no token: %d %s", a.Status, a.Body)
	}
	return a.Field("access_token", "access_token")
}

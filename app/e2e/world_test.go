// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// world is a hub with the sandbox behind it. A test that is about something else
// than the consent page gives consent here without a browser.
type world struct {
	*rig.Hub
	t       *testing.T
	h       *rig.Home
	sandbox string
}

// prepare starts the sandbox; the hub is the test's to start. config is added to
// its configuration.
func prepare(t *testing.T, config string) *world {
	t.Helper()
	h := rig.NewHome(t)
	port := rig.FreePort(t)
	w := &world{t: t, h: h, sandbox: h.Sandbox("--callback", fmt.Sprintf("http://localhost:%d/callback/salesforce", port))}
	h.Configure(fmt.Sprintf("listen = \"127.0.0.1:%d\"\nsandbox = %q\n%s", port, w.sandbox, config))
	return w
}

// newWorld starts the sandbox and the hub, and sets up some of the sandbox's
// providers.
func newWorld(t *testing.T, config string, providers ...string) *world {
	t.Helper()
	w := prepare(t, config)
	w.Hub = w.h.Serve("--listen", listenOf(w.h))
	w.setUp(providers...)
	return w
}

// setUp sets providers up with the credentials of the sandbox.
func (w *world) setUp(providers ...string) {
	w.t.Helper()
	for _, p := range providers {
		w.h.CLI("integrations", "set", p, "--credentials", "sandbox")
	}
}

// page opens the page in a browser, logged in.
func (w *world) page() *rig.Page {
	w.t.Helper()
	p := w.h.Chromium()
	w.show(p)
	return p
}

// show logs a browser in.
func (w *world) show(p *rig.Page) {
	w.t.Helper()
	p.Goto(strings.TrimSpace(w.h.CLI("open", "--no-browser")))
	p.See("h1", "")
}

// connect connects an account of the sandbox.
func (w *world) connect(slug, login string, args ...string) connection {
	w.t.Helper()
	p := w.h.Start(append([]string{"connect", slug, "--no-browser", "--json"}, args...)...)
	var f flow
	p.Line(decodeURL(&f))
	w.consent(f.AuthorizationURL, login)
	return connected(p)
}

// connectHere connects an account in the page: it presses a button, goes on to
// the provider, gives consent and confirms the account that came back.
func (w *world) connectHere(page *rig.Page, button, login string, without ...string) {
	w.t.Helper()
	page.Press(button)
	w.begin(page)
	w.consent(page.Value(id("authorization-url")), login, without...)
	page.See(id("flow-account-label"), login)
	page.Press(id("confirm"))
	page.Gone(id("connect-dialog"))
}

// begin goes on to the provider, and stays in the page.
func (w *world) begin(page *rig.Page) {
	w.t.Helper()
	page.Press(id("start"))
	page.See(id("flow-waiting"), "")
	page.CloseOthers()
}

// consent signs in at the sandbox as login and agrees to everything but the
// scopes in whose names one of without stands.
func (w *world) consent(authorizationURL, login string, without ...string) {
	w.t.Helper()
	w.consentWith(nil, authorizationURL, login, without...)
}

// answer is consent that keeps what the provider answers, instead of going on
// to the hub with it: the address of the callback.
func (w *world) answer(authorizationURL, login string) (callback *url.URL) {
	w.t.Helper()
	w.consentWith(func(r *http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/callback/") {
			callback = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}, authorizationURL, login)
	if callback == nil {
		w.t.Fatal("the provider did not answer")
	}
	return callback
}

func (w *world) consentWith(redirected func(*http.Request) error, authorizationURL, login string, without ...string) {
	w.t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil {
		w.t.Fatal(err)
	}
	provider := "/" + strings.Split(u.Path, "/")[1]
	jar, _ := cookiejar.New(nil) // its error is always nil
	browser := http.Client{Jar: jar}
	if redirected != nil {
		browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error { return redirected(r) }
	}
	post := func(path string, form url.Values) *http.Response {
		w.t.Helper()
		resp, err := browser.PostForm(w.sandbox+path, form)
		if err != nil {
			w.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= http.StatusBadRequest {
			w.t.Fatalf("%s: %s", resp.Request.URL.Redacted(), resp.Status)
		}
		return resp
	}
	at := post(provider+"/session", url.Values{"login": {login}, "return_to": {u.RequestURI()}}).Request.URL
	scopes := strings.FieldsFunc(at.Query().Get("scope"), func(r rune) bool { return r == ' ' || r == ',' })
	form := url.Values{"request": {at.RawQuery}, "decision": {"authorize"}}
	for _, s := range scopes {
		if !slices.ContainsFunc(without, func(part string) bool { return strings.Contains(s, part) }) {
			form.Add("scope", s)
		}
	}
	post(u.Path, form)
}

// flip turns a switch of the sandbox: flip("github", "revoke", "login=octocat-demo").
func (w *world) flip(provider, action string, form ...string) {
	w.t.Helper()
	values, err := url.ParseQuery(strings.Join(form, "&"))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.PostForm(w.sandbox+"/"+provider+"/sandbox/"+action, values)
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		w.t.Fatalf("the switch %s %v: %s", action, form, resp.Status)
	}
}

// renew makes the hub renew the token of an account, however that ends.
func (w *world) renew(slug, account string) {
	w.t.Helper()
	w.h.Try("token", slug, "--account", account, "--renew")
}

// ask makes an app ask for a token of a provider, and returns what it is told.
func (w *world) ask(key, slug string) *rig.Answer {
	w.t.Helper()
	return w.Post(key, "/data-integrations/"+slug+"/token", map[string]any{})
}

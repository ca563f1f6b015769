// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// product is the team's server behind docs/embed-demo.html: it knows its user
// and has a key of the hub.
type product struct {
	*httptest.Server
	mu  sync.Mutex
	hub *rig.Hub
	key string
}

func newProduct(t *testing.T) *product {
	t.Helper()
	p := &product{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(rig.Root(), "docs", "embed-demo.html"))
	})
	// pass hands a request on to the hub.
	pass := func(w http.ResponseWriter, method, path string, body any) {
		p.mu.Lock()
		hub, key := p.hub, p.key
		p.mu.Unlock()
		a, err := hub.Send(method, key, path, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
	}
	mux.HandleFunc("POST /connect-link", func(w http.ResponseWriter, _ *http.Request) {
		pass(w, http.MethodPost, "/data-integrations/github/authorize", map[string]any{"user_id": "user_123"})
	})
	mux.HandleFunc("POST /disconnect", func(w http.ResponseWriter, _ *http.Request) {
		pass(w, http.MethodDelete, "/user_management/users/user_123/connected_accounts/github", nil)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// serves tells which hub it is, and which key.
func (p *product) serves(hub *rig.Hub, key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hub, p.key = hub, key
}

// TestElement is <standpipe-connect> on the demo page of the documentation, with
// the hub's own pages in its popup: two origins in one browser.
func TestElement(t *testing.T) {
	t.Parallel()
	allowed, stranger := newProduct(t), newProduct(t)
	w := newWorld(t, fmt.Sprintf("embed { origins = [%q] }\n", allowed.URL), "github")
	key := w.h.AddApp("acme", "--server", "--all")
	allowed.serves(w.Hub, key)
	stranger.serves(w.Hub, key)
	page := w.h.Chromium()
	open := func(from *product) {
		t.Helper()
		page.Goto(from.URL + "/?hub=" + w.AppAPI)
		page.Until("the element", `return !!document.querySelector("standpipe-connect").shadowRoot?.querySelector("button")`)
		page.Run(`window.heard = []; addEventListener("message", (e) => heard.push({from: e.origin, ...e.data}))`, nil)
	}
	// press is a real key on the button within the element.
	press := func() {
		t.Helper()
		page.Run(`document.querySelector("standpipe-connect").shadowRoot.querySelector("button").focus()`, nil)
		page.Keys(rig.Enter)
	}
	shows := func(words string) {
		t.Helper()
		page.Until("the element says "+words, `return document.querySelector("standpipe-connect").shadowRoot.textContent.includes(arguments[0])`, words)
	}
	popup := func() { t.Helper(); page.Tab(w.AppAPI + "/connect/"); page.See("h1", "GitHub") }
	consent := func(decision string) {
		t.Helper()
		page.Press("#continue")
		page.Until("the provider", `return location.href.startsWith(arguments[0])`, w.sandbox)
		var ask bool
		page.Run(`return !!document.querySelector("button[name=login]")`, &ask)
		if ask {
			page.Press("button[value=octocat-demo]")
		}
		page.Press("button[name=decision][value=" + decision + "]")
	}

	open(allowed)
	for _, found := range page.Axe() {
		t.Errorf("the demo page: %s", found)
	}
	press()
	shows("Waiting for the other window")
	popup()
	for _, scheme := range []string{"light", "dark"} {
		page.Media(scheme)
		for _, found := range page.Axe() {
			t.Errorf("the page of the link, %s: %s", scheme, found)
		}
	}
	if a := page.Address(); strings.Contains(a, "nonce") {
		t.Errorf("the nonce stays in the address: %s", a)
	}
	// What another page knows of this try, even the nonce, is worth nothing.
	var kept string
	page.Run(`return sessionStorage.getItem("standpipe-opener")`, &kept)
	var opener struct{ Origin, Nonce string }
	if err := json.Unmarshal([]byte(kept), &opener); err != nil || opener.Origin != allowed.URL || len(opener.Nonce) != 32 {
		t.Fatalf("the popup keeps %s: %v", kept, err)
	}
	page.Tab(allowed.URL)
	page.Run(`postMessage({type: "standpipe", nonce: arguments[0], status: "connected", connection: "forged"}, "*");
		return new Promise((r) => setTimeout(r))`, nil, opener.Nonce)
	shows("Waiting for the other window")
	popup()
	consent("authorize")
	page.Tab(allowed.URL)
	shows("GitHub is connected")
	page.See("#log", `connected {"connection":"data_installation_`)
	var heard []map[string]string
	page.Run("return heard", &heard)
	if len(heard) != 2 || heard[1]["from"] != w.AppAPI || heard[1]["nonce"] != opener.Nonce || len(heard[1]) != 5 {
		t.Errorf("the page heard %v", heard)
	}
	accounts := w.Do(http.MethodGet, key, "/user_management/users/user_123/connected_accounts/github", nil)
	if accounts.Status != 200 || accounts.Field("id") != heard[1]["connection"] {
		t.Errorf("the reference is %s, the hub has %d %s", heard[1]["connection"], accounts.Status, accounts.Body)
	}
	// The hub's word counts once.
	page.Run(`document.querySelector("standpipe-connect").removeAttribute("connection");
		postMessage(arguments[0], "*"); return new Promise((r) => setTimeout(r))`, nil, heard[1])
	shows("Connect GitHub")
	page.Run(`document.querySelector("standpipe-connect").setAttribute("connection", arguments[0])`, nil, heard[1]["connection"])
	shows("Disconnect")
	press()
	page.See("#log", `disconnected {"connection":"data_installation_`)
	shows("Connect GitHub")

	// What other windows of the hub's own origin say is worth nothing, and of what
	// the right one says the first word counts.
	press()
	popup()
	if page.Run(`return sessionStorage.getItem("standpipe-opener")`, &kept); json.Unmarshal([]byte(kept), &opener) != nil {
		t.Fatalf("the popup keeps %s", kept)
	}
	const report = `opener.postMessage({type: "standpipe", nonce: arguments[1], status: arguments[2], connection: arguments[3]}, arguments[0]);
		return new Promise((r) => setTimeout(r))`
	page.Run(report, nil, allowed.URL, strings.Repeat("0", len(opener.Nonce)), "connected", "wrong-nonce")
	page.Tab(allowed.URL)
	page.Run(`open(arguments[0] + "/embed/none", "another")`, nil, w.AppAPI)
	page.Tab(w.AppAPI + "/embed/none")
	page.Run(report, nil, allowed.URL, opener.Nonce, "connected", "another-window")
	page.CloseTab()
	page.Tab(allowed.URL)
	page.Until("both reports to arrive", `return ["wrong-nonce", "another-window"].every((c) => heard.some((h) => h.connection === c))`)
	shows("Waiting for the other window")
	page.Tab(w.AppAPI + "/connect/")
	page.Run(`for (const connection of ["first-word", "second-word"])
		opener.postMessage({type: "standpipe", nonce: arguments[1], status: "connected", connection}, arguments[0])`, nil, allowed.URL, opener.Nonce)
	page.Tab(allowed.URL)
	page.See("#log", `connected {"connection":"first-word"}`)
	page.Run(`const e = document.querySelector("standpipe-connect"); const c = e.getAttribute("connection"); e.removeAttribute("connection"); return c`, &kept)
	var log string
	if page.Run(`return document.querySelector("#log").textContent`, &log); kept != "first-word" || strings.Contains(log, "second-word") || strings.Contains(log, "wrong-nonce") || strings.Contains(log, "another-window") {
		t.Errorf("the element is connected to %s, having told %s", kept, log)
	}
	shows("Connect GitHub")

	// A refusal, and a popup that the person closes.
	press()
	popup()
	consent("cancel")
	page.Tab(allowed.URL)
	page.See("#log", `error {"message":`)
	shows("Connect GitHub")
	press()
	popup()
	page.CloseTab()
	page.Tab(allowed.URL)
	page.See("#log", "The window was closed")
	if a := w.Do(http.MethodGet, key, "/user_management/users/user_123/connected_accounts/github", nil); a.Status != 404 {
		t.Errorf("after a refusal: %d %s", a.Status, a.Body)
	}

	// A server that gives no link of the hub.
	page.Run(`document.querySelector("standpipe-connect").getLink = () => "https://elsewhere.example/connect/x"`, nil)
	press()
	page.See("#log", "could not be begun")

	// A page that the configuration does not name hears nothing.
	open(stranger)
	press()
	popup()
	consent("authorize")
	page.See("h1", "octocat-demo is connected")
	page.Tab(stranger.URL)
	page.Run("return heard", &heard)
	shows("Waiting for the other window")
	if len(heard) != 0 {
		t.Errorf("a stranger heard %v", heard)
	}
	page.Tab(w.AppAPI)
	page.CloseTab()
	page.Tab(stranger.URL)
	page.See("#log", "The window was closed")

	// Nor does it by naming the origin of another.
	page.Run(`return fetch("/connect-link", {method: "POST"}).then((r) => r.json()).then(({url}) => { open(url + "#" + new URLSearchParams({origin: arguments[0], nonce: "x"})) })`, nil, allowed.URL)
	popup()
	consent("authorize")
	page.See("h1", "octocat-demo is connected")
	page.Tab(stranger.URL)
	if page.Run("return heard", &heard); len(heard) != 0 {
		t.Errorf("a stranger that names another's origin heard %v", heard)
	}
}

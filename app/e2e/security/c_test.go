// SPDX-License-Identifier: Apache-2.0

package security

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// The hub as an OAuth and OpenID client.
var sectionC = []requirement{
	{"C1", "code with PKCE S256 always, a fresh challenge each time; a plugin that drops it is refused", c1},
	{"C2", "state has 128 bits, works once and for its flow only", c2},
	{"C3", "an ID token is checked: iss, aud, sub, exp, iat, nonce, at_hash, alg, signature", c3},
	{"C4", "the issuer of the answer (RFC 9207) must be the flow's", c4},
	{"C5", "an answer counts only on the redirect URI of its own integration (COAT)", c5},
	{"C6", "a connection is finished only where it was begun, with the account shown", c6},
	{"C7", "the callback exists only while a flow waits, on loopback, and takes one answer", c7},
	{"C8", "consent happens in the system's browser; the window shows nothing but its own page", c8},
	{"C9", "the callback page is clean: no code in its address, errors escaped, nothing foreign", c9},
	{"C10", "no open redirect", c10},
	{"C11", "discovery: the issuer is identical, https but for private networks, bounded in size and time", c11},
	{"C12", "no call to loopback, link-local or private addresses, also by name or redirect", c12},
	{"C13", "the token endpoint: no redirect is followed, answers are read strictly", c13},
	{"C14", "no implicit, password or out-of-band flow", c14},
}

// query is a parameter of an authorization URL.
func query(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(u.Query()[name]); n > 1 {
		t.Errorf("%s is given %d times", name, n)
	}
	return u.Query().Get(name)
}

func c1(t *testing.T) {
	w := newWorld(t, setup{alone: true}) // its metadata names no PKCE methods
	p := w.login(t)
	seen := map[string]bool{}
	for range 20 {
		f := p.startFlow(t, "openid")
		challenge := query(t, f.URL, "code_challenge")
		if len(challenge) != 43 || query(t, f.URL, "code_challenge_method") != "S256" || query(t, f.URL, "response_type") != "code" || seen[challenge] {
			t.Fatalf("the authorization URL is %s", f.URL)
		}
		seen[challenge] = true
		p.do(t, "DELETE", "/ui/api/flows/"+f.ID, nil, nil)
	}
	w.connect(t, "openid", w.op, "alice")
	for _, r := range w.op.Requests(oauthtest.EndpointToken) {
		if v := r.Params.Get("code_verifier"); len(v) < 43 || len(v) > 128 {
			t.Errorf("the verifier is %q", v)
		}
	}
	// A code of another flow (injected): the verifier does not fit.
	other, mine := p.startFlow(t, "openid"), p.startFlow(t, "openid")
	stolen := w.approve(t, other.URL, "bob")
	browse(t, w.callback(query(t, mine.URL, "state"), query(t, stolen, "code"), w.op.URL))
	if f := p.flow(t, mine.ID); f.State != "failed" {
		t.Errorf("an injected code: the flow is %s", f.State)
	}
}

// flow is a flow as the page sees it.
type flow struct {
	ID      string
	State   string
	URL     string `json:"authorization_url"`
	Account *struct{ Label string }
	Error   *struct{ Code, Message string }
}

func (p *page) startFlow(t *testing.T, slug string) (f flow) {
	t.Helper()
	if status := p.do(t, "POST", "/ui/api/flows", map[string]string{"integration": slug}, &f); status != 201 {
		t.Fatalf("a flow of %s does not start: %d", slug, status)
	}
	return f
}

func (p *page) flow(t *testing.T, id string) (f flow) {
	t.Helper()
	p.do(t, "GET", "/ui/api/flows/"+id, nil, &f)
	return f
}

// callback is the address on which a browser comes back.
func (w *world) callback(state, code, iss string) string {
	return w.AppAPI + "/callback/openid?" + url.Values{"state": {state}, "code": {code}, "iss": {iss}}.Encode()
}

func c2(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	f := p.startFlow(t, "openid")
	state := query(t, f.URL, "state")
	if len(state) < 22 { // 128 bits in base64
		t.Errorf("the state is %q", state)
	}
	good := w.approve(t, f.URL, "alice")
	fill := strings.NewReplacer("STATE", state, "CODE", query(t, good, "code"))
	for _, q := range append(lines(t, "callbacks.txt"), "") {
		a := raw(t, w.addr(), "GET /callback/openid?"+escape(fill.Replace(q))+" HTTP/1.1\r\nHost: "+w.addr()+"\r\n\r\n")
		if a.status != 400 && a.status != 303 || strings.Contains(a.body, "<script>alert") {
			t.Errorf("%q: %d", q, a.status)
		}
		if n := w.op.Count("authorization_code"); n != 0 {
			t.Fatalf("%q caused a token request", q)
		}
	}
	browse(t, good)
	if got := p.flow(t, f.ID); got.State != "confirm" {
		t.Fatalf("after all that the flow is %s", got.State)
	}
	if _, _, status := browse(t, good); status < 400 || w.op.Count("authorization_code") != 1 {
		t.Errorf("a replay: status %d, %d token requests", status, w.op.Count("authorization_code"))
	}
}

// escape makes a query fit for a request line and leaves the rest as it is.
func escape(q string) string {
	return strings.NewReplacer(" ", "%20", "<", "%3C", ">", "%3E", "#", "%23").Replace(q)
}

func c3(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	for name, change := range map[string]func(map[string]any){
		"iss":                     func(c map[string]any) { c["iss"] = "https://evil.example" },
		"no iss":                  func(c map[string]any) { delete(c, "iss") },
		"aud":                     func(c map[string]any) { c["aud"] = "another-client" },
		"no aud":                  func(c map[string]any) { delete(c, "aud") },
		"two aud, azp of another": func(c map[string]any) { c["aud"] = []string{clientID, "x"}; c["azp"] = "x" },
		"no sub":                  func(c map[string]any) { delete(c, "sub") },
		"expired":                 func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"no exp":                  func(c map[string]any) { delete(c, "exp") },
		"no iat":                  func(c map[string]any) { delete(c, "iat") },
		"nonce":                   func(c map[string]any) { c["nonce"] = "another" },
		"no nonce":                func(c map[string]any) { delete(c, "nonce") },
		"at_hash":                 func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" },
	} {
		w.op.Set(func(q *oauthtest.Quirks) { q.IDToken = change })
		f := p.startFlow(t, "openid")
		back := w.approve(t, f.URL, "alice")
		browse(t, back)
		if got := p.flow(t, f.ID); got.State != "failed" {
			t.Errorf("%s: the flow is %s", name, got.State)
		}
	}
	w.op.Set(func(q *oauthtest.Quirks) { q.IDToken = nil })
	// The signature: the same server with answers that pass through a forger.
	forger := newForger(t, w.op)
	w.home.Configure(integration("openid", forger.URL, ""))
	w.Stop()
	w.Hub = w.home.Serve("--listen", w.addr())
	p = w.login(t)
	for _, how := range []string{"none", "HS256", "other key", "unknown kid"} {
		forger.how = how
		f := p.startFlow(t, "openid")
		back := w.approve(t, strings.Replace(f.URL, forger.URL, w.op.URL, 1), "alice")
		browse(t, strings.Replace(back, url.QueryEscape(w.op.URL), url.QueryEscape(forger.URL), 1))
		if got := p.flow(t, f.ID); got.State != "failed" {
			t.Errorf("signature %s: the flow is %s", how, got.State)
		}
	}
	forger.how = ""
	f := p.startFlow(t, "openid")
	back := w.approve(t, strings.Replace(f.URL, forger.URL, w.op.URL, 1), "alice")
	browse(t, strings.Replace(back, url.QueryEscape(w.op.URL), url.QueryEscape(forger.URL), 1))
	if got := p.flow(t, f.ID); got.State != "confirm" {
		t.Errorf("with a good signature the flow is %s: %+v", got.State, got.Error)
	}
}

func c4(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	for _, iss := range []string{"https://evil.example", "-", w.op.URL + "/"} {
		w.op.Set(func(q *oauthtest.Quirks) { q.CallbackIssuer = iss })
		f := p.startFlow(t, "openid")
		back := w.approve(t, f.URL, "alice")
		browse(t, back)
		if got := p.flow(t, f.ID); got.State != "failed" || w.op.Count("authorization_code") != 0 {
			t.Errorf("iss %s: the flow is %s, %d token requests", iss, got.State, w.op.Count("authorization_code"))
		}
	}
}

func c5(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	evil := provider(t, oauthtest.Rules{}, oauthtest.Quirks{})
	w.home.Configure(integration("openid", w.op.URL, "") + integration("evil", evil.URL, ""))
	w.Stop()
	w.Hub = w.home.Serve("--listen", w.addr())
	p := w.login(t)
	honest, attack := p.startFlow(t, "openid"), p.startFlow(t, "evil")
	if a, b := query(t, honest.URL, "redirect_uri"), query(t, attack.URL, "redirect_uri"); a == b {
		t.Errorf("both integrations have the redirect URI %s", a)
	}
	// The attacker's server sends the browser on to the honest one, with the
	// honest redirect URI and the state of its own flow.
	u, err := url.Parse(honest.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("state", query(t, attack.URL, "state"))
	u.RawQuery = q.Encode()
	back := w.approve(t, u.String(), "alice")
	if _, _, status := browse(t, back); status < 400 {
		t.Errorf("the mixed-up answer: status %d", status)
	}
	if n := len(evil.Requests(oauthtest.EndpointToken)) + w.op.Count("authorization_code"); n != 0 {
		t.Errorf("%d token requests", n)
	}
	if got := p.flow(t, attack.ID); got.State != "failed" {
		t.Errorf("the attacker's flow is %s", got.State)
	}
}

func c6(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	f := p.startFlow(t, "openid")
	back := w.approve(t, f.URL, "bob") // a victim who was sent the link
	browse(t, back)
	got := p.flow(t, f.ID)
	if got.State != "confirm" || got.Account == nil || !strings.Contains(got.Account.Label, "bob") {
		t.Fatalf("the flow is %+v", got)
	}
	if a := w.Post(w.rich, vendPath, map[string]any{}); a.Field("active") == "true" {
		t.Errorf("a token before the confirmation: %s", a.Body)
	}
	if status := p.do(t, "DELETE", "/ui/api/flows/"+f.ID, nil, nil); status != 204 {
		t.Errorf("cancel: %d", status)
	}
	rig.Eventually(t, "the refused token is revoked", func() bool { return len(w.op.Requests(oauthtest.EndpointRevoke)) > 0 })
	if a := w.Post(w.rich, vendPath, map[string]any{}); a.Field("active") == "true" {
		t.Errorf("a token after the refusal: %s", a.Body)
	}
}

func c7(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	if _, _, status := browse(t, w.callback("x", "y", w.op.URL)); status != 404 {
		t.Errorf("without a flow: %d", status)
	}
	p := w.login(t)
	f := p.startFlow(t, "openid")
	redirect, err := url.Parse(query(t, f.URL, "redirect_uri"))
	if err != nil || redirect.Hostname() != "127.0.0.1" {
		t.Errorf("the redirect URI is %s", redirect)
	}
	if _, _, status := browse(t, w.callback("x", "y", w.op.URL)); status != 400 {
		t.Errorf("while a flow waits: %d", status)
	}
	second := p.startFlow(t, "openid")
	if query(t, f.URL, "state") == query(t, second.URL, "state") {
		t.Error("two flows have one state")
	}
	for _, one := range []flow{f, second} {
		back := w.approve(t, one.URL, "alice")
		if _, _, status := browse(t, back); status != 200 {
			t.Errorf("a good answer: %d", status)
		}
	}
	if _, _, status := browse(t, w.callback("x", "y", w.op.URL)); status != 404 {
		t.Errorf("after the last flow: %d", status)
	}
	for _, ip := range listening(t, w.port()) {
		if ip != "127.0.0.1" && ip != "::1" {
			t.Errorf("callbacks are taken on %s", ip)
		}
	}
}

func c8(t *testing.T) {
	w := shared(t)
	_, header := get(t, w.UI+"/")
	csp := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the page's policy lacks %q: %s", want, csp)
		}
	}
	for _, bad := range []string{"frame-src", "child-src", "http:", "https:", "*"} {
		if strings.Contains(strings.Replace(csp, "frame-src 'none'", "", 1), bad) {
			t.Errorf("the page's policy has %q: %s", bad, csp)
		}
	}
	// The command line prints the address for the browser, and opens no view of
	// its own; the window's e2e test (TestWindow) follows a real one out.
	if u := w.begin(t, "openid").URL; !strings.HasPrefix(u, w.op.URL+"/authorize?") {
		t.Errorf("the authorization URL is %s", u)
	}
}

func get(t *testing.T, address string) (string, http.Header) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), resp.Header
}

func c9(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	f := p.startFlow(t, "openid")
	back := w.approve(t, f.URL, "alice")
	text, final, status := browse(t, back)
	if status != 200 || final.RawQuery != "" || strings.Contains(text, query(t, back, "code")) {
		t.Errorf("%s (%d)", final, status)
	}
	for _, foreign := range []string{"http://", "https://", "//cdn", "<script"} {
		if strings.Contains(strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, ""), foreign) {
			t.Errorf("the page has %q", foreign)
		}
	}
	for _, description := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, strings.Repeat("A", 4000), "a\x1b[2Jb\r\nSet-Cookie: x=y"} {
		f := p.startFlow(t, "openid")
		q := url.Values{"state": {query(t, f.URL, "state")}, "iss": {w.op.URL}, "error": {"server_error"}, "error_description": {description}}
		text, final, _ := browse(t, w.AppAPI+"/callback/openid?"+q.Encode())
		if strings.Contains(text, "<script>alert") || strings.Contains(text, "<img src=x") || strings.Contains(text, "\x1b") || strings.Count(text, "A") > 1000 || final.RawQuery != "" {
			t.Errorf("error_description %.40q: %s %s", description, final, text)
		}
	}
}

func c10(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	for _, name := range []string{"next", "return_to", "redirect", "url", "continue", "redirect_uri", "post_login_redirect_uri"} {
		f := p.startFlow(t, "openid")
		back := w.approve(t, f.URL, "alice")
		_, final, _ := browse(t, back+"&"+name+"=//evil.com&"+name+"="+url.QueryEscape("https://evil.com"))
		if final.Host != w.addr() {
			t.Errorf("%s led to %s", name, final)
		}
	}
	for _, path := range []string{"//evil.com", "/%2f/evil.com", "/connected/..//evil.com", "/ui//evil.com"} {
		for _, base := range []string{w.addr(), strings.TrimPrefix(w.UI, "http://")} {
			if a := raw(t, base, "GET "+path+" HTTP/1.1\r\nHost: "+base+"\r\n\r\n"); a.header.Get("Location") != "" {
				t.Errorf("%s leads to %s", path, a.header.Get("Location"))
			}
		}
	}
}

// refused starts a flow that must not get as far as a browser, in bounded time.
func refused(t *testing.T, w *world, p *page, slug string, within time.Duration) string {
	t.Helper()
	begin := time.Now()
	b, _ := json.Marshal(map[string]string{"integration": slug})
	req, err := http.NewRequest("POST", p.base+"/ui/api/flows", strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Standpipe-Session", p.session)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode < 400 {
		t.Errorf("%s: a flow starts: %s", slug, text)
	}
	if d := time.Since(begin); d > within {
		t.Errorf("%s: it took %s", slug, d)
	}
	return string(text)
}

// serving is an HTTP server of the test, on loopback.
func serving(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func c11(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	metadata := func(base string) string {
		return fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q,"response_types_supported":["code"]}`,
			base, base+"/authorize", base+"/token", base+"/jwks")
	}
	servers := map[string]*httptest.Server{
		"other-issuer": serving(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, metadata("https://issuer.example"))
		}),
		"huge": serving(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, strings.TrimSuffix(metadata("http://"+r.Host), "}")+`,"x":"`)
			for junk := strings.Repeat("x", 1<<16); ; {
				if _, err := io.WriteString(w, junk); err != nil {
					return
				}
			}
		}),
		"slow": serving(t, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}),
		"other-host": serving(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, strings.ReplaceAll(metadata("http://"+r.Host), "/token", "@evil.example/token"))
		}),
		"not-json": serving(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }),
	}
	hcl := ""
	for name, s := range servers {
		hcl += integration(name, s.URL, "")
	}
	hcl += integration("plain-http", "http://issuer.example", "public")
	w := newWorld(t, setup{alone: true, hcl: hcl})
	p := w.login(t)
	for name := range servers {
		refused(t, w, p, name, 25*time.Second)
	}
	refused(t, w, p, "plain-http", 10*time.Second)
}

func c12(t *testing.T) {
	var reached []string
	bait := serving(t, func(w http.ResponseWriter, r *http.Request) {
		reached = append(reached, r.URL.Path)
		http.NotFound(w, r)
	})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(bait.URL, "http://"))
	hcl := ""
	names := map[string]string{
		"loopback": "https://127.0.0.1:" + port, "localhost": "https://localhost:" + port, "loopback6": "https://[::1]:" + port,
		"mapped": "https://[::ffff:127.0.0.1]:" + port, "metadata": "https://169.254.169.254", "private10": "https://10.0.0.1", "private192": "https://192.168.0.1",
		"unique-local": "https://[fd00::1]", "link-local": "https://[fe80::1]", "zero": "https://0.0.0.0:" + port, "decimal": "https://2130706433:" + port,
		"cgnat": "https://100.64.0.1", "http-metadata": "http://169.254.169.254",
	}
	for name, issuer := range names {
		hcl += integration(name, issuer, "public")
	}
	// A private integration may reach what it names, and nothing beside it.
	jump := serving(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, bait.URL+"/jumped", http.StatusFound)
	})
	hcl += integration("jump", jump.URL, "private")
	w := newWorld(t, setup{alone: true, hcl: hcl})
	p := w.login(t)
	for name := range names {
		refused(t, w, p, name, 15*time.Second)
	}
	refused(t, w, p, "jump", 15*time.Second)
	if len(reached) > 0 {
		t.Errorf("the bait was reached: %v", reached)
	}
}

func c13(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	var stolen []string
	thief := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		stolen = append(stolen, r.URL.Path+" "+string(b)+" "+r.Header.Get("Authorization"))
	})
	front := newForger(t, w.op)
	w.home.Configure(integration("openid", front.URL, ""))
	w.Stop()
	w.Hub = w.home.Serve("--listen", w.addr())
	p := w.login(t)
	try := func() flow {
		f := p.startFlow(t, "openid")
		back := w.approve(t, strings.Replace(f.URL, front.URL, w.op.URL, 1), "alice")
		browse(t, strings.Replace(back, url.QueryEscape(w.op.URL), url.QueryEscape(front.URL), 1))
		return p.flow(t, f.ID)
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		front.token = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL+"/token", status) }
		if f := try(); f.State != "failed" {
			t.Errorf("a redirect with %d: the flow is %s", status, f.State)
		}
	}
	if len(stolen) > 0 {
		t.Errorf("the thief got %v", stolen)
	}
	for _, body := range lines(t, "answers.txt") {
		front.token = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.NewReplacer(`\r`, "\r", `\0`, "\x00", "LONG", strings.Repeat("x", 2<<20), "DEEP", strings.Repeat("[", 20_000)).Replace(body))
		}
		if f := try(); f.State != "failed" {
			t.Errorf("the answer %.80s: the flow is %s", body, f.State)
		}
	}
	front.token = nil
	front.change = func(answer map[string]any) { answer["token_type"] = "bEaReR"; delete(answer, "expires_in") }
	if f := try(); f.State != "confirm" {
		t.Errorf("token_type in odd case, no expires_in: the flow is %s: %+v", f.State, f.Error)
	}
}

func c14(t *testing.T) {
	for _, hcl := range []string{"authorize_params = { response_type = \"token\" }", "grant = \"password\"", "response_type = \"token\""} {
		h := rig.NewHome(t)
		h.Configure(fmt.Sprintf("provider \"implicit\" {\n  name = \"x\"\n  description = \"x\"\n  authorize_url = \"https://p.example/a\"\n  token_url = \"https://p.example/t\"\n  %s\n}\n", hcl))
		if r := h.Try("config", "check"); r.Exit == 0 {
			t.Errorf("%s is taken: %s%s", hcl, r.Stdout, r.Stderr)
		}
	}
	// What a plugin or a provider might say instead is not listened to: the page
	// that gets a token in its fragment has no script, and one in the query fails.
	w := newWorld(t, setup{alone: true})
	p := w.login(t)
	f := p.startFlow(t, "openid")
	browse(t, w.AppAPI+"/callback/openid?"+url.Values{"state": {query(t, f.URL, "state")}, "iss": {w.op.URL}, "access_token": {"at"}, "token_type": {"Bearer"}}.Encode())
	if got := p.flow(t, f.ID); got.State != "failed" {
		t.Errorf("an implicit answer: the flow is %s", got.State)
	}
	if u := query(t, f.URL, "redirect_uri"); strings.HasPrefix(u, "urn:") || query(t, f.URL, "response_type") != "code" {
		t.Errorf("the authorization URL is %s", f.URL)
	}
}

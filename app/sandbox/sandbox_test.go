// SPDX-License-Identifier: Apache-2.0

package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/app/sandbox"
)

const redirectURI = "http://127.0.0.1:4780/callback/github"

// browser is a person with a browser in front of the sandbox.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
}

func open(t *testing.T, o sandbox.Options) *browser {
	t.Helper()
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return visit(t, srv.URL)
}

func visit(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/callback/") {
			return http.ErrUseLastResponse // nobody listens there in these tests
		}
		return nil
	}}
	return &browser{t, base, c}
}

type page struct {
	status   int
	body     string
	location *url.URL // where a redirect leads
	header   http.Header
	url      *url.URL
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	resp, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{status: resp.StatusCode, body: string(body), header: resp.Header, url: resp.Request.URL}
	p.location, _ = resp.Location()
	return p
}

func (b *browser) get(path string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, form url.Values, header ...string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`)

// submit sends the form of a page with one more field.
func (b *browser) submit(p page, path, name, value string) page {
	b.t.Helper()
	form := url.Values{name: {value}}
	for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(m[2]))
	}
	return b.post(path, form)
}

type flow struct{ verifier, state string }

func (f flow) authorizePath(change func(url.Values)) string {
	q := url.Values{
		"client_id": {sandbox.ClientID}, "redirect_uri": {redirectURI}, "state": {f.state}, "scope": {"repo user:email made:up"},
		"response_type": {"code"}, "code_challenge": {oauth2.S256ChallengeFromVerifier(f.verifier)}, "code_challenge_method": {"S256"},
	}
	if change != nil {
		change(q)
	}
	return "/github/login/oauth/authorize?" + q.Encode()
}

func newFlow() flow { return flow{oauth2.GenerateVerifier(), "s&t<a>te"} }

// consent goes from the authorization URL to the code.
func (b *browser) consent(f flow, login string) string {
	b.t.Helper()
	signIn := b.get(f.authorizePath(nil))
	if !strings.Contains(signIn.body, "Sign in to GitHub") {
		b.t.Fatalf("no login page: %s", signIn.body)
	}
	ask := b.submit(signIn, "/github/session", "login", login)
	if !strings.Contains(ask.body, "Authorize Standpipe") || !strings.Contains(ask.body, login) {
		b.t.Fatalf("no consent page: %d %s", ask.status, ask.body)
	}
	back := b.submit(ask, "/github/login/oauth/authorize", "decision", "authorize")
	if back.location == nil || !strings.HasPrefix(back.location.String(), redirectURI+"?") || back.location.Query().Get("state") != f.state {
		b.t.Fatalf("back to %v", back.location)
	}
	return back.location.Query().Get("code")
}

// token posts to the token endpoint and reads the JSON.
func (b *browser) token(fields ...string) map[string]any {
	b.t.Helper()
	form := url.Values{"client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	p := b.post("/github/login/oauth/access_token", form, "Accept", "application/json")
	var out map[string]any
	if err := json.Unmarshal([]byte(p.body), &out); err != nil || p.status != 200 {
		b.t.Fatalf("token answer %d %s", p.status, p.body)
	}
	return out
}

func (b *browser) connect(login string) map[string]any {
	b.t.Helper()
	f := newFlow()
	return b.token("code", b.consent(f, login), "code_verifier", f.verifier, "redirect_uri", redirectURI)
}

func (b *browser) api(method, path, body string, authorize func(*http.Request)) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+"/github/api/v3"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	authorize(r)
	return b.do(r)
}

func bearer(token any) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.(string)) }
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(id, secret) }
}

func TestGitHubFromConsentToRevocation(t *testing.T) {
	b := open(t, sandbox.Options{})
	first := b.connect("hubot-demo")
	if first["scope"] != "repo,user:email" || first["expires_in"] != 28800.0 || first["refresh_token_expires_in"] != 15897600.0 || first["token_type"] != "bearer" {
		t.Errorf("token answer %v", first)
	}
	me := b.api("GET", "/user", "", bearer(first["access_token"]))
	if me.status != 200 || !strings.Contains(me.body, `"login":"hubot-demo"`) || me.header.Get("X-OAuth-Scopes") != "repo, user:email" {
		t.Errorf("user %d %s %v", me.status, me.body, me.header)
	}

	second := b.token("grant_type", "refresh_token", "refresh_token", first["refresh_token"].(string))
	if got := b.api("GET", "/user", "", bearer(first["access_token"])); got.status != 401 || !strings.Contains(got.body, `"message":"Bad credentials"`) {
		t.Errorf("the old access token after a refresh: %d %s", got.status, got.body)
	}
	if got := b.token("grant_type", "refresh_token", "refresh_token", first["refresh_token"].(string)); got["error"] != "bad_refresh_token" {
		t.Errorf("the old refresh token: %v", got)
	}

	body := `{"access_token":"` + second["access_token"].(string) + `"}`
	path := "/applications/" + sandbox.ClientID + "/token"
	for name, tt := range map[string]struct {
		path string
		auth func(*http.Request)
		body string
		want int
	}{
		"NoAuth":      {path, func(*http.Request) {}, body, 401},
		"WrongSecret": {path, basic(sandbox.ClientID, "x"), body, 401},
		"OtherApp":    {"/applications/other/token", basic(sandbox.ClientID, sandbox.ClientSecret), body, 404},
		"NoToken":     {path, basic(sandbox.ClientID, sandbox.ClientSecret), `{}`, 422},
		"Unknown":     {path, basic(sandbox.ClientID, sandbox.ClientSecret), `{"access_token":"gho_x"}`, 404},
	} {
		if got := b.api("DELETE", tt.path, tt.body, tt.auth); got.status != tt.want {
			t.Errorf("%s: %d, want %d", name, got.status, tt.want)
		}
	}
	if got := b.api("DELETE", path, body, basic(sandbox.ClientID, sandbox.ClientSecret)); got.status != 204 {
		t.Errorf("revoke: %d %s", got.status, got.body)
	}
	if got := b.api("GET", "/user", "", bearer(second["access_token"])); got.status != 401 {
		t.Errorf("a revoked token: %d", got.status)
	}
}

func TestGitHubGrantRevocationReachesFurther(t *testing.T) {
	b := open(t, sandbox.Options{})
	one, two := b.connect("octocat-demo"), visit(t, b.base).connect("octocat-demo")
	other := visit(t, b.base).connect("hubot-demo")
	b.api("DELETE", "/applications/"+sandbox.ClientID+"/grant", `{"access_token":"`+one["access_token"].(string)+`"}`, basic(sandbox.ClientID, sandbox.ClientSecret))
	for token, want := range map[any]int{one["access_token"]: 401, two["access_token"]: 401, other["access_token"]: 200} {
		if got := b.api("GET", "/user", "", bearer(token)); got.status != want {
			t.Errorf("status %d, want %d", got.status, want)
		}
	}
}

func TestGitHubTokenErrorsHaveStatus200(t *testing.T) {
	b := open(t, sandbox.Options{})
	f := newFlow()
	code := b.consent(f, "octocat-demo")
	for _, tt := range []struct {
		want   string
		fields []string
	}{
		{"incorrect_client_credentials", []string{"code", code, "client_secret", "wrong"}},
		{"incorrect_client_credentials", []string{"code", code, "client_id", "wrong"}},
		{"redirect_uri_mismatch", []string{"code", code, "code_verifier", f.verifier, "redirect_uri", "http://127.0.0.1:1/callback/github"}},
		{"bad_verification_code", []string{"code", code, "code_verifier", oauth2.GenerateVerifier(), "redirect_uri", redirectURI}},
		{"bad_verification_code", []string{"code", code, "redirect_uri", redirectURI}},
		{"bad_verification_code", []string{"code", "nonsense"}},
		{"bad_refresh_token", []string{"grant_type", "refresh_token", "refresh_token", "nonsense"}},
		{"unsupported_grant_type", []string{"grant_type", "password"}},
	} {
		if got := b.token(tt.fields...); got["error"] != tt.want || got["error_description"] == "" {
			t.Errorf("%v: %v, want %s", tt.fields, got, tt.want)
		}
	}
	if got := b.token("code", code, "code_verifier", f.verifier); got["access_token"] == nil {
		t.Errorf("the right code after all: %v", got)
	}
	if got := b.token("code", code, "code_verifier", f.verifier); got["error"] != "bad_verification_code" {
		t.Errorf("the code a second time: %v", got)
	}
}

func TestGitHubAnswersAFormUnlessJSONIsAccepted(t *testing.T) {
	b := open(t, sandbox.Options{})
	f := newFlow()
	p := b.post("/github/login/oauth/access_token", url.Values{
		"client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret},
		"code": {b.consent(f, "octocat-demo")}, "code_verifier": {f.verifier},
	})
	got, err := url.ParseQuery(p.body)
	if err != nil || !strings.HasPrefix(got.Get("access_token"), "gho_") || got.Get("scope") != "repo,user:email" {
		t.Errorf("%s (%v)", p.body, err)
	}
}

func TestGitHubAuthorizationRules(t *testing.T) {
	b := open(t, sandbox.Options{})
	for name, tt := range map[string]struct {
		change func(url.Values)
		status int
	}{
		"OtherPort":     {func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1:9999/callback/github") }, 200},
		"SubPath":       {func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1:9999/callback/github/work") }, 200},
		"OtherPath":     {func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1:4780/callback/githubs") }, 400},
		"DotDot":        {func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1:4780/callback/github/../x") }, 400},
		"OtherHost":     {func(q url.Values) { q.Set("redirect_uri", "http://evil.test/callback/github") }, 400},
		"Userinfo":      {func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1@evil.test/callback/github") }, 400},
		"Localhost":     {func(q url.Values) { q.Set("redirect_uri", "http://localhost:4780/callback/github") }, 400},
		"HTTPS":         {func(q url.Values) { q.Set("redirect_uri", "https://127.0.0.1/callback/github") }, 400},
		"UnknownClient": {func(q url.Values) { q.Set("client_id", "x") }, 404},
	} {
		t.Run(name, func(t *testing.T) {
			if got := b.get(newFlow().authorizePath(tt.change)); got.status != tt.status || got.location != nil {
				t.Errorf("status %d to %v, want %d", got.status, got.location, tt.status)
			}
		})
	}
	if got := b.get(newFlow().authorizePath(func(q url.Values) { q.Set("code_challenge_method", "plain") })); got.location == nil || got.location.Query().Get("error") != "invalid_request" {
		t.Errorf("plain PKCE leads to %v", got.location)
	}
}

func TestCancelAndSwitch(t *testing.T) {
	b := open(t, sandbox.Options{})
	f := newFlow()
	ask := b.submit(b.get(f.authorizePath(nil)), "/github/session", "login", "octocat-demo")
	back := b.submit(ask, "/github/login/oauth/authorize", "decision", "cancel")
	if q := back.location.Query(); q.Get("error") != "access_denied" || q.Get("state") != f.state || q.Has("code") {
		t.Errorf("cancel leads to %v", back.location)
	}
	if p := b.get(f.authorizePath(nil)); !strings.Contains(p.body, "account <strong>octocat-demo</strong>") {
		t.Error("a second visit does not go to the consent page")
	}
	for _, q := range [][3]string{{"prompt", "select_account", "hubot-demo"}, {"login", "octocat-demo", "octocat-demo"}} {
		p := b.get(f.authorizePath(func(v url.Values) { v.Set(q[0], q[1]) }))
		if !strings.Contains(p.body, "Sign in to GitHub") {
			t.Errorf("%v does not ask for the account", q)
			continue
		}
		if p = b.submit(p, "/github/session", "login", q[2]); !strings.Contains(p.body, "account <strong>"+q[2]+"</strong>") {
			t.Errorf("%v: choosing an account does not lead on", q)
		}
	}
}

func TestPagesAreInert(t *testing.T) {
	b := open(t, sandbox.Options{})
	f := flow{oauth2.GenerateVerifier(), `"><img src=x onerror=alert(1)>`}
	signIn := b.get(f.authorizePath(nil))
	ask := b.submit(signIn, "/github/session", "login", "octocat-demo")
	for _, p := range []page{b.get("/"), b.get("/github/"), signIn, ask, b.get("/github/login?return_to=%22%3E%3Cscript%3E")} {
		csp := p.header.Get("Content-Security-Policy")
		if p.status != 200 || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %d, policy %q", p.url, p.status, csp)
		}
		if strings.Contains(p.body, "<script") || strings.Contains(p.body, "<img") || strings.Contains(p.body, "style=") {
			t.Errorf("%s holds something active: %s", p.url, p.body)
		}
		if !strings.Contains(p.body, "Standpipe sandbox") || !strings.Contains(p.body, "simulation") {
			t.Errorf("%s does not say what it is", p.url)
		}
	}
	if csp := ask.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://127.0.0.1:4780;") {
		t.Errorf("the consent form may not lead to the callback: %q", csp)
	}
	for _, to := range []string{"https://evil.test/github/login/oauth/authorize", "//evil.test/github/login/oauth/authorize", "/github/", "/other"} {
		if p := b.post("/github/session", url.Values{"login": {"octocat-demo"}, "return_to": {to}}); p.status != 422 {
			t.Errorf("return_to %q: %d to %s", to, p.status, p.url)
		}
	}
}

func TestAnotherSiteCannotPressTheButtons(t *testing.T) {
	b := open(t, sandbox.Options{})
	b.connect("octocat-demo")
	for _, path := range []string{"/github/session", "/github/login/oauth/authorize", "/github/settings/applications/revoke"} {
		if p := b.post(path, url.Values{"login": {"octocat-demo"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"); p.status != 403 {
			t.Errorf("%s: %d, want 403", path, p.status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.test"
	if p := b.do(r); p.status != 421 {
		t.Errorf("another host name: %d, want 421", p.status)
	}
}

func TestUserRevokes(t *testing.T) {
	b := open(t, sandbox.Options{})
	tokens := b.connect("octocat-demo")
	b.post("/github/settings/applications/revoke", url.Values{"login": {"octocat-demo"}})
	if got := b.api("GET", "/user", "", bearer(tokens["access_token"])); got.status != 401 {
		t.Errorf("status %d", got.status)
	}
	if got := b.token("grant_type", "refresh_token", "refresh_token", tokens["refresh_token"].(string)); got["error"] != "bad_refresh_token" {
		t.Errorf("refresh %v", got)
	}
}

func TestLives(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := open(t, sandbox.Options{AccessLife: time.Minute, Now: func() time.Time { return now }})
	tokens := b.connect("octocat-demo")
	now = now.Add(time.Minute)
	if got := b.api("GET", "/user", "", bearer(tokens["access_token"])); got.status != 401 {
		t.Errorf("an expired token: %d", got.status)
	}
	if got := b.token("grant_type", "refresh_token", "refresh_token", tokens["refresh_token"].(string)); got["expires_in"] != 60.0 {
		t.Errorf("refresh: %v", got)
	}
	classic := open(t, sandbox.Options{AccessLife: -1}).connect("octocat-demo")
	if classic["expires_in"] != nil || classic["refresh_token"] != nil {
		t.Errorf("a classic token: %v", classic)
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "sandbox.json")
	b := open(t, sandbox.Options{StateFile: file})
	first := b.connect("octocat-demo")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []any{first["access_token"], first["refresh_token"]} {
		if strings.Contains(string(raw), token.(string)) {
			t.Error("a token is in the state file as it is")
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}

	again := open(t, sandbox.Options{StateFile: file})
	if got := again.api("GET", "/user", "", bearer(first["access_token"])); got.status != 200 {
		t.Errorf("the token after a restart: %d", got.status)
	}
	second := again.token("grant_type", "refresh_token", "refresh_token", first["refresh_token"].(string))
	third := open(t, sandbox.Options{StateFile: file})
	if got := third.token("grant_type", "refresh_token", "refresh_token", first["refresh_token"].(string)); got["error"] != "bad_refresh_token" {
		t.Errorf("a spent token works again after a restart: %v", got)
	}
	if got := third.token("grant_type", "refresh_token", "refresh_token", second["refresh_token"].(string)); got["access_token"] == nil {
		t.Errorf("the new token after a restart: %v", got)
	}

	if err := os.WriteFile(file, []byte(`{"github":{"tokens":{"x":{"grant":"y"}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.New(sandbox.Options{StateFile: file}); err == nil || !strings.Contains(err.Error(), "delete") {
		t.Errorf("a damaged state file: %v", err)
	}
}

func TestRun(t *testing.T) {
	for _, bad := range []string{"0.0.0.0:0", "localhost:0", "192.0.2.1:0", ":0", "nonsense"} {
		if err := sandbox.Run(t.Context(), bad, sandbox.Options{}, nil); err == nil {
			t.Errorf("listens on %s", bad)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- sandbox.Run(ctx, "127.0.0.1:0", sandbox.Options{}, func(u string) { ready <- u })
	}()
	if p := visit(t, <-ready).get("/"); p.status != 200 || !strings.Contains(p.body, `href="/github/"`) {
		t.Errorf("index: %d %s", p.status, p.body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run ended with %v", err)
	}
}

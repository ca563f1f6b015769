// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

const (
	gitHubAccessLife  = 8 * time.Hour
	gitHubRefreshLife = 15897600 * time.Second // GitHub's number: half a year
)

// gitHub plays github.com with an OAuth App whose tokens expire, or, by a switch,
// with a GitHub App. What it does
// like GitHub: codes of ten minutes at most (ours: one), any loopback port and
// any sub-path of the callback URL, scopes by space or comma in a request and
// by comma in an answer, errors with status 200, a device flow without a secret, answers as a form unless JSON
// is accepted, a refresh that ends both old tokens, revocation by DELETE, the
// granted scopes in a header. What it does not: it asks for consent each time,
// even where the same was granted before.
type gitHub struct {
	*site
	mux *http.ServeMux
	app gitHubApp
}

// gitHubUsers are the accounts; the subject is GitHub's numeric id.
var gitHubUsers = []oauthtest.User{
	{Subject: "90000001", Login: "octocat-demo", Name: "Octocat (demo)", Email: "octocat-demo@example.test"},
	{Subject: "90000002", Login: "hubot-demo", Name: "Hubot (demo)", Email: "hubot-demo@example.test"},
}

func newGitHub(o Options) *gitHub {
	life := gitHubAccessLife
	if o.AccessLife != 0 {
		life = max(o.AccessLife, 0)
	}
	g := &gitHub{mux: http.NewServeMux(), app: gitHubApp{On: o.GitHubApp, Installed: map[string]int{}}, site: &site{
		switches: &switches{}, id: "github", title: "GitHub", authorizePath: "/login/oauth/authorize", devicePath: "/login/device",
		scopes: gitHubScopes, hint: "login",
	}}
	g.read, g.more = g.readRequest, g.controls
	g.words = func(scopes []string) []scopeText {
		if g.app.on() {
			return gitHubAppConsent
		}
		return g.inWords(scopes)
	}
	g.actions = map[string]func(url.Values) bool{
		"app":       g.turn,
		"install":   func(form url.Values) bool { return g.install(form, true) },
		"uninstall": func(form url.Values) bool { return g.install(form, false) },
	}
	g.Authority = oauthtest.NewAuthority([]oauthtest.Client{client(g.slug())}, gitHubUsers, oauthtest.Rules{
		LivesFor: func(scopes []string) oauthtest.Lives {
			lives := oauthtest.Lives{Access: life, Refresh: gitHubRefreshLife, NoRefresh: life == 0}
			if lives.NoRefresh && slices.Contains(scopes, "offline_access") { // asked for, whatever the app's setting
				lives = oauthtest.Lives{Access: gitHubAccessLife, Refresh: gitHubRefreshLife}
			}
			return lives
		},
		Rotate: true, RefreshKillsAccess: true, RedirectOptional: true,
		NewToken: g.newToken, Now: o.Now,
	})
	api := http.NewServeMux()
	api.HandleFunc("POST /login/oauth/access_token", g.token)
	api.HandleFunc("POST /login/device/code", g.deviceCode)
	api.HandleFunc("GET /api/v3/user", g.api("", "", g.user))
	api.HandleFunc("GET /api/v3/user/emails", g.api("user:email", "email_addresses=read", g.emails))
	api.HandleFunc("GET /api/v3/user/repos", g.api("", "metadata=read", g.repositories))
	api.HandleFunc("GET /api/v3/user/installations", g.api("", "", g.installations))
	api.HandleFunc("/api/v3/applications/{client_id}/token", g.application(g.oneToken))
	api.HandleFunc("DELETE /api/v3/applications/{client_id}/grant", g.application(g.wholeGrant))
	api.HandleFunc("/api/v3/", func(w http.ResponseWriter, _ *http.Request) { apiError(w, http.StatusNotFound, "Not Found") })
	g.mux.Handle("/", g.pages())
	// Programs take no cookie and need no guard.
	for _, path := range []string{"POST /login/oauth/access_token", "POST /login/device/code", "/api/v3/"} {
		g.mux.Handle(path, g.troubled(api))
	}
	return g
}

// ServeHTTP implements http.Handler.
func (g *gitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// newToken makes tokens that look like GitHub's.
func (g *gitHub) newToken(kind string) string {
	switch kind {
	case "access":
		if g.app.on() {
			return "ghu_" + letters(36)
		}
		return "gho_" + letters(36)
	case "refresh":
		return "ghr_" + letters(76)
	case "code":
		return strings.ToLower(letters(20))
	default:
		return letters(32)
	}
}

// letters is n random letters and digits. Taking a byte modulo 32 of a
// 32-letter alphabet favours none.
func letters(n int) string {
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b)
}

// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// gitHubApp is the other kind of app that GitHub knows: what it may do are
// permissions of the app instead of scopes of the token, and it reaches only the
// accounts in which it is installed.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
type gitHubApp struct {
	mu        sync.Mutex
	On        bool           `json:"on"` // the sandbox's client is one; else it is an OAuth App
	Installed map[string]int `json:"installed"`
}

// gitHubPermissions are those of the app. It may not read e-mail addresses.
var gitHubPermissions = map[string]string{"contents": "write", "issues": "write", "metadata": "read"}

// gitHubAppConsent is what GitHub's page says in place of scopes.
var gitHubAppConsent = []scopeText{
	{Title: "Verify your identity", Detail: "Read your login and public profile"},
	{Title: "Know which resources you can access", Detail: "See where the app is installed"},
	{Title: "Act on your behalf", Detail: "Within the app’s permissions (contents, issues), where it is installed"},
}

func (a *gitHubApp) on() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.On
}

func (a *gitHubApp) installation(login string) (id int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, ok = a.Installed[login]
	return id, ok
}

// readRequest drops the scopes of a GitHub App, which GitHub does not look at.
func (g *gitHub) readRequest(q url.Values) (*oauthtest.Request, *oauthtest.Problem) {
	r, p := g.Check(q)
	if r != nil {
		r.Scopes = g.granted(r.Scopes)
	}
	return r, p
}

// granted are the scopes that a token gets of those that were asked for.
func (g *gitHub) granted(asked []string) []string {
	if g.app.on() {
		return []string{}
	}
	return g.known(asked)
}

// turn is POST /sandbox/app: kind=github-app or oauth-app. The two are separate
// registrations at GitHub, so what the one was granted does not outlive it.
func (g *gitHub) turn(form url.Values) bool {
	kind := form.Get("kind")
	if kind != "github-app" && kind != "oauth-app" {
		return false
	}
	g.app.mu.Lock()
	changed := g.app.On != (kind == "github-app")
	g.app.On = kind == "github-app"
	g.app.mu.Unlock()
	if changed {
		for _, u := range g.Users() {
			g.RevokeUser(u.Login)
		}
	}
	return true
}

// install is POST /sandbox/install and /sandbox/uninstall: login=LOGIN.
func (g *gitHub) install(form url.Values, in bool) bool {
	u, ok := g.UserByLogin(form.Get("login"))
	g.app.mu.Lock()
	defer g.app.mu.Unlock()
	switch {
	case !ok || !g.app.On:
		return false
	case in:
		g.app.Installed[u.Login] = 50000000 + gitHubID(u)
	default:
		delete(g.app.Installed, u.Login)
	}
	return true
}

// controls are the switches on the page that only GitHub has.
func (g *gitHub) controls() controls {
	if !g.app.on() {
		return controls{
			Text:    "The app is an OAuth App: its tokens have scopes.",
			Buttons: []control{{Action: "app", Name: "kind", Value: "github-app", Label: "Make it a GitHub App"}},
		}
	}
	out := controls{
		Text:    "The app is a GitHub App: its tokens have the app’s permissions, and reach only the accounts in which it is installed.",
		Buttons: []control{{Action: "app", Name: "kind", Value: "oauth-app", Label: "Make it an OAuth App"}},
		Users:   map[string]control{},
	}
	for _, u := range g.Users() {
		out.Users[u.Login] = control{Action: "install", Name: "login", Value: u.Login, Label: "Install the app"}
		if _, ok := g.app.installation(u.Login); ok {
			out.Users[u.Login] = control{Action: "uninstall", Name: "login", Value: u.Login, Label: "Uninstall the app"}
		}
	}
	return out
}

// installations is GET /user/installations.
func (g *gitHub) installations(w http.ResponseWriter, _ *http.Request, info oauthtest.Info) {
	if !g.app.on() {
		apiError(w, http.StatusForbidden, "You must authenticate with an access token authorized to a GitHub App in order to list installations")
		return
	}
	list := []any{}
	if id, ok := g.app.installation(info.User.Login); ok {
		list = append(list, map[string]any{
			"id": id, "app_slug": "standpipe-sandbox", "target_type": "User", "repository_selection": "all",
			"permissions": gitHubPermissions, "events": []string{}, "suspended_at": nil,
			"account": map[string]any{"id": gitHubID(info.User), "login": info.User.Login, "type": "User"},
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"total_count": len(list), "installations": list})
}

// repositories is GET /user/repos: a public and a private one, as far as the
// token reaches.
func (g *gitHub) repositories(w http.ResponseWriter, _ *http.Request, info oauthtest.Info) {
	_, installed := g.app.installation(info.User.Login)
	list := []any{}
	add := func(id int, name string, private bool) {
		list = append(list, map[string]any{
			"id": id, "name": name, "full_name": info.User.Login + "/" + name, "private": private,
			"owner": map[string]any{"id": gitHubID(info.User), "login": info.User.Login, "type": "User"},
		})
	}
	if !g.app.on() || installed {
		add(1, "hello-world", false)
	}
	if g.app.on() && installed || slices.Contains(info.Scopes, "repo") {
		add(2, "plans", true)
	}
	writeJSON(w, http.StatusOK, list)
}

// Snapshot implements player. It is the authority's, with the app beside it.
func (g *gitHub) Snapshot() ([]byte, error) {
	parts, err := g.Authority.Snapshot()
	if err != nil {
		return nil, err
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(parts, &all); err != nil {
		return nil, err
	}
	g.app.mu.Lock()
	defer g.app.mu.Unlock()
	if all["app"], err = json.Marshal(&g.app); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// Restore implements player.
func (g *gitHub) Restore(snapshot []byte) error {
	var part struct {
		App *gitHubApp `json:"app"`
	}
	if err := json.Unmarshal(snapshot, &part); err != nil {
		return err
	}
	if part.App != nil {
		g.app.mu.Lock()
		g.app.On = part.App.On
		maps.Copy(g.app.Installed, part.App.Installed)
		g.app.mu.Unlock()
	}
	return g.Authority.Restore(snapshot)
}

// permissionHeader says what an endpoint wants of a GitHub App, in the form
// "contents=read".
func permissionHeader(w http.ResponseWriter, permission string) {
	if permission == "" {
		permission = "allows_permissionless_access=true"
	}
	w.Header().Set("X-Accepted-GitHub-Permissions", permission)
}

// permitted reports whether the app has a permission, such as "issues=read".
func permitted(permission string) bool {
	name, level, _ := strings.Cut(permission, "=")
	has := gitHubPermissions[name]
	return permission == "" || has == level || has == "write"
}

func gitHubID(u oauthtest.User) int {
	id, _ := strconv.Atoi(u.Subject) // ours are numbers
	return id
}

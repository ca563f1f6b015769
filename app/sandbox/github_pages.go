// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

const (
	gitHubBase    = "/github"
	gitHubSession = "standpipe_sandbox_github"
	authorizePath = gitHubBase + "/login/oauth/authorize"
)

func (g *gitHub) home(w http.ResponseWriter, _ *http.Request) {
	render(w, http.StatusOK, "", "github_home.html", map[string]any{"Base": gitHubBase, "Users": g.Users()})
}

// signedIn is the account of the browser's session. The cookie is only a
// choice between two made-up accounts.
func (g *gitHub) signedIn(r *http.Request) (oauthtest.User, bool) {
	c, err := r.Cookie(gitHubSession)
	if err != nil {
		return oauthtest.User{}, false
	}
	return g.UserByLogin(c.Value)
}

func (g *gitHub) login(w http.ResponseWriter, r *http.Request) {
	g.showLogin(w, r.URL.Query().Get("return_to"))
}

func (g *gitHub) showLogin(w http.ResponseWriter, returnTo string) {
	c, _ := g.Client(ClientID)
	render(w, http.StatusOK, "", "github_login.html", map[string]any{
		"Base": gitHubBase, "ReturnTo": returnTo, "Users": g.Users(), "App": c.Name,
	})
}

// session signs an account in and goes back to the authorization request.
func (g *gitHub) session(w http.ResponseWriter, r *http.Request) {
	u, ok := g.UserByLogin(r.PostFormValue("login"))
	returnTo, err := url.Parse(r.PostFormValue("return_to"))
	if !ok || err != nil || returnTo.IsAbs() || returnTo.Host != "" || returnTo.Path != authorizePath {
		g.problem(w, http.StatusUnprocessableEntity, "This cannot be done", "The account or the page to return to is not known.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: gitHubSession, Value: u.Login, Path: gitHubBase + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	q := returnTo.Query()
	q.Del("prompt") // the account was chosen just now
	q.Del("login")
	http.Redirect(w, r, authorizePath+"?"+q.Encode(), http.StatusSeeOther)
}

// authorize shows the login page or the consent page.
func (g *gitHub) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	request, p := g.Check(q)
	if p != nil {
		g.refuse(w, r, request, p)
		return
	}
	request.Scopes = knownScopes(request.Scopes)
	user, ok := g.signedIn(r)
	hint := q.Get("login")
	if !ok || q.Get("prompt") == "select_account" || hint != "" && hint != user.Login {
		g.showLogin(w, authorizePath+"?"+r.URL.RawQuery)
		return
	}
	c, _ := g.Client(request.ClientID)
	origin := originOf(request.RedirectURI)
	switchTo := url.Values{"return_to": {authorizePath + "?" + r.URL.RawQuery}}
	render(w, http.StatusOK, origin, "github_consent.html", map[string]any{
		"Base": gitHubBase, "App": c.Name, "User": user, "Scopes": inWords(request.Scopes),
		"Request": r.URL.RawQuery, "Origin": origin, "Switch": gitHubBase + "/login?" + switchTo.Encode(),
	})
}

// decide takes the answer of the consent page. The request is checked again:
// what comes from a browser is not what was sent to it.
func (g *gitHub) decide(w http.ResponseWriter, r *http.Request) {
	q, err := url.ParseQuery(r.PostFormValue("request"))
	if err != nil {
		g.problem(w, http.StatusUnprocessableEntity, "This cannot be done", "The authorization request cannot be read.")
		return
	}
	request, p := g.Check(q)
	if p != nil {
		g.refuse(w, r, request, p)
		return
	}
	user, ok := g.signedIn(r)
	if !ok {
		g.showLogin(w, authorizePath+"?"+q.Encode())
		return
	}
	if r.PostFormValue("decision") != "authorize" {
		g.refuse(w, r, request, &oauthtest.Problem{Code: "access_denied", Text: "The user has denied your application access."})
		return
	}
	request.Scopes = knownScopes(request.Scopes)
	code, p := g.Approve(request, user.Login)
	if p != nil {
		g.refuse(w, r, request, p)
		return
	}
	// GitHub sends no iss.
	http.Redirect(w, r, request.Callback(code, "", nil), http.StatusFound)
}

// refuse takes a problem back to the application, or shows it where the
// application or its redirect URI is the problem.
func (g *gitHub) refuse(w http.ResponseWriter, r *http.Request, request *oauthtest.Request, p *oauthtest.Problem) {
	switch {
	case request != nil:
		http.Redirect(w, r, request.Callback("", "", p), http.StatusFound)
	case p.Code == "redirect_uri_mismatch":
		c, _ := g.Client(ClientID)
		g.problem(w, http.StatusBadRequest, "Be careful!",
			"The redirect_uri is not associated with this application. The sandbox accepts "+strings.Join(c.RedirectURIs, ", ")+" with any port.")
	default:
		g.problem(w, http.StatusNotFound, "Not found", "There is no application with this client ID. The sandbox knows one: "+ClientID+".")
	}
}

func (g *gitHub) problem(w http.ResponseWriter, status int, title, text string) {
	render(w, status, "", "github_problem.html", map[string]any{"Title": title, "Text": text})
}

// revokeAsUser is the button in the user's settings.
func (g *gitHub) revokeAsUser(w http.ResponseWriter, r *http.Request) {
	g.RevokeUser(r.PostFormValue("login"))
	http.Redirect(w, r, gitHubBase+"/", http.StatusSeeOther)
}

func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

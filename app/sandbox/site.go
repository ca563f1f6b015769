// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// site is what a browser sees of a provider: sign-in, consent, the page of the
// device flow, the accounts with their switches. Each provider gives its own
// rules; the pages are the same, since they must not be taken for real ones.
type site struct {
	*oauthtest.Authority
	*switches
	id    string // "github"; also the first part of the path
	title string // "GitHub"

	authorizePath string // below the first part
	devicePath    string // empty: no device flow
	scopes        []scopeText
	untick        bool   // the user may leave scopes out
	issuer        bool   // callbacks carry iss (RFC 9207)
	hint          string // the parameter of a login hint

	// read judges an authorization request by the provider's own rules; nil:
	// Authority.Check, less what the provider does not know.
	read func(url.Values) (*oauthtest.Request, *oauthtest.Problem)
	// adjust changes a request that a user consents to; nil: nothing.
	adjust func(*oauthtest.Request, oauthtest.User, url.Values)
	// words says on the consent page what is asked for; nil: inWords.
	words func(scopes []string) []scopeText

	// actions are switches that only this provider has, more their buttons;
	// nil: none.
	actions map[string]func(url.Values) bool
	more    func() controls
}

// scopeText is what the consent page says of a scope. A Fixed one cannot be
// left out.
type scopeText struct {
	Name, Title, Detail string
	Fixed               bool
}

func (s *site) slug() string { return s.id }
func (s *site) name() string { return s.title }
func (s *site) base() string { return "/" + s.id }

// pages serves the browser's part, which is answered to a browser that is on
// it: no other site can press its buttons.
func (s *site) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showHome)
	mux.HandleFunc("GET /pictures/{file}", s.picture)
	mux.HandleFunc("GET /login", s.login)
	mux.HandleFunc("POST /session", s.session)
	mux.HandleFunc("GET "+s.authorizePath, s.authorize)
	mux.HandleFunc("POST "+s.authorizePath, s.decide)
	mux.HandleFunc("POST /settings/applications/revoke", s.revokeAsUser)
	mux.HandleFunc("POST /sandbox/{action}", s.flip)
	if s.devicePath != "" {
		mux.HandleFunc("GET "+s.devicePath, s.device)
		mux.HandleFunc("POST "+s.devicePath, s.answerDevice)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

// signedIn is the account of the browser's session. The cookie is only a
// choice between made-up accounts.
func (s *site) signedIn(r *http.Request) (oauthtest.User, bool) {
	c, err := r.Cookie("standpipe_sandbox_" + s.id)
	if err != nil {
		return oauthtest.User{}, false
	}
	return s.UserByLogin(c.Value)
}

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	s.showLogin(w, r.URL.Query().Get("return_to"))
}

func (s *site) showLogin(w http.ResponseWriter, returnTo string) {
	c, _ := s.Client(ClientID)
	render(w, http.StatusOK, "", "login.html", map[string]any{
		"Name": s.title, "Base": s.base(), "ReturnTo": returnTo, "Users": s.Users(), "App": c.Name,
	})
}

// session signs an account in and goes back to where it was asked for.
func (s *site) session(w http.ResponseWriter, r *http.Request) {
	u, ok := s.UserByLogin(r.PostFormValue("login"))
	returnTo, err := url.Parse(r.PostFormValue("return_to"))
	ours := err == nil && !returnTo.IsAbs() && returnTo.Host == "" &&
		(returnTo.Path == s.base()+s.authorizePath || s.devicePath != "" && returnTo.Path == s.base()+s.devicePath)
	if !ok || !ours {
		s.problem(w, http.StatusUnprocessableEntity, "This cannot be done", "The account or the page to return to is not known.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "standpipe_sandbox_" + s.id, Value: u.Login, Path: s.base() + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	q := returnTo.Query()
	// The account was chosen just now; Google's prompt may ask for more.
	if prompt := strings.Fields(q.Get("prompt")); len(prompt) > 0 {
		q.Set("prompt", strings.Join(slices.DeleteFunc(prompt, func(p string) bool { return p == "select_account" || p == "login" }), " "))
	}
	if s.hint != "" {
		q.Del(s.hint)
	}
	http.Redirect(w, r, returnTo.Path+"?"+q.Encode(), http.StatusSeeOther)
}

// request reads an authorization request.
func (s *site) request(q url.Values) (*oauthtest.Request, *oauthtest.Problem) {
	if s.read != nil {
		return s.read(q)
	}
	r, p := s.Check(q)
	if r != nil {
		r.Scopes = s.known(r.Scopes)
	}
	return r, p
}

// authorize shows the login page or the consent page.
func (s *site) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	request, p := s.request(q)
	if p != nil {
		s.refuse(w, r, request, p)
		return
	}
	here := s.base() + s.authorizePath + "?" + r.URL.RawQuery
	user, ok := s.signedIn(r)
	hint := q.Get(s.hint)
	if !ok || slices.Contains(strings.Fields(q.Get("prompt")), "select_account") || s.hint != "" && hint != "" && hint != user.Login {
		s.showLogin(w, here)
		return
	}
	s.showConsent(w, request.ClientID, user, request.Scopes, originOf(request.RedirectURI), map[string]any{
		"Action": s.base() + s.authorizePath, "Field": "request", "Request": r.URL.RawQuery,
		"Switch": s.base() + "/login?" + url.Values{"return_to": {here}}.Encode(),
	})
}

func (s *site) showConsent(w http.ResponseWriter, clientID string, user oauthtest.User, scopes []string, origin string, data map[string]any) {
	c, _ := s.Client(clientID)
	words := s.inWords
	if s.words != nil {
		words = s.words
	}
	data["Name"], data["App"], data["User"], data["Scopes"], data["Untick"], data["Origin"] = s.title, c.Name, user, words(scopes), s.untick, origin
	render(w, http.StatusOK, origin, "consent.html", data)
}

// decide takes the answer of the consent page. The request is read again: what
// comes from a browser is not what was sent to it.
func (s *site) decide(w http.ResponseWriter, r *http.Request) {
	q, err := url.ParseQuery(r.PostFormValue("request"))
	if err != nil {
		s.problem(w, http.StatusUnprocessableEntity, "This cannot be done", "The authorization request cannot be read.")
		return
	}
	request, p := s.request(q)
	if p != nil {
		s.refuse(w, r, request, p)
		return
	}
	user, ok := s.signedIn(r)
	if !ok {
		s.showLogin(w, s.base()+s.authorizePath+"?"+q.Encode())
		return
	}
	if r.PostFormValue("decision") != "authorize" {
		s.refuse(w, r, request, &oauthtest.Problem{Code: "access_denied", Text: "The user has denied your application access."})
		return
	}
	if s.untick {
		request.Scopes = s.ticked(request.Scopes, r.PostForm["scope"])
	}
	if s.adjust != nil {
		s.adjust(request, user, q)
	}
	code, p := s.Approve(request, user.Login)
	if p != nil {
		s.refuse(w, r, request, p)
		return
	}
	http.Redirect(w, r, request.Callback(code, s.iss(r), nil), http.StatusFound)
}

func (s *site) iss(r *http.Request) string {
	if !s.issuer {
		return ""
	}
	return s.origin(r)
}

// origin is the provider's own address, as the request has it.
func (s *site) origin(r *http.Request) string { return "http://" + r.Host + s.base() }

// refuse takes a problem back to the application, or shows it where the
// application or its redirect URI is the problem.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, request *oauthtest.Request, p *oauthtest.Problem) {
	switch {
	case request != nil:
		http.Redirect(w, r, request.Callback("", s.iss(r), p), http.StatusFound)
	case p.Code == "redirect_uri_mismatch":
		c, _ := s.Client(ClientID)
		text := "The redirect_uri is not associated with this application. The sandbox accepts " + strings.Join(c.RedirectURIs, ", ")
		if c.AnyPort {
			text += " with any port"
		}
		s.problem(w, http.StatusBadRequest, "Be careful!", text+".")
	case p.Code == "invalid_client":
		s.problem(w, http.StatusNotFound, "Not found", "There is no application with this client ID. The sandbox knows one: "+ClientID+".")
	default:
		s.problem(w, http.StatusBadRequest, "This cannot be done", p.Text)
	}
}

func (s *site) problem(w http.ResponseWriter, status int, title, text string) {
	render(w, status, "", "problem.html", map[string]any{"Name": s.title, "Base": s.base(), "Title": title, "Text": text})
}

// revokeAsUser is the button in the user's settings.
func (s *site) revokeAsUser(w http.ResponseWriter, r *http.Request) {
	login := r.PostFormValue("login")
	s.RevokeUser(login)
	http.Redirect(w, r, s.home(url.Values{"did": {"revoke"}, "login": {login}}), http.StatusSeeOther)
}

// known keeps the scopes that exist, once each, in their order.
func (s *site) known(asked []string) []string {
	out := []string{}
	for _, name := range asked {
		if !slices.Contains(out, name) && slices.ContainsFunc(s.scopes, func(t scopeText) bool { return t.Name == name }) {
			out = append(out, name)
		}
	}
	return out
}

// ticked are the scopes that the user left in.
func (s *site) ticked(asked, ticked []string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(name string) bool {
		fixed := slices.ContainsFunc(s.scopes, func(t scopeText) bool { return t.Name == name && t.Fixed })
		return !fixed && !slices.Contains(ticked, name)
	})
}

func (s *site) inWords(scopes []string) []scopeText {
	var out []scopeText
	for _, t := range s.scopes {
		if slices.Contains(scopes, t.Name) {
			out = append(out, t)
		}
	}
	return out
}

func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

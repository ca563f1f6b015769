// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"html/template"
	"net/http"
	"net/url"
)

var consentPage = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Authorize {{.Client}}</title>
<h1>Authorize {{.Client}}</h1>
<p>oauthtest: a server for tests, not a real provider.</p>
<p>It asks for: {{range .Scopes}}<code>{{.}}</code> {{else}}nothing in particular{{end}}</p>
<form method="post">
<input type="hidden" name="request" value="{{.Request}}">
<label>Account <select name="login">{{range .Users}}<option>{{.Login}}</option>{{end}}</select></label>
<button name="decision" value="authorize">Authorize</button>
<button name="decision" value="cancel">Cancel</button>
</form></html>`))

// authorize shows the consent page, or sends a problem where it may go.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, l *Logged) {
	request, p := s.Check(l.Params)
	if p != nil {
		s.sendBack(w, r, request, p)
		return
	}
	client, _ := s.Client(request.ClientID)
	name := client.Name
	if name == "" {
		name = client.ID
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	_ = consentPage.Execute(w, map[string]any{
		"Client": name, "Scopes": request.Scopes, "Users": s.Users(), "Request": r.URL.RawQuery,
	})
}

// decide takes the answer of the consent page.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, l *Logged) {
	q, err := url.ParseQuery(l.Params.Get("request"))
	if err != nil {
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	}
	request, p := s.Check(q)
	if p == nil && l.Params.Get("decision") != "authorize" {
		p = problem("access_denied", "the user denied the request")
	}
	var code string
	if p == nil {
		code, p = s.Authority.Approve(request, l.Params.Get("login"))
	}
	if p != nil {
		s.sendBack(w, r, request, p)
		return
	}
	http.Redirect(w, r, request.Callback(code, s.callbackIssuer(), nil), http.StatusSeeOther)
}

// sendBack takes a problem to the client, or shows it where the redirect URI
// itself is the problem (RFC 6749 section 4.1.2.1).
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, request *Request, p *Problem) {
	if request == nil {
		http.Error(w, p.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, request.Callback("", s.callbackIssuer(), p), http.StatusSeeOther)
}

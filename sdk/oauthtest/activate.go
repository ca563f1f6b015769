// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"html/template"
	"net/http"
)

// ActivatePath is where the user of a device flow enters the code.
const ActivatePath = "/activate"

var activatePage = template.Must(template.New("activate").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Connect a device</title>
<h1>Connect a device</h1>
<p>oauthtest: a server for tests, not a real provider.</p>
{{with .Note}}<p role="status">{{.}}</p>{{end}}
<form method="post">
<label>Code <input name="user_code"></label>
<label>Account <select name="login">{{range .Users}}<option>{{.Login}}</option>{{end}}</select></label>
<button name="decision" value="authorize">Authorize</button>
<button name="decision" value="cancel">Cancel</button>
</form></html>`))

// activate is the page of the device flow, and takes its answer (RFC 8628
// section 3.3).
func (s *Server) activate(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	note := ""
	if r.Method == http.MethodPost {
		login := r.PostFormValue("login")
		if r.PostFormValue("decision") != "authorize" {
			login = ""
		}
		note = "Done. Go back to the app: it goes on by itself."
		if !s.AnswerDevice(r.PostFormValue("user_code"), login) {
			note = "No app shows this code, or it has expired."
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	}
	_ = activatePage.Execute(w, map[string]any{"Note": note, "Users": s.Users()}) // the browser is gone: nobody to tell
}

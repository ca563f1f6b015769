// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// controls are further switches on the page: what is so now, and the buttons that
// change it, for the provider and for each account by its login.
type controls struct {
	Text    string
	Buttons []control
	Users   map[string]control
}

// control is a button that posts Name=Value to /sandbox/{Action}.
type control struct{ Action, Name, Value, Label string }

// row is an account on the page.
type row struct {
	oauthtest.User
	Granted []string // scopes that the app has
	More    *control
}

// home is the address of the page that shows the accounts and switches; did
// tells what was done.
func (s *site) home(did url.Values) string { return s.base() + "/?" + did.Encode() }

func (s *site) showHome(w http.ResponseWriter, r *http.Request) {
	broken, slow := s.now()
	data := map[string]any{"Name": s.title, "Base": s.base(), "Broken": broken, "Ways": breakages, "Slow": "", "Origin": s.origin(r), "Said": s.said(r.URL.Query())}
	if slow > 0 {
		data["Slow"] = slow.String()
	}
	if s.devicePath != "" {
		data["Device"] = s.base() + s.devicePath
	}
	var more controls
	if s.more != nil {
		more = s.more()
		data["More"] = more
	}
	var rows []row
	for _, u := range s.Users() {
		one := row{User: u, Granted: s.Granted(ClientID, u.Login)}
		if c, ok := more.Users[u.Login]; ok {
			one.More = &c
		}
		rows = append(rows, one)
	}
	data["Users"] = rows
	render(w, http.StatusOK, "", "home.html", data)
}

// said is what the page says after a button: of known buttons and accounts only,
// since the address can be anybody's.
func (s *site) said(did url.Values) string {
	u, _ := s.UserByLogin(did.Get("login"))
	switch text := map[string]string{
		"expire": "The access tokens of ", "revoke": "The access to ", "install": "The app is installed in ", "uninstall": "The app is no longer installed in ",
	}[did.Get("did")]; {
	case text == "" || u.Login == "":
		return ""
	case did.Get("did") == "expire":
		return text + u.Login + " have expired."
	case did.Get("did") == "revoke":
		return text + u.Login + " was withdrawn."
	default:
		return text + u.Login + "."
	}
}

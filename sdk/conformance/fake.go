// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// Fake is a stand-in that a person and a running hub can use: it shows a consent
// page, one for the code of a device flow, and a page of switches at /_faults that
// make its endpoints fail.
type Fake struct {
	*shaped
	url string
}

// Fake makes a stand-in of this shape that is reached at url.
func (s Shape) Fake(url, clientID, clientSecret string, redirectURIs ...string) (*Fake, error) {
	made, err := s.Server(clientID, clientSecret, "")(url)
	if err != nil {
		return nil, err
	}
	f := made.(*shaped)
	// The client is registered for every redirect URI of the hub's.
	options := oauthtest.Options{
		URL: f.URL, Users: f.Users(), Quirks: f.quirks(), Rules: f.rules(),
		Clients: []oauthtest.Client{{ID: clientID, Secret: clientSecret, Name: "Standpipe", RedirectURIs: redirectURIs}},
	}
	if f.oauthServer.Server, err = oauthtest.New(options); err != nil {
		return nil, err
	}
	return &Fake{shaped: f, url: url}, nil
}

// endpoints are what can be made to fail.
var endpoints = []string{oauthtest.EndpointToken, oauthtest.EndpointUserinfo, oauthtest.EndpointRevoke, oauthtest.EndpointDevice}

// Switch does what a line says:
//
//	fail ENDPOINT 503|hang|lost|CODE [TIMES]   ENDPOINT: token, userinfo, revoke, device; CODE: an OAuth error
//	heal                                       end all faults
//	revoke                                     the user withdraws the access at the provider
func (f *Fake) Switch(line string) error {
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return nil
	case words[0] == "heal" && len(words) == 1:
		for _, e := range endpoints {
			f.Heal(e)
		}
		return nil
	case words[0] == "revoke" && len(words) == 1:
		f.RevokeUser(f.login)
		return nil
	case words[0] == "fail" && (len(words) == 3 || len(words) == 4) && slices.Contains(endpoints, words[1]):
		times := -1 // until it is healed
		if len(words) == 4 {
			n, err := strconv.Atoi(words[3])
			if err != nil || n < 1 {
				return fmt.Errorf("%q is not a number of times", words[3])
			}
			times = n
		}
		f.Fail(words[1], times, faultOf(words[2]))
		return nil
	}
	return fmt.Errorf("%q is not a switch; say: fail %s 503|hang|lost|CODE [TIMES], heal, or revoke", line, strings.Join(endpoints, "|"))
}

func faultOf(what string) oauthtest.Fault {
	switch status, err := strconv.Atoi(what); {
	case what == "hang":
		return oauthtest.Fault{Hang: true}
	case what == "lost":
		return oauthtest.Fault{LoseAnswer: true}
	case err == nil && status == http.StatusTooManyRequests:
		return oauthtest.Fault{Status: status, RetryAfter: 5 * time.Second}
	case err == nil:
		return oauthtest.Fault{Status: status, ContentType: "text/html", Body: "<h1>" + what + "</h1>"}
	}
	return oauthtest.Fault{Code: what}
}

// ServeHTTP implements http.Handler.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.URL.Path == "/_faults":
		f.page(w, r)
	case r.URL.Path == oauthtest.ActivatePath:
		f.oauthServer.ServeHTTP(w, r)
	case q.Has("redirect_uri") && q.Has("client_id"):
		// Whatever it is called, it is the authorization endpoint: its page is
		// shown, and what is chosen there is sent to the same address.
		if f.ScopeParam != "" && q.Has(f.ScopeParam) {
			q.Set("scope", q.Get(f.ScopeParam))
		}
		in := r.Clone(r.Context())
		in.URL = &url.URL{Path: "/authorize", RawQuery: q.Encode()}
		f.oauthServer.ServeHTTP(w, in)
	default:
		f.shaped.ServeHTTP(w, r)
	}
}

var faultsPage = template.Must(template.New("faults").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Fault switches</title>
<h1>Fault switches of the stand-in</h1>
{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
{{range .Switches}}<form method="post"><button name="switch" value="{{.}}">{{.}}</button></form>{{end}}
<form method="post"><label>Another: <input name="switch" placeholder="fail token slow_down 2"></label> <button>Set</button></form>
</html>`))

// page shows the switches and turns them. A page of another origin cannot: its
// form would carry an Origin.
func (f *Fake) page(w http.ResponseWriter, r *http.Request) {
	problem := ""
	if r.Method == http.MethodPost {
		if origin := r.Header.Get("Origin"); origin != "" && origin != f.url {
			http.Error(w, "this form is not sent from elsewhere", http.StatusForbidden)
			return
		}
		if err := f.Switch(r.FormValue("switch")); err != nil {
			problem = err.Error()
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	switches := []string{"heal", "revoke", "fail token 503", "fail token 429", "fail token hang", "fail token lost 1", "fail token invalid_grant", "fail userinfo 500", "fail revoke 503"}
	_ = faultsPage.Execute(w, map[string]any{"Problem": problem, "Switches": switches}) // the browser is gone: nobody to tell
}

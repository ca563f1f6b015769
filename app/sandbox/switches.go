// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// switches are the troubles that a provider can be given.
type switches struct {
	mu     sync.Mutex
	broken string        // one of breakages; empty: in order
	slow   time.Duration // added to each answer
}

const maxSlow = 20 * time.Second

// trouble is what a broken provider answers.
var trouble = map[string]http.HandlerFunc{
	"503": func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"error": "temporarily_unavailable"})
	},
	"html": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"))
	},
	"rate-limit": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		writeJSON(w, http.StatusTooManyRequests, map[string]any{"error": "ratelimited", "ok": false})
	},
	"broken-connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
}

// breakages are the buttons for trouble.
var breakages = []struct{ How, Label string }{
	{"503", "Out of service (503)"}, {"html", "HTML error page (502)"}, {"rate-limit", "Rate limit (429)"}, {"broken-connection", "Drop connections"},
}

func (s *switches) now() (broken string, slow time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken, s.slow
}

// troubled stands before the endpoints that programs call. The pages go on
// working, so that the trouble can be ended.
func (s *switches) troubled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		broken, slow := s.now()
		if slow > 0 {
			select {
			case <-time.After(slow):
			case <-r.Context().Done():
				return
			}
		}
		if broken != "" {
			trouble[broken](w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// flip is POST /sandbox/{action}, from the page or from a program:
//
//	expire login=LOGIN   its access tokens end now
//	revoke login=LOGIN   all its access is withdrawn
//	break  how=503       or html, rate-limit, broken-connection
//	slow   ms=3000       each answer takes that long
//	heal                 ends break and slow
//
// GitHub has more:
//
//	app       kind=github-app  the app is a GitHub App, or oauth-app
//	install   login=LOGIN      the GitHub App is installed in an account
//	uninstall login=LOGIN
func (s *site) flip(w http.ResponseWriter, r *http.Request) {
	ok := true
	action, login := r.PathValue("action"), r.PostFormValue("login")
	_, known := s.UserByLogin(login)
	s.mu.Lock()
	switch action {
	case "expire", "revoke":
		ok = known
	case "break":
		how := r.PostFormValue("how")
		if _, ok = trouble[how]; ok {
			s.broken = how
		}
	case "slow":
		ms, err := strconv.ParseUint(r.PostFormValue("ms"), 10, 32)
		if ok = err == nil; ok {
			s.slow = min(time.Duration(ms)*time.Millisecond, maxSlow)
		}
	case "heal":
		s.broken, s.slow = "", 0
	default:
		own := s.actions[action]
		ok = own != nil && own(r.PostForm)
	}
	s.mu.Unlock()
	switch {
	case !ok:
		http.Error(w, "there is no such switch, or no such account", http.StatusUnprocessableEntity)
		return
	case action == "expire":
		s.Expire(login)
	case action == "revoke":
		s.RevokeUser(login)
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, s.home(url.Values{"did": {action}, "login": {login}}), http.StatusSeeOther)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

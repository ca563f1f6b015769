// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// pictureURL is where a browser, or a hub, finds the picture of an account.
func (s *site) pictureURL(r *http.Request, u oauthtest.User) string {
	return s.origin(r) + "/pictures/" + u.Subject + ".png"
}

// picture is GET /pictures/{file}: for everybody, as pictures are.
func (s *site) picture(w http.ResponseWriter, r *http.Request) {
	subject, ok := strings.CutSuffix(r.PathValue("file"), ".png")
	users := s.Users()
	i := slices.IndexFunc(users, func(u oauthtest.User) bool { return u.Subject == subject })
	if !ok || i < 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(oauthtest.Picture(s.id + users[i].Login)) // the client went away: nothing to do
}

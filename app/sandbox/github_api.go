// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// apiError is the shape of every error of GitHub's REST API.
func apiError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{
		"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status),
	})
}

// api guards an endpoint: a live token, and one scope of an OAuth App or one
// permission of a GitHub App that is needed ("": none).
func (g *gitHub) api(scope, permission string, work func(http.ResponseWriter, *http.Request, oauthtest.Info)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if access == "" || !strings.EqualFold(kind, "bearer") && !strings.EqualFold(kind, "token") {
			apiError(w, http.StatusUnauthorized, "Requires authentication")
			return
		}
		info, ok := g.Lookup(access)
		if !ok {
			apiError(w, http.StatusUnauthorized, "Bad credentials")
			return
		}
		w.Header().Set("X-OAuth-Scopes", strings.Join(info.Scopes, ", "))
		w.Header().Set("X-Accepted-OAuth-Scopes", scope)
		w.Header().Set("X-OAuth-Client-Id", info.ClientID)
		if !info.Expires.IsZero() {
			w.Header().Set("GitHub-Authentication-Token-Expiration", info.Expires.UTC().Format("2006-01-02 15:04:05 UTC"))
		}
		if g.app.on() {
			permissionHeader(w, permission)
			if !permitted(permission) {
				apiError(w, http.StatusForbidden, "Resource not accessible by integration")
				return
			}
			work(w, r, info)
			return
		}
		if scope != "" && !slices.Contains(info.Scopes, scope) && !slices.Contains(info.Scopes, "user") {
			apiError(w, http.StatusNotFound, "Not Found")
			return
		}
		work(w, r, info)
	}
}

// user is GET /user.
func (g *gitHub) user(w http.ResponseWriter, r *http.Request, info oauthtest.Info) {
	writeJSON(w, http.StatusOK, g.userFields(r, info.User))
}

func (g *gitHub) userFields(r *http.Request, u oauthtest.User) map[string]any {
	return map[string]any{
		"id": gitHubID(u), "login": u.Login, "name": u.Name, "email": u.Email, "type": "User", "site_admin": false,
		"avatar_url": g.pictureURL(r, u), "html_url": "https://github.com/" + u.Login, "created_at": "2020-01-01T00:00:00Z",
	}
}

// emails is GET /user/emails.
func (g *gitHub) emails(w http.ResponseWriter, _ *http.Request, info oauthtest.Info) {
	writeJSON(w, http.StatusOK, []any{map[string]any{
		"email": info.User.Email, "primary": true, "verified": true, "visibility": "public",
	}})
}

// application guards what an app does with its tokens: Basic authentication
// with its own credentials, and an access token in the body.
func (g *gitHub) application(work func(w http.ResponseWriter, r *http.Request, access string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, secret, ok := r.BasicAuth()
		if !ok {
			apiError(w, http.StatusUnauthorized, "Requires authentication")
			return
		}
		if _, p := g.Authenticate(id, secret); p != nil {
			apiError(w, http.StatusUnauthorized, "Bad credentials")
			return
		}
		if id != r.PathValue("client_id") {
			apiError(w, http.StatusNotFound, "Not Found")
			return
		}
		var body struct {
			AccessToken string `json:"access_token"`
		}
		if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body) != nil || body.AccessToken == "" {
			apiError(w, http.StatusUnprocessableEntity, "Validation Failed")
			return
		}
		if info, live := g.Lookup(body.AccessToken); !live || info.ClientID != id {
			apiError(w, http.StatusNotFound, "Not Found")
			return
		}
		work(w, r, body.AccessToken)
	}
}

// oneToken is POST (check) and DELETE (revoke) of one token.
func (g *gitHub) oneToken(w http.ResponseWriter, r *http.Request, access string) {
	switch r.Method {
	case http.MethodDelete:
		// The refresh token goes with its access token: it stands for it.
		g.RevokeTokens(ClientID, access)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		info, _ := g.Lookup(access)
		out := map[string]any{"scopes": info.Scopes, "user": g.userFields(r, info.User), "token": access, "expires_at": nil}
		if !info.Expires.IsZero() {
			out["expires_at"] = info.Expires.UTC().Format(time.RFC3339)
		}
		writeJSON(w, http.StatusOK, out)
	default:
		apiError(w, http.StatusNotFound, "Not Found")
	}
}

// wholeGrant is DELETE of everything that the app has of the account.
func (g *gitHub) wholeGrant(w http.ResponseWriter, _ *http.Request, access string) {
	g.RevokeGrant(ClientID, access)
	w.WriteHeader(http.StatusNoContent)
}

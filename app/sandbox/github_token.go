// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

const (
	maxBody   = 1 << 16
	errorDocs = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/"
)

// token is POST /login/oauth/access_token.
func (g *gitHub) token(w http.ResponseWriter, r *http.Request) {
	v, ok := readParams(w, r)
	if !ok {
		g.tokenAnswer(w, r, tokenError("unsupported_grant_type", "The request cannot be read.", ""))
		return
	}
	id, secret := v.Get("client_id"), v.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		id, secret = user, password
	}
	grant := v.Get("grant_type")
	client, known := g.Client(id)
	// A device flow needs no secret, and neither does the refresh of its tokens.
	secretless := known && secret == "" && (grant == deviceGrant || grant == "refresh_token" && g.OfDevice(v.Get("refresh_token")))
	if _, p := g.Authenticate(id, secret); p != nil && !secretless {
		g.tokenAnswer(w, r, tokenError("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.", "#incorrect-client-credentials"))
		return
	}
	var (
		t *oauthtest.Tokens
		p *oauthtest.Problem
	)
	switch grant {
	case "", "authorization_code": // GitHub takes a code without a grant_type
		t, p = g.Redeem(id, v.Get("code"), v.Get("redirect_uri"), v.Get("code_verifier"))
	case "refresh_token":
		t, p = g.Refresh(client.ID, v.Get("refresh_token"), nil)
	case deviceGrant:
		t, p = g.PollDevice(client.ID, v.Get("device_code"))
		if p != nil {
			g.tokenAnswer(w, r, deviceError(p))
			return
		}
	default:
		g.tokenAnswer(w, r, tokenError("unsupported_grant_type", "The grant_type is not supported.", ""))
		return
	}
	switch {
	case p == nil:
		g.tokenAnswer(w, r, tokenFields(t))
	case p.Param == "refresh_token":
		g.tokenAnswer(w, r, tokenError("bad_refresh_token", "The refresh token passed is incorrect or expired.", ""))
	case p.Param == "redirect_uri":
		g.tokenAnswer(w, r, tokenError("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.", "#redirect-uri-mismatch2"))
	default:
		g.tokenAnswer(w, r, tokenError("bad_verification_code", "The code passed is incorrect or expired.", "#bad-verification-code"))
	}
}

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// deviceError is GitHub's spelling of RFC 8628's errors.
func deviceError(p *oauthtest.Problem) map[string]any {
	code := p.Code
	switch code {
	case "invalid_grant":
		return tokenError("incorrect_device_code", "The device_code provided is not valid.", "")
	case "slow_down":
		out := tokenError(code, "Too many requests have been made in the same timeframe.", "")
		out["interval"] = 10
		return out
	}
	return tokenError(code, p.Text, "")
}

// deviceCode is POST /login/device/code. It takes no secret.
func (g *gitHub) deviceCode(w http.ResponseWriter, r *http.Request) {
	v, ok := readParams(w, r)
	c, known := g.Client(v.Get("client_id"))
	if !ok || !known {
		g.tokenAnswer(w, r, tokenError("incorrect_client_credentials", "The client_id passed is incorrect.", ""))
		return
	}
	scopes := g.granted(strings.FieldsFunc(v.Get("scope"), func(r rune) bool { return r == ' ' || r == ',' }))
	g.tokenAnswer(w, r, g.deviceFields(r, g.StartDevice(c.ID, scopes), "verification_uri"))
}

func tokenError(code, text, anchor string) map[string]any {
	out := map[string]any{"error": code, "error_description": text}
	if anchor != "" {
		out["error_uri"] = errorDocs + anchor
	}
	return out
}

func tokenFields(t *oauthtest.Tokens) map[string]any {
	out := map[string]any{"access_token": t.Access, "token_type": "bearer", "scope": strings.Join(t.Scopes, ",")}
	if t.Refresh != "" {
		out["refresh_token"] = t.Refresh
		out["refresh_token_expires_in"] = int(t.RefreshExpires / time.Second)
	}
	if t.ExpiresIn > 0 {
		out["expires_in"] = max(int(t.ExpiresIn/time.Second), 1)
	}
	return out
}

// tokenAnswer writes fields with status 200, errors too: as JSON where it is
// accepted, else as a form.
func (g *gitHub) tokenAnswer(w http.ResponseWriter, r *http.Request, fields map[string]any) {
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), "json") {
		writeJSON(w, http.StatusOK, fields)
		return
	}
	form := url.Values{}
	for k, v := range fields {
		switch v := v.(type) {
		case string:
			form.Set(k, v)
		case int:
			form.Set(k, strconv.Itoa(v))
		}
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = w.Write([]byte(form.Encode())) // the client went away: nothing to do
}

// readParams reads a form or a JSON object of strings, with the query beside.
func readParams(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := r.ParseForm(); err != nil {
			return nil, false
		}
		return r.Form, true
	}
	var fields map[string]string
	if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
		return nil, false
	}
	out := r.URL.Query()
	for k, v := range fields {
		out.Set(k, v)
	}
	return out, true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away: nothing to do
}

// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away: nothing to do
}

// token is the token endpoint (RFC 6749 section 3.2).
func (s *Server) token(w http.ResponseWriter, r *http.Request, l *Logged) {
	q := s.current()
	client, p := s.client(r, l, q)
	if p == nil && q.OnlyJSON != strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		p = problem("invalid_request", "the content type is not accepted")
	}
	var t *Tokens
	if p == nil {
		t, p = s.grant(client, l.Params)
	}
	if p != nil {
		s.refuse(w, q, p)
		return
	}
	s.answer(w, q, t)
}

// grant does what a token request asks for.
func (s *Server) grant(client Client, v url.Values) (*Tokens, *Problem) {
	switch v.Get("grant_type") {
	case "authorization_code":
		return s.Redeem(client.ID, v.Get("code"), v.Get("redirect_uri"), v.Get("code_verifier"))
	case "refresh_token":
		return s.Refresh(client.ID, v.Get("refresh_token"), splitScopes(v.Get("scope")))
	case "urn:ietf:params:oauth:grant-type:device_code":
		return s.PollDevice(client.ID, v.Get("device_code"))
	default:
		return nil, problem("unsupported_grant_type", "grant_type %q is not supported", v.Get("grant_type"))
	}
}

// client authenticates the client of a request (RFC 6749 section 2.3).
func (s *Server) client(r *http.Request, l *Logged, q Quirks) (Client, *Problem) {
	id, secret := l.Params.Get("client_id"), l.Params.Get("client_secret")
	way := "body"
	if user, password, ok := r.BasicAuth(); ok {
		if l.Params.Has("client_secret") {
			return Client{}, problem("invalid_request", "multiple client credentials")
		}
		var errID, errSecret error
		id, errID = url.QueryUnescape(user)
		secret, errSecret = url.QueryUnescape(password)
		if errID != nil || errSecret != nil {
			return Client{}, problem("invalid_client", "the credentials are not form-encoded")
		}
		way = "basic"
	} else if l.Params.Has("client_secret") && secret == "" {
		return Client{}, problem("invalid_client", "an empty client_secret")
	}
	if q.OnlyAuth != "" && q.OnlyAuth != way {
		return Client{}, problem("invalid_client", "client authentication by %s is not supported", way)
	}
	return s.Authenticate(id, secret)
}

// answer writes a token answer (RFC 6749 section 5.1).
func (s *Server) answer(w http.ResponseWriter, q Quirks, t *Tokens) {
	separator := q.ScopeSeparator
	if separator == "" {
		separator = " "
	}
	out := map[string]any{"access_token": t.Access, "token_type": "bearer"}
	if !q.OmitScope {
		out["scope"] = strings.Join(t.Scopes, separator)
	}
	if t.Refresh != "" && !t.RefreshUnchanged {
		out["refresh_token"] = t.Refresh
		if t.RefreshExpires > 0 {
			out["refresh_token_expires_in"] = int(t.RefreshExpires / time.Second)
		}
	}
	if seconds := int(t.ExpiresIn / time.Second); seconds > 0 && !q.NoExpiresIn {
		out["expires_in"] = seconds
		if q.StringExpiresIn {
			out["expires_in"] = strconv.Itoa(seconds)
		}
	}
	if strings.Contains(" "+strings.Join(t.Scopes, " ")+" ", " openid ") {
		out["id_token"] = s.idToken(q, t)
	}
	if q.FormAnswers {
		writeForm(w, out)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

func writeForm(w http.ResponseWriter, fields map[string]any) {
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

// refuse writes an error answer (RFC 6749 section 5.2).
func (s *Server) refuse(w http.ResponseWriter, q Quirks, p *Problem) {
	out := map[string]any{"error": p.Code, "error_description": p.Text}
	status := http.StatusBadRequest
	if p.Code == "invalid_client" {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="oauthtest"`)
	}
	if q.ErrorsIn200 {
		status = http.StatusOK
	}
	if q.FormAnswers && q.ErrorsIn200 {
		writeForm(w, out)
		return
	}
	writeJSON(w, status, out)
}

// revoke is RFC 7009: a token that is unknown is no error.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request, l *Logged) {
	q := s.current()
	if q.CustomRevoke {
		http.NotFound(w, r)
		return
	}
	client, p := s.client(r, l, q)
	if p != nil {
		s.refuse(w, q, p)
		return
	}
	s.Revoke(client.ID, l.Params.Get("token"))
	w.WriteHeader(http.StatusOK)
}

// customRevoke is a revocation after GitHub's.
func (s *Server) customRevoke(w http.ResponseWriter, r *http.Request, l *Logged) {
	q := s.current()
	if !q.CustomRevoke {
		http.NotFound(w, r)
		return
	}
	q.OnlyAuth = "basic"
	client, p := s.client(r, l, q)
	switch {
	case p != nil:
		writeJSON(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials"})
	case s.Revoke(client.ID, l.Params.Get("access_token")):
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
	}
}

// userinfo is OpenID Connect Core section 5.3, with RFC 6750's errors.
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request, _ *Logged) {
	access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	info, known := s.Lookup(access)
	if !ok || !known {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "the token is expired, revoked or unknown"})
		return
	}
	out := claimsOf(info.User)
	if sub := s.current().UserinfoSubject; sub != "" {
		out["sub"] = sub
	}
	writeJSON(w, http.StatusOK, out)
}

func claimsOf(u User) map[string]any {
	out := map[string]any{"sub": u.Subject, "preferred_username": u.Login, "name": u.Name, "email": u.Email}
	if u.Picture != "" {
		out["picture"] = u.Picture
	}
	return out
}

// device is RFC 8628 section 3.1.
func (s *Server) device(w http.ResponseWriter, r *http.Request, l *Logged) {
	q := s.current()
	client, p := s.client(r, l, q)
	if p != nil {
		s.refuse(w, q, p)
		return
	}
	d := s.StartDevice(client.ID, splitScopes(l.Params.Get("scope")))
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": d.DeviceCode, "user_code": d.UserCode, "verification_uri": s.URL + ActivatePath,
		"expires_in": int(d.ExpiresIn / time.Second), "interval": int(d.Interval / time.Second),
	})
}

// introspect is RFC 7662, for access tokens.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request, l *Logged) {
	q := s.current()
	client, p := s.client(r, l, q)
	if p != nil {
		s.refuse(w, q, p)
		return
	}
	info, live := s.Lookup(l.Params.Get("token"))
	if !live || info.ClientID != client.ID {
		writeJSON(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	out := map[string]any{"active": true, "sub": info.User.Subject, "client_id": client.ID, "scope": strings.Join(info.Scopes, " ")}
	if !info.Expires.IsZero() {
		out["exp"] = info.Expires.Unix()
	}
	writeJSON(w, http.StatusOK, out)
}

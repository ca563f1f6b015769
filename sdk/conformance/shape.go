// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// Shape says how a provider departs from the standards, so that a stand-in can
// play it. The zero value is a plain OAuth 2 server with PKCE and an OpenID
// userinfo endpoint. `standpipe plugin check --shape` reads it from JSON.
//
// A request is told by what it holds, not by its path: a grant_type makes it a
// token request, a token a revocation, a bearer an identification, a client and
// nothing of these the beginning of a device flow. Endpoints names paths where
// that is not enough.
type Shape struct {
	// Endpoints are paths by "token", "revoke", "identify", "device".
	Endpoints map[string]string `json:"endpoints,omitempty"`

	// Token moves fields of a token answer: from the name in RFC 6749 section
	// 5.1 to a dotted path ("data.token").
	Token map[string]string `json:"token,omitempty"`
	// Named are further tokens of a token answer, by path.
	Named []string `json:"named,omitempty"`
	// Account moves the fields of an identification: sub, preferred_username,
	// name, email, picture, and tenant, which has no place unless it is given here.
	Account map[string]string `json:"account,omitempty"`
	// AccountInToken puts the account into the token answer as well.
	AccountInToken bool `json:"account_in_token,omitempty"`
	// OK is a path that is true in good answers and false in others.
	OK string `json:"ok,omitempty"`
	// Error and ErrorText are the paths of an error; empty: error and
	// error_description. IdentifyError replaces Error at an identification.
	Error         string `json:"error,omitempty"`
	ErrorText     string `json:"error_text,omitempty"`
	IdentifyError string `json:"identify_error,omitempty"`
	// IdentifyOK and RevokeOK are as OK, of those answers; empty: OK.
	IdentifyOK  string `json:"identify_ok,omitempty"`
	RevokeOK    string `json:"revoke_ok,omitempty"`
	ErrorsIn200 bool   `json:"errors_in_200,omitempty"`
	// Codes replaces error codes: "invalid_grant" by the provider's own.
	Codes map[string]string `json:"codes,omitempty"`
	// Statuses replaces the status of an error, by its standard code.
	Statuses map[string]int `json:"statuses,omitempty"`

	// What a token answer leaves out or writes otherwise.
	StringExpiresIn bool `json:"string_expires_in,omitempty"` // "3600"
	NoExpiresIn     bool `json:"no_expires_in,omitempty"`
	NoRefreshToken  bool `json:"no_refresh_token,omitempty"`
	OmitScope       bool `json:"omit_scope,omitempty"`
	// ScopeSeparator joins scopes, empty: a space; ScopeParam asks for them, empty:
	// "scope".
	ScopeSeparator string `json:"scope_separator,omitempty"`
	ScopeParam     string `json:"scope_param,omitempty"`
	// What the stand-in wants of requests.
	OnlyAuth string `json:"only_auth,omitempty"` // "basic" or "body"; empty: both
	OnlyJSON bool   `json:"only_json,omitempty"` // token requests
	NoPKCE   bool   `json:"no_pkce,omitempty"`   // a challenge is not asked for

	// Rotation is what a refresh does to the refresh token.
	Rotation sdk.Rotation `json:"rotation,omitempty"`
	// Reach is how far a revocation goes, RevokeParam what carries the token.
	Reach       sdk.Reach `json:"reach,omitempty"`
	RevokeParam string    `json:"revoke_param,omitempty"`
	// RevokeBearer takes the token that is revoked for the credential.
	RevokeBearer bool `json:"revoke_bearer,omitempty"`
	// Issuer is the URL of an OpenID issuer; empty: the stand-in's own.
	Issuer string `json:"issuer,omitempty"`
}

// Of completes a shape with what a descriptor says.
func (s Shape) Of(d *sdk.Descriptor) Shape {
	if s.Rotation == "" {
		s.Rotation = d.Rotation
	}
	if s.Reach == "" {
		s.Reach = d.Revoke
	}
	s.NoPKCE = s.NoPKCE || d.PKCE == sdk.PKCENever
	return s
}

// Server makes the stand-in for a client.
func (s Shape) Server(clientID, clientSecret, redirectURI string) func(url string) (Server, error) {
	return func(at string) (Server, error) {
		options := oauthtest.Options{
			URL:     at,
			Clients: []oauthtest.Client{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURI}}},
			Users:   []oauthtest.User{{Subject: "583231", Login: "octocat", Name: "Mona", Email: "mona@example.com", Picture: at + picturePath}},
			Rules:   s.rules(), Quirks: s.quirks(),
		}
		if s.Issuer != "" {
			options.URL = strings.ReplaceAll(s.Issuer, URL, at)
		}
		inner, err := oauthtest.New(options)
		if err != nil {
			return nil, err
		}
		return &shaped{Shape: s, oauthServer: oauthServer{inner, "octocat"}, client: clientID}, nil
	}
}

func (s Shape) rules() oauthtest.Rules {
	r := oauthtest.Rules{
		Lives:  oauthtest.Lives{Access: time.Hour, NoRefresh: s.NoRefreshToken},
		Rotate: s.Rotation == sdk.RotationSingle || s.Rotation == sdk.RotationSoft, ReuseRevokes: s.Rotation == sdk.RotationSingle,
		RequirePKCE: !s.NoPKCE,
	}
	if s.Rotation == sdk.RotationSoft {
		r.Grace = time.Hour
	}
	return r
}

func (s Shape) quirks() oauthtest.Quirks {
	return oauthtest.Quirks{
		NoExpiresIn: s.NoExpiresIn, StringExpiresIn: s.StringExpiresIn, ScopeSeparator: s.ScopeSeparator,
		OmitScope: s.OmitScope, OnlyAuth: s.OnlyAuth, OnlyJSON: s.OnlyJSON,
	}
}

// shaped is an oauthtest.Server behind the looks of a Shape.
type shaped struct {
	Shape
	oauthServer
	client string
}

// Consent implements Server. Whatever the endpoint is called, it is the
// authorization endpoint.
func (s *shaped) Consent(authorizationURL string) (string, error) {
	u, err := url.Parse(authorizationURL)
	if err != nil {
		return "", err
	}
	q := u.Query()
	if s.ScopeParam != "" && q.Has(s.ScopeParam) {
		q.Set("scope", q.Get(s.ScopeParam))
	}
	return s.oauthServer.Consent(s.URL + "/authorize?" + q.Encode())
}

// ServeHTTP implements Server.
func (s *shaped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the client is gone
	}
	params := paramsOf(r, body)
	switch s.kind(r, params) {
	case "metadata":
		s.forward(w, r, "/.well-known/openid-configuration", nil)
	case "keys":
		s.forward(w, r, "/jwks", nil)
	case "token":
		answer := s.ask(r, http.MethodPost, "/token", body)
		s.reshapeToken(w, answer)
	case "device":
		answer := s.ask(r, http.MethodPost, "/device", body)
		if !s.failed(w, answer, s.or(s.Error, "error")) {
			writeJSON(w, answer.Code, decode(answer))
		}
	case "revoke":
		r.Body = io.NopCloser(bytes.NewReader(body)) // for the log
		s.revoke(w, r, params)
	case "identify":
		answer := s.ask(r, http.MethodGet, "/userinfo", nil)
		s.identify(w, answer)
	case "picture":
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(oauthtest.Picture(s.login)) // the client is gone: nothing to do
	default:
		http.NotFound(w, r)
	}
}

// picturePath is where the picture of the stand-in's account is.
const picturePath = "/picture.png"

// kind tells what a request is.
func (s *shaped) kind(r *http.Request, params url.Values) string {
	for name, at := range s.Endpoints {
		if at != "" && r.URL.Path == at && !(name == "revoke" && r.Method == http.MethodGet) {
			return name
		}
	}
	_, _, basic := r.BasicAuth()
	switch base := path.Base(r.URL.Path); {
	case r.URL.Path == picturePath && r.Method == http.MethodGet:
		return "picture"
	case base == "openid-configuration" || base == "oauth-authorization-server":
		return "metadata"
	case base == "jwks":
		return "keys"
	case params.Has("grant_type"):
		return "token"
	case r.Method != http.MethodGet && (params.Has("token") || params.Has(s.or(s.RevokeParam, "token")) || r.Method == http.MethodDelete):
		return "revoke"
	case strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		return "identify"
	case r.Method == http.MethodPost && (basic || params.Has("client_id")):
		return "device"
	}
	return ""
}

func (*shaped) or(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// paramsOf reads query, form and JSON body alike.
func paramsOf(r *http.Request, body []byte) url.Values {
	params := r.URL.Query()
	if form, err := url.ParseQuery(string(body)); err == nil && !bytes.HasPrefix(body, []byte("{")) {
		for k, v := range form {
			params[k] = append(params[k], v...)
		}
	}
	var object map[string]any
	if json.Unmarshal(body, &object) == nil {
		for k, v := range object {
			if text, ok := v.(string); ok {
				params.Add(k, text)
			}
		}
	}
	return params
}

// ask puts a request to the server within.
func (s *shaped) ask(r *http.Request, method, at string, body []byte) *httptest.ResponseRecorder {
	in := r.Clone(r.Context())
	in.Method, in.URL = method, &url.URL{Path: at}
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	s.oauthServer.ServeHTTP(answer, in)
	return answer
}

func (s *shaped) forward(w http.ResponseWriter, r *http.Request, at string, body []byte) {
	answer := s.ask(r, http.MethodGet, at, body)
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client is gone: nothing to do
}

func decode(answer *httptest.ResponseRecorder) map[string]any {
	out := map[string]any{}
	_ = json.Unmarshal(answer.Body.Bytes(), &out) // an answer without a body is an empty one
	return out
}

func (s *shaped) reshapeToken(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	if s.failed(w, answer, s.or(s.Error, "error")) {
		return
	}
	in := decode(answer)
	out := map[string]any{}
	for field, v := range in {
		put(out, s.or(s.Token[field], field), v)
	}
	for i, at := range s.Named {
		put(out, at, fmt.Sprintf("named-token-%d-of-this-connection", i))
	}
	if s.AccountInToken {
		if access, ok := in["access_token"].(string); ok {
			if info, ok := s.Lookup(access); ok {
				s.putAccount(out, info.User)
			}
		}
	}
	if s.OK != "" {
		put(out, s.OK, true)
	}
	writeJSON(w, http.StatusOK, out)
}

func (s *shaped) putAccount(out map[string]any, u oauthtest.User) {
	values := map[string]string{"sub": u.Subject, "preferred_username": u.Login, "name": u.Name, "email": u.Email, "picture": u.Picture, "tenant": "tenant-1"}
	for field, v := range values {
		if at, ok := s.Account[field]; ok || s.Account == nil && field != "tenant" {
			put(out, s.or(at, field), v)
		}
	}
}

func (s *shaped) identify(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	if s.failed(w, answer, s.or(s.IdentifyError, s.or(s.Error, "error"))) {
		return
	}
	out := map[string]any{}
	u, _ := s.UserByLogin(s.login)
	s.putAccount(out, u)
	if ok := s.or(s.IdentifyOK, s.OK); ok != "" {
		put(out, ok, true)
	}
	writeJSON(w, http.StatusOK, out)
}

// revoke withdraws a token, however it is given. That it is unknown is no
// error.
func (s *shaped) revoke(w http.ResponseWriter, r *http.Request, params url.Values) {
	bearer, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token := params.Get(s.or(s.RevokeParam, "token"))
	if token == "" && isBearer {
		token = bearer
	}
	client := params.Get("client_id")
	if user, password, ok := r.BasicAuth(); ok {
		client, _ = url.QueryUnescape(user)
		params.Set("client_secret", password)
	}
	answer := httptest.NewRecorder()
	s.Endpoint(oauthtest.EndpointRevoke, func(w http.ResponseWriter, _ *http.Request) {
		if secret := params.Get("client_secret"); secret != "" && !s.RevokeBearer {
			secret, _ = url.QueryUnescape(secret)
			if _, p := s.Authenticate(client, secret); p != nil {
				writeJSON(w, http.StatusUnauthorized, map[string]any{"error": p.Code, "error_description": p.Text})
				return
			}
		}
		if s.Reach == sdk.ReachGrant {
			s.RevokeGrant(s.client, token)
		} else {
			s.RevokeTokens(s.client, token)
		}
	}).ServeHTTP(answer, r)
	if s.failed(w, answer, s.or(s.Error, "error")) {
		return
	}
	out := map[string]any{}
	if ok := s.or(s.RevokeOK, s.OK); ok != "" {
		put(out, ok, true)
	}
	writeJSON(w, http.StatusOK, out)
}

// failed sends an error that the server within answered, in the shape. One that
// is no OAuth error is that of a proxy, or of a machine: it has no shape, and
// goes as it is. It reports whether there was an error.
func (s *shaped) failed(w http.ResponseWriter, answer *httptest.ResponseRecorder, codeAt string) bool {
	if answer.Code < 400 {
		return false
	}
	in, status := decode(answer), answer.Code
	for _, name := range []string{"Content-Type", "Retry-After"} {
		if v := answer.Header().Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	if in["error"] == nil {
		w.WriteHeader(status)
		_, _ = w.Write(answer.Body.Bytes()) // the client is gone: nothing to do
		return true
	}
	code, _ := in["error"].(string)
	if own := s.Statuses[code]; own != 0 {
		status = own
	}
	if s.ErrorsIn200 {
		status = http.StatusOK
	}
	out := map[string]any{}
	put(out, codeAt, s.or(s.Codes[code], code))
	put(out, s.or(s.ErrorText, "error_description"), in["error_description"])
	for _, ok := range []string{s.OK, s.IdentifyOK} {
		if ok != "" {
			put(out, ok, false)
		}
	}
	writeJSON(w, status, out)
	return true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nothing to do
}

// put sets a dotted path ("a.0.b") of an object; of "a|b" the first.
func put(object map[string]any, at string, v any) {
	at, _, _ = strings.Cut(at, "|")
	head, rest, nested := strings.Cut(at, ".")
	if !nested {
		object[head] = v
		return
	}
	next, _, _ := strings.Cut(rest, ".")
	if i, err := strconv.Atoi(next); err == nil && i == 0 { // a list with one entry
		list, _ := object[head].([]any)
		if len(list) == 0 {
			list = []any{map[string]any{}}
		}
		if _, below, more := strings.Cut(rest, "."); more {
			if entry, ok := list[0].(map[string]any); ok {
				put(entry, below, v)
			}
		} else {
			list[0] = v
		}
		object[head] = list
		return
	}
	child, ok := object[head].(map[string]any)
	if !ok {
		child = map[string]any{}
		object[head] = child
	}
	put(child, rest, v)
}

// ReadShape reads a Shape from a JSON file.
func ReadShape(path string) (s Shape, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

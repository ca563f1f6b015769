// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

const (
	salesforceLife = 2 * time.Hour // the default session timeout
	salesforceOrg  = "00DDEMO0000001EAA"
	salesforceAPI  = "/services/data"
)

// salesforce plays login.salesforce.com and the API of one org behind it, with
// an External Client App that rotates refresh tokens. What it does like
// Salesforce: redirect URIs to the letter, port included; no expires_in;
// instance_url, identity URL and issued_at in the answer; introspection for
// clients with a secret; the API's 401 INVALID_SESSION_ID; a rotated refresh
// token that is dead at once; a revocation that takes a token's whole family.
type salesforce struct {
	*site
	mux *http.ServeMux
	now func() time.Time
}

var salesforceUsers = []oauthtest.User{
	{Subject: "005DEMO0000001AAA", Login: "ada@demo.example.test", Name: "Ada (demo)", Email: "ada.demo@example.test"},
	{Subject: "005DEMO0000002AAA", Login: "grace@demo.example.test", Name: "Grace (demo)", Email: "grace.demo@example.test"},
}

var salesforceScopes = []scopeText{
	{Name: "api", Title: "Manage your data through the API"},
	{Name: "refresh_token", Title: "Act for you at any time"}, {Name: "offline_access", Title: "Act for you at any time"},
	{Name: "id", Title: "Read who you are"}, {Name: "openid", Title: "Read who you are"},
	{Name: "profile", Title: "Read your profile"}, {Name: "email", Title: "Read your e-mail address"},
	{Name: "web", Title: "Manage your data on the web"}, {Name: "full", Title: "Everything that you can do"},
	{Name: "address", Title: "Read your address"},
	{Name: "phone", Title: "Read your phone number"},
	{Name: "visualforce", Title: "Use Visualforce pages as you"},
	{Name: "lightning", Title: "Use Lightning pages and components as you"},
	{Name: "content", Title: "Use files that you see in Salesforce as you"},
	{Name: "wave_api", Title: "Use CRM Analytics as you"},
	{Name: "eclair_api", Title: "Use Analytics chart geodata"},
	{Name: "pardot_api", Title: "Use Account Engagement (Pardot) as you"},
	{Name: "cdp_api", Title: "Use Data Cloud as you"},
	{Name: "cdp_ingest_api", Title: "Load data into Data Cloud"},
	{Name: "cdp_query_api", Title: "Query data in Data Cloud"},
	{Name: "cdp_profile_api", Title: "Read profiles in Data Cloud"},
	{Name: "einstein_gpt_api", Title: "Use Einstein’s generative AI as you"},
	{Name: "sfap_api", Title: "Use the Salesforce API Platform (Agentforce) as you"},
	{Name: "chatbot_api", Title: "Use Einstein bots and agents as you"},
	{Name: "chatter_api", Title: "Your Chatter"}, {Name: "custom_permissions", Title: "Your custom permissions"},
}

func newSalesforce(o Options) *salesforce {
	life := salesforceLife
	if o.AccessLife > 0 {
		life = o.AccessLife
	}
	s := &salesforce{mux: http.NewServeMux(), now: o.Now, site: &site{
		switches: &switches{}, id: "salesforce", title: "Salesforce", authorizePath: "/services/oauth2/authorize", scopes: salesforceScopes, hint: "login_hint",
	}}
	if s.now == nil {
		s.now = time.Now
	}
	s.read = s.readRequest
	app := client(s.slug())
	app.AnyPort, app.AnyPath = false, false
	app.RedirectURIs = append([]string{"http://localhost:4780/callback/salesforce"}, o.Callbacks...)
	s.Authority = oauthtest.NewAuthority([]oauthtest.Client{app}, salesforceUsers, oauthtest.Rules{
		LivesFor: func(scopes []string) oauthtest.Lives {
			asked := slices.Contains(scopes, "refresh_token") || slices.Contains(scopes, "offline_access")
			return oauthtest.Lives{Access: life, NoRefresh: !asked}
		},
		Rotate: true,
		NewToken: func(kind string) string {
			return map[string]string{"access": salesforceOrg[:15] + "!", "refresh": "5Aep861", "code": "aPrx"}[kind] + oauthtest.Random()
		},
		Now: o.Now,
	})
	api := http.NewServeMux()
	api.HandleFunc("POST /services/oauth2/token", s.token)
	api.HandleFunc("/services/oauth2/revoke", s.revoke)
	api.HandleFunc("POST /services/oauth2/introspect", s.introspect)
	api.HandleFunc("GET /services/oauth2/userinfo", s.identity)
	api.HandleFunc("GET /id/{org}/{user}", s.identity)
	api.HandleFunc(salesforceAPI+"/", s.data)
	s.mux.Handle("/", s.pages())
	for _, path := range []string{"POST /services/oauth2/token", "/services/oauth2/revoke", "POST /services/oauth2/introspect", "GET /services/oauth2/userinfo", "/id/", salesforceAPI + "/"} {
		s.mux.Handle(path, s.troubled(api))
	}
	return s
}

// ServeHTTP implements http.Handler.
func (s *salesforce) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *salesforce) readRequest(q url.Values) (*oauthtest.Request, *oauthtest.Problem) {
	r, p := s.Check(q)
	switch {
	case p != nil:
		return r, p
	case q.Get("response_type") != "code":
		return r, &oauthtest.Problem{Code: "unsupported_response_type", Text: "response type not supported"}
	case len(s.known(r.Scopes)) != len(r.Scopes):
		return r, &oauthtest.Problem{Code: "invalid_scope", Text: "the requested scope is not allowed"}
	}
	return r, nil
}

func (s *salesforce) fail(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]any{"error": code, "error_description": text})
}

// clientOf authenticates by body or header. What it wrote is the refusal.
func (s *salesforce) clientOf(w http.ResponseWriter, r *http.Request) (string, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.ParseForm() != nil {
		s.fail(w, http.StatusBadRequest, "invalid_request", "the request cannot be read")
		return "", false
	}
	id, secret := r.Form.Get("client_id"), r.Form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = user, password
	}
	if _, known := s.Client(id); !known {
		s.fail(w, http.StatusBadRequest, "invalid_client_id", "client identifier invalid")
		return "", false
	}
	if _, p := s.Authenticate(id, secret); p != nil {
		s.fail(w, http.StatusBadRequest, "invalid_client", "invalid client credentials")
		return "", false
	}
	return id, true
}

func (s *salesforce) token(w http.ResponseWriter, r *http.Request) {
	id, ok := s.clientOf(w, r)
	if !ok {
		return
	}
	var (
		t *oauthtest.Tokens
		p *oauthtest.Problem
	)
	switch v := r.Form; v.Get("grant_type") {
	case "authorization_code":
		if t, p = s.Redeem(id, v.Get("code"), v.Get("redirect_uri"), v.Get("code_verifier")); p != nil && p.Param == "redirect_uri" {
			s.fail(w, http.StatusBadRequest, "redirect_uri_mismatch", "redirect_uri must match configuration")
			return
		} else if p != nil {
			s.fail(w, http.StatusBadRequest, "invalid_grant", "authentication failure")
			return
		}
	case "refresh_token":
		if t, p = s.Refresh(id, v.Get("refresh_token"), nil); p != nil {
			s.fail(w, http.StatusBadRequest, "invalid_grant", "expired access/refresh token")
			return
		}
	default:
		s.fail(w, http.StatusBadRequest, "unsupported_grant_type", "grant type not supported")
		return
	}
	out := map[string]any{
		"access_token": t.Access, "token_type": "Bearer", "scope": strings.Join(t.Scopes, " "), "signature": "c2FuZGJveA==",
		"instance_url": s.origin(r), "id": fmt.Sprintf("%s/id/%s/%s", s.origin(r), salesforceOrg, t.User.Subject),
		"issued_at": strconv.FormatInt(t.IssuedAt.UnixMilli(), 10),
	}
	if t.Refresh != "" && !t.RefreshUnchanged {
		out["refresh_token"] = t.Refresh
	}
	writeJSON(w, http.StatusOK, out)
}

// revoke takes a token with everything that came of the same consent. An
// unknown one is an error, as at Salesforce.
func (s *salesforce) revoke(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if !s.RevokeTokens(ClientID, r.FormValue("token")) {
		s.fail(w, http.StatusBadRequest, "unsupported_token_type", "this token type is not supported, or the token is invalid")
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *salesforce) introspect(w http.ResponseWriter, r *http.Request) {
	id, ok := s.clientOf(w, r)
	if !ok {
		return
	}
	info, live := s.Lookup(r.Form.Get("token"))
	if !live || info.ClientID != id {
		writeJSON(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"active": true, "scope": strings.Join(info.Scopes, " "), "client_id": id, "username": info.User.Login,
		"sub": fmt.Sprintf("%s/id/%s/%s", s.origin(r), salesforceOrg, info.User.Subject), "token_type": "access_token",
		"exp": info.Expires.Unix(), "iat": s.now().Unix(),
	})
}

// caller is whose token an API was called with.
func (s *salesforce) caller(r *http.Request) (oauthtest.Info, bool) {
	kind, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") && !strings.EqualFold(kind, "OAuth") {
		return oauthtest.Info{}, false
	}
	return s.Lookup(access)
}

// identity is the identity URL, and userinfo.
func (s *salesforce) identity(w http.ResponseWriter, r *http.Request) {
	info, ok := s.caller(r)
	if !ok {
		http.Error(w, "Bad_OAuth_Token", http.StatusForbidden) // in plain text, as Salesforce does
		return
	}
	if user := r.PathValue("user"); user != "" && user != info.User.Subject {
		http.Error(w, "Missing_OAuth_Token", http.StatusForbidden)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": fmt.Sprintf("%s/id/%s/%s", s.origin(r), salesforceOrg, info.User.Subject), "user_id": info.User.Subject, "organization_id": salesforceOrg,
		"sub":      fmt.Sprintf("%s/id/%s/%s", s.origin(r), salesforceOrg, info.User.Subject),
		"username": info.User.Login, "preferred_username": info.User.Login, "display_name": info.User.Name, "name": info.User.Name, "email": info.User.Email,
		"photos": map[string]any{"picture": s.pictureURL(r, info.User), "thumbnail": s.pictureURL(r, info.User)},
	})
}

// data is a small part of the REST API: versions, a query, limits.
func (s *salesforce) data(w http.ResponseWriter, r *http.Request) {
	if strings.TrimSuffix(r.URL.Path, "/") == salesforceAPI {
		writeJSON(w, http.StatusOK, []any{map[string]any{"label": "Winter '27", "url": salesforceAPI + "/v66.0", "version": "66.0"}})
		return
	}
	info, ok := s.caller(r)
	if !ok {
		writeJSON(w, http.StatusUnauthorized, []any{map[string]any{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}})
		return
	}
	if !slices.Contains(info.Scopes, "api") && !slices.Contains(info.Scopes, "full") {
		writeJSON(w, http.StatusForbidden, []any{map[string]any{"message": "This session is not valid for use with the API", "errorCode": "API_DISABLED_FOR_ORG"}})
		return
	}
	if strings.HasSuffix(r.URL.Path, "/query") {
		writeJSON(w, http.StatusOK, map[string]any{"totalSize": 1, "done": true, "records": []any{map[string]any{
			"attributes": map[string]any{"type": "Account", "url": salesforceAPI + "/v66.0/sobjects/Account/001DEMO0000001AAA"},
			"Id":         "001DEMO0000001AAA", "Name": "Demo Account of " + info.User.Name,
		}}})
		return
	}
	writeJSON(w, http.StatusNotFound, []any{map[string]any{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}})
}

// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

const (
	googleAccessLife = 3599 * time.Second // Google's number
	googleTesting    = 7 * 24 * time.Hour // of refresh tokens, while the consent screen is in "Testing"

	// DeviceClientID is the client of the type "TVs and Limited Input devices",
	// which Google wants for the device flow. Its secret is ClientSecret.
	DeviceClientID = "standpipe-sandbox-device-client"
)

// google plays Google's authorization server with a desktop client whose
// consent screen is in "Testing". What it does like Google: discovery and ID
// tokens; a refresh token only with access_type=offline, and only on the first
// consent or with prompt=consent; scopes that the user leaves out; e-mail and
// profile spelled as URLs in answers; incremental consent; refresh answers
// without a refresh token; refresh tokens of seven days; one revocation that
// ends everything; the device flow for another client type only. What it does
// not: it asks for consent each time.
type google struct {
	*site
	*oauthtest.Signer
	mux *http.ServeMux
}

var googleUsers = []oauthtest.User{
	{Subject: "100000000000000000001", Login: "ada.demo@example.test", Name: "Ada (demo)", Email: "ada.demo@example.test"},
	{Subject: "100000000000000000002", Login: "grace.demo@example.test", Name: "Grace (demo)", Email: "grace.demo@example.test"},
}

const googleAPI = "https://www.googleapis.com/auth/"

var googleScopes = []scopeText{
	{Name: "openid", Title: "Know who you are", Fixed: true},
	{Name: "email", Title: "See your e-mail address", Fixed: true},
	{Name: "profile", Title: "See your name and picture", Fixed: true},
	{Name: googleAPI + "userinfo.email", Title: "See your e-mail address", Fixed: true},
	{Name: googleAPI + "userinfo.profile", Title: "See your name and picture", Fixed: true},
	{Name: "https://mail.google.com/", Title: "Read, write, send and delete all your mail"},
	{Name: googleAPI + "gmail.readonly", Title: "Read your mail"},
	{Name: googleAPI + "gmail.send", Title: "Send mail as you"},
	{Name: googleAPI + "gmail.modify", Title: "Read, write and send your mail"},
	{Name: googleAPI + "calendar", Title: "See and change your calendars"},
	{Name: googleAPI + "calendar.readonly", Title: "See your calendars"},
	{Name: googleAPI + "calendar.events", Title: "See and change events"},
	{Name: googleAPI + "drive", Title: "See, change and delete all your files"},
	{Name: googleAPI + "drive.readonly", Title: "See all your files"},
	{Name: googleAPI + "drive.file", Title: "See and change the files that you open with the app"},
	{Name: googleAPI + "spreadsheets", Title: "See and change your sheets"},
	{Name: googleAPI + "documents", Title: "See and change your documents"},
	{Name: googleAPI + "contacts.readonly", Title: "See your contacts"},
	{Name: googleAPI + "tasks", Title: "See and change your tasks"},
	{Name: googleAPI + "gmail.compose", Title: "Write drafts and send mail as you"},
	{Name: googleAPI + "gmail.metadata", Title: "See senders, subjects and labels of your mail, not its text"},
	{Name: googleAPI + "gmail.labels", Title: "See and change your mail labels"},
	{Name: googleAPI + "gmail.settings.basic", Title: "See and change your mail settings and filters"},
	{Name: googleAPI + "calendar.events.readonly", Title: "See events in your calendars"},
	{Name: googleAPI + "calendar.freebusy", Title: "See when you are busy"},
	{Name: googleAPI + "drive.metadata.readonly", Title: "See names and details of all your files, not their content"},
	{Name: googleAPI + "drive.appdata", Title: "Keep the app’s own data in your Drive"},
	{Name: googleAPI + "documents.readonly", Title: "See all your documents"},
	{Name: googleAPI + "spreadsheets.readonly", Title: "See all your spreadsheets"},
	{Name: googleAPI + "presentations", Title: "See, change, make and delete all your presentations"},
	{Name: googleAPI + "presentations.readonly", Title: "See all your presentations"},
	{Name: googleAPI + "forms.body", Title: "See, change, make and delete all your forms"},
	{Name: googleAPI + "forms.responses.readonly", Title: "See the answers to your forms"},
	{Name: googleAPI + "contacts", Title: "See, change and delete your contacts"},
	{Name: googleAPI + "contacts.other.readonly", Title: "See people whom Google saved from your mail"},
	{Name: googleAPI + "directory.readonly", Title: "See people of your organization"},
	{Name: googleAPI + "tasks.readonly", Title: "See your tasks"},
	{Name: googleAPI + "chat.messages", Title: "Read and write your Chat messages"},
	{Name: googleAPI + "chat.messages.readonly", Title: "Read your Chat messages"},
	{Name: googleAPI + "meetings.space.created", Title: "Make meetings, and see those that the app made"},
	{Name: googleAPI + "youtube", Title: "Manage your YouTube account"},
	{Name: googleAPI + "youtube.upload", Title: "Upload videos to your YouTube channel"},
	{Name: googleAPI + "analytics.readonly", Title: "See your Analytics data"},
	{Name: googleAPI + "webmasters.readonly", Title: "See Search Console data of your sites"},
	{Name: googleAPI + "bigquery", Title: "See and change your data in BigQuery"},
	{Name: googleAPI + "cloud-platform", Title: "See, change and delete everything in your Google Cloud projects"},
	{Name: googleAPI + "youtube.readonly", Title: "See your YouTube account"},
}

func newGoogle(o Options) (*google, error) {
	signer, err := oauthtest.NewSigner()
	if err != nil {
		return nil, err
	}
	life := googleAccessLife
	if o.AccessLife > 0 {
		life = o.AccessLife
	}
	g := &google{Signer: signer, mux: http.NewServeMux(), site: &site{
		switches: &switches{}, id: "google", title: "Google", authorizePath: "/o/oauth2/v2/auth", devicePath: "/device",
		scopes: googleScopes, untick: true, issuer: true, hint: "login_hint",
	}}
	g.read, g.adjust = g.readRequest, adjustGoogle(g)
	device := oauthtest.Client{ID: DeviceClientID, Secret: ClientSecret, Name: "Standpipe (sandbox, device)"}
	g.Authority = oauthtest.NewAuthority([]oauthtest.Client{client(g.slug()), device}, googleUsers, oauthtest.Rules{
		Lives: oauthtest.Lives{Access: life},
		LivesFor: func(scopes []string) oauthtest.Lives {
			lives := oauthtest.Lives{Access: life, Refresh: googleTesting}
			if !slices.ContainsFunc(scopes, func(s string) bool { return !basicGoogle(s) }) {
				lives.Refresh = 0
			}
			return lives
		},
		NewToken: func(kind string) string {
			return map[string]string{"access": "ya29.", "refresh": "1//0", "code": "4/0A"}[kind] + oauthtest.Random()
		},
		Now: o.Now,
	})
	api := http.NewServeMux()
	api.HandleFunc("GET /.well-known/openid-configuration", g.discovery)
	api.HandleFunc("GET /oauth2/v3/certs", g.certs)
	api.HandleFunc("POST /token", g.token)
	api.HandleFunc("POST /revoke", g.revoke)
	api.HandleFunc("GET /v1/userinfo", g.userinfo)
	api.HandleFunc("POST /device/code", g.deviceCode)
	g.mux.Handle("/", g.pages())
	for _, path := range []string{"/.well-known/", "/oauth2/", "/token", "/revoke", "/v1/", "/device/code"} {
		g.mux.Handle(path, g.troubled(api))
	}
	return g, nil
}

// basicGoogle are the scopes with which a grant outlives the seven days.
func basicGoogle(scope string) bool {
	return slices.Contains([]string{"openid", "email", "profile", googleAPI + "userinfo.email", googleAPI + "userinfo.profile"}, scope)
}

// ServeHTTP implements http.Handler.
func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// readRequest refuses what Google refuses: other response types, unknown
// scopes, and a client that is registered for devices.
func (g *google) readRequest(q url.Values) (*oauthtest.Request, *oauthtest.Problem) {
	r, p := g.Check(q)
	switch {
	case p != nil:
		return r, p
	case q.Get("response_type") != "code":
		return nil, &oauthtest.Problem{Code: "invalid_request", Text: "Required parameter is missing: response_type"}
	case len(r.Scopes) == 0:
		return nil, &oauthtest.Problem{Code: "invalid_request", Text: "Missing required parameter: scope"}
	case len(g.known(r.Scopes)) != len(r.Scopes):
		return nil, &oauthtest.Problem{Code: "invalid_scope", Text: "Some requested scopes were invalid."}
	}
	return r, nil
}

// adjustGoogle decides over the refresh token, and adds what was granted before.
func adjustGoogle(g *google) func(*oauthtest.Request, oauthtest.User, url.Values) {
	return func(r *oauthtest.Request, u oauthtest.User, q url.Values) {
		before := g.Granted(r.ClientID, u.Login)
		asksAgain := slices.Contains(strings.Fields(q.Get("prompt")), "consent")
		r.NoRefresh = q.Get("access_type") != "offline" || len(before) > 0 && !asksAgain
		if q.Get("include_granted_scopes") == "true" {
			for _, s := range before {
				if !slices.Contains(r.Scopes, s) {
					r.Scopes = append(r.Scopes, s)
				}
			}
		}
	}
}

func (g *google) discovery(w http.ResponseWriter, r *http.Request) {
	base := g.origin(r)
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": base, "authorization_endpoint": base + "/o/oauth2/v2/auth", "token_endpoint": base + "/token",
		"device_authorization_endpoint": base + "/device/code", "revocation_endpoint": base + "/revoke",
		"userinfo_endpoint": base + "/v1/userinfo", "jwks_uri": base + "/oauth2/v3/certs",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (g *google) certs(w http.ResponseWriter, _ *http.Request) {
	keys, err := g.Keys()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, keys)
}

// googleError is the shape of the token endpoint's errors.
func googleError(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]any{"error": code, "error_description": text})
}

func (g *google) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || r.ParseForm() != nil {
		googleError(w, http.StatusBadRequest, "invalid_request", "The request is no form.")
		return
	}
	v := r.PostForm
	id, secret := v.Get("client_id"), v.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = user, password
	}
	if _, known := g.Client(id); !known {
		googleError(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
		return
	}
	if _, p := g.Authenticate(id, secret); p != nil {
		googleError(w, http.StatusUnauthorized, "invalid_client", "Unauthorized")
		return
	}
	switch v.Get("grant_type") {
	case "authorization_code":
		t, p := g.Redeem(id, v.Get("code"), v.Get("redirect_uri"), v.Get("code_verifier"))
		switch {
		case p == nil:
			g.answer(w, r, t)
		case p.Param == "redirect_uri":
			googleError(w, http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request")
		case p.Param == "code_verifier":
			googleError(w, http.StatusBadRequest, "invalid_grant", "Invalid code verifier.")
		default:
			googleError(w, http.StatusBadRequest, "invalid_grant", "Malformed auth code.")
		}
	case "refresh_token":
		t, p := g.Refresh(id, v.Get("refresh_token"), nil)
		if p != nil {
			googleError(w, http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
			return
		}
		g.answer(w, r, t)
	case deviceGrant:
		t, p := g.PollDevice(id, v.Get("device_code"))
		if p == nil {
			g.answer(w, r, t)
			return
		}
		status := map[string]int{"authorization_pending": 428, "slow_down": http.StatusForbidden, "access_denied": http.StatusForbidden}[p.Code]
		if status == 0 {
			status = http.StatusBadRequest
		}
		googleError(w, status, p.Code, p.Text)
	default:
		googleError(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+v.Get("grant_type"))
	}
}

// answer writes a token answer. A refresh does not repeat the refresh token.
func (g *google) answer(w http.ResponseWriter, r *http.Request, t *oauthtest.Tokens) {
	out := map[string]any{"access_token": t.Access, "token_type": "Bearer", "expires_in": max(int(t.ExpiresIn/time.Second), 1), "scope": strings.Join(spelledOut(t.Scopes), " ")}
	if t.Refresh != "" && !t.RefreshUnchanged {
		out["refresh_token"] = t.Refresh
		if t.RefreshExpires > 0 {
			out["refresh_token_expires_in"] = int(t.RefreshExpires / time.Second)
		}
	}
	if slices.Contains(t.Scopes, "openid") {
		claims := g.claims(r, t.User, t.Scopes)
		claims["iss"], claims["aud"], claims["azp"] = g.origin(r), t.ClientID, t.ClientID
		claims["iat"], claims["exp"] = t.IssuedAt.Unix(), t.IssuedAt.Add(time.Hour).Unix()
		claims["at_hash"] = oauthtest.AccessTokenHash(t.Access)
		if t.Nonce != "" {
			claims["nonce"] = t.Nonce
		}
		out["id_token"] = g.Sign(claims)
	}
	writeJSON(w, http.StatusOK, out)
}

// spelledOut are scopes as Google's answers name them.
func spelledOut(scopes []string) []string {
	out := slices.Clone(scopes)
	for i, s := range out {
		if s == "email" || s == "profile" {
			out[i] = googleAPI + "userinfo." + s
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (g *google) claims(r *http.Request, u oauthtest.User, scopes []string) map[string]any {
	out := map[string]any{"sub": u.Subject}
	if scopes := spelledOut(scopes); slices.Contains(scopes, googleAPI+"userinfo.email") {
		out["email"], out["email_verified"] = u.Email, true
	}
	if scopes := spelledOut(scopes); slices.Contains(scopes, googleAPI+"userinfo.profile") {
		out["name"], out["picture"] = u.Name, g.pictureURL(r, u)
	}
	return out
}

func (g *google) userinfo(w http.ResponseWriter, r *http.Request) {
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	info, ok := g.Lookup(access)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		googleError(w, http.StatusUnauthorized, "invalid_request", "Invalid Credentials")
		return
	}
	writeJSON(w, http.StatusOK, g.claims(r, info.User, info.Scopes))
}

// revoke ends everything that the client has of the account, whichever token it
// is given; without client authentication.
func (g *google) revoke(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	token := r.FormValue("token")
	for _, id := range []string{ClientID, DeviceClientID} {
		if g.RevokeGrant(id, token) {
			writeJSON(w, http.StatusOK, map[string]any{})
			return
		}
	}
	googleError(w, http.StatusBadRequest, "invalid_token", "Token expired or revoked")
}

func (g *google) deviceCode(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	id := r.FormValue("client_id")
	scopes := strings.Fields(r.FormValue("scope"))
	switch _, known := g.Client(id); {
	case !known:
		googleError(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	case id != DeviceClientID:
		googleError(w, http.StatusUnauthorized, "invalid_client", "Invalid client type.")
	case slices.ContainsFunc(scopes, func(s string) bool {
		return !basicGoogle(s) && s != googleAPI+"drive.file" && s != googleAPI+"youtube.readonly"
	}):
		googleError(w, http.StatusBadRequest, "invalid_scope", "Invalid device flow scope.")
	default:
		writeJSON(w, http.StatusOK, g.deviceFields(r, g.StartDevice(id, g.known(scopes)), "verification_url"))
	}
}

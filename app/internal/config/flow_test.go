// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/configs"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/secret"
)

const (
	testClient = "client"
	testSecret = "client & s3cret"
)

// playing is how the test server plays one provider.
type playing struct {
	// below is the path below which its OAuth endpoints are.
	below string
	// overlay points the definition at the server, {server}; empty: config does.
	overlay string
	config  map[string]string
	quirks  oauthtest.Quirks
	// identity is the path of the endpoint that names the account, and names
	// its answer for a user.
	identity string
	names    func(oauthtest.User) any
	// extra goes into each token answer.
	extra map[string]any
	scope []string // what is asked for
	want  sdk.Account
	// refusal is an answer of the token endpoint to a refresh, and what the
	// definition's error map makes of it.
	refusal string
	status  int
	refused sdk.Error
}

var octocat = oauthtest.User{Subject: "u-1", Login: "octocat", Name: "The Octocat", Email: "octocat@example.test", Picture: "https://pictures.example.test/octocat.png"}

const endpointsOverlay = `
  authorize_url = "{server}/authorize"
  token_url     = "{server}/token"
`

var plays = map[string]playing{
	"microsoft": {
		overlay: endpointsOverlay + `identity { url = "{server}/v1.0/me" }`,
		quirks:  oauthtest.Quirks{CallbackIssuer: "-"},
		scope:   []string{"offline_access", "User.Read"}, identity: "GET /v1.0/me",
		names: func(u oauthtest.User) any {
			return map[string]any{"id": u.Subject, "userPrincipalName": u.Email, "displayName": u.Name, "mail": nil}
		},
		want:    sdk.Account{Issuer: "https://login.microsoftonline.com", Subject: "u-1", Login: octocat.Email, Name: octocat.Name, Email: octocat.Email},
		refusal: `{"error":"invalid_grant","error_codes":[50076],"error_description":"AADSTS50076: use multi-factor authentication"}`, status: 400,
		refused: sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonPolicy},
	},
	"gitlab": {
		below: "/oauth", config: map[string]string{"base_url": "{server}"},
		quirks: oauthtest.Quirks{CallbackIssuer: "-"},
		scope:  []string{"read_user"}, identity: "GET /api/v4/user",
		names: func(u oauthtest.User) any {
			return map[string]any{"id": 42, "username": u.Login, "name": u.Name, "email": u.Email, "avatar_url": u.Picture}
		},
		want:    sdk.Account{Issuer: "{server}", Subject: "42", Login: octocat.Login, Name: octocat.Name, Email: octocat.Email, Picture: octocat.Picture},
		refusal: `{"error":"invalid_grant","error_description":"The provided authorization grant is invalid, expired, revoked"}`, status: 400,
		refused: sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonUnknown},
	},
	"linear": {
		overlay: endpointsOverlay + `
			identity { url = "{server}/graphql" }
			revocation { url = "{server}/revoke" }`,
		quirks: oauthtest.Quirks{CallbackIssuer: "-", OnlyAuth: "body"},
		scope:  []string{"read", "issues:create"}, identity: "POST /graphql",
		names: func(u oauthtest.User) any {
			return map[string]any{"data": map[string]any{
				"viewer":       map[string]any{"id": u.Subject, "displayName": u.Login, "name": u.Name, "email": u.Email, "avatarUrl": u.Picture},
				"organization": map[string]any{"id": "org-1", "urlKey": "acme"},
			}}
		},
		want:    sdk.Account{Issuer: "https://linear.app", Subject: "u-1", Tenant: "org-1", Login: octocat.Login, Name: octocat.Name, Email: octocat.Email, Picture: octocat.Picture},
		refusal: `{"error":"invalid_grant","error_description":"refresh token was revoked"}`, status: 400,
		refused: sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRevoked},
	},
	"notion": {
		overlay: endpointsOverlay + `revocation { url = "{server}/revoke" }`,
		quirks:  oauthtest.Quirks{CallbackIssuer: "-", OnlyAuth: "basic", OnlyJSON: true, NoExpiresIn: true, OmitScope: true},
		extra: map[string]any{
			"bot_id": "bot-1", "workspace_id": "ws-1", "workspace_name": "Acme",
			"owner": map[string]any{"user": map[string]any{"id": "u-1", "name": octocat.Name, "avatar_url": octocat.Picture, "person": map[string]any{"email": octocat.Email}}},
		},
		want:    sdk.Account{Issuer: "https://api.notion.com", Subject: "u-1", Tenant: "ws-1", Login: octocat.Email, Name: octocat.Name, Email: octocat.Email, Picture: octocat.Picture},
		refusal: `{"object":"error","status":409,"code":"conflict_error","message":"try again"}`, status: 409,
		refused: sdk.Error{Code: sdk.CodeTemporary},
	},
	"discord": {
		overlay: endpointsOverlay + `
			identity { url = "{server}/users/@me" }
			revocation { url = "{server}/revoke" }`,
		quirks: oauthtest.Quirks{CallbackIssuer: "-", OnlyAuth: "basic"},
		scope:  []string{"identify", "email"}, identity: "GET /users/@me",
		names: func(u oauthtest.User) any {
			return map[string]any{"id": "80351110224678912", "username": u.Login, "global_name": nil, "email": u.Email, "avatar": "a_1/2"}
		},
		want: sdk.Account{Issuer: "https://discord.com", Subject: "80351110224678912", Login: octocat.Login, Name: octocat.Login, Email: octocat.Email,
			Picture: "https://cdn.discordapp.com/avatars/80351110224678912/a_1%2F2.png?size=128"},
		refusal: `{"message":"You are being rate limited.","retry_after":1.5}`, status: 429,
		refused: sdk.Error{Code: sdk.CodeRateLimited},
	},
	"openid": {
		config:  map[string]string{"issuer": "{server}"},
		scope:   []string{"openid", "profile", "email"},
		want:    sdk.Account{Issuer: "{server}", Subject: "u-1", Login: octocat.Login, Name: octocat.Name, Email: octocat.Email, Picture: octocat.Picture},
		refusal: `{"error":"invalid_grant","error_description":"Session not active"}`, status: 400,
		refused: sdk.Error{Code: sdk.CodeReauthorizationRequired, Reason: sdk.ReasonRefreshExpired},
	},
}

// stage is a server that plays a provider, and the definition that is pointed
// at it.
type stage struct {
	*playing
	t        *testing.T
	srv      *oauthtest.Server
	provider *oauth.Standard
	target   sdk.Target
	redirect string
}

func newStage(t *testing.T, slug string) *stage {
	t.Helper()
	p, ok := plays[slug]
	if !ok {
		t.Fatalf("no test server plays %s: give it a case", slug)
	}
	s := &stage{playing: &p, t: t}
	mux := http.NewServeMux()
	outside := httptest.NewServer(mux)
	t.Cleanup(outside.Close)
	here := func(text string) string { return strings.ReplaceAll(text, "{server}", outside.URL) }
	p.want.Issuer = here(p.want.Issuer)

	dir := t.TempDir()
	if p.overlay != "" {
		write(t, filepath.Join(dir, "test.hcl"), "provider \""+slug+"\" {\n"+here(p.overlay)+"\n}\n", 0o644)
	}
	definitions, diags := LoadProviders(configs.Providers(), dir)
	if len(diags) > 0 {
		t.Fatal(render(t, diags))
	}
	i := slices.IndexFunc(definitions, func(d Definition) bool { return d.Slug == slug })
	var err error
	if s.provider, err = oauth.ParseDefinition(definitions[i].JSON); err != nil {
		t.Fatal(err)
	}
	host := "127.0.0.1"
	if s.provider.Descriptor.Redirect.Host == sdk.RedirectLocalhost {
		host = "localhost"
	}
	s.redirect = "http://" + host + ":4780/callback/" + slug
	s.target = sdk.Target{Provider: slug, ClientID: testClient, Config: map[string]string{}}
	for k, v := range p.config {
		s.target.Config[k] = here(v)
	}

	rules := oauthtest.Rules{
		Lives:       oauthtest.Lives{Access: time.Hour},
		Rotate:      s.provider.Descriptor.Rotation != sdk.RotationNone,
		Grace:       time.Duration(s.provider.Descriptor.GraceWindow),
		RequirePKCE: s.provider.Descriptor.PKCE != sdk.PKCENever,
	}
	if s.provider.Descriptor.Rotation == sdk.RotationSoft {
		rules.Grace = 24 * time.Hour
	}
	s.srv, err = oauthtest.New(oauthtest.Options{
		URL: outside.URL + p.below, Users: []oauthtest.User{octocat}, Rules: rules, Quirks: p.quirks,
		Clients: []oauthtest.Client{{ID: testClient, Secret: testSecret, RedirectURIs: []string{s.redirect}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.srv.Close() })
	mux.Handle(p.below+"/", http.StripPrefix(p.below, s.srv))
	mux.HandleFunc("POST "+p.below+"/token", s.token)
	if p.identity != "" {
		mux.HandleFunc(p.identity, s.account)
	}
	return s
}

// token adds what only this provider says to a token answer.
func (s *stage) token(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	http.StripPrefix(s.below, s.srv).ServeHTTP(rec, r)
	body := rec.Body.Bytes()
	if rec.Code == http.StatusOK && s.extra != nil {
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			s.t.Errorf("token answer: %v", err)
		}
		maps.Copy(answer, s.extra)
		body, _ = json.Marshal(answer)
	}
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(body)
}

// account is the provider's own way of naming the user of a token.
func (s *stage) account(w http.ResponseWriter, r *http.Request) {
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	info, live := s.srv.Lookup(access)
	if !live {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodPost {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil || !json.Valid(body.Bytes()) || r.Header.Get("Content-Type") != "application/json" {
			s.t.Errorf("the identity request is no JSON: %s", body.String())
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.names(info.User)); err != nil {
		s.t.Error(err)
	}
}

// connect goes from the authorization URL to the first token set.
func (s *stage) connect() *sdk.ExchangeResponse {
	s.t.Helper()
	verifier := oauth2.GenerateVerifier()
	auth, err := s.provider.Authorize(s.t.Context(), &sdk.AuthorizeRequest{
		Target: s.target, RedirectURI: s.redirect, State: "state", Nonce: "nonce", Scopes: s.scope,
		CodeChallenge: oauth2.S256ChallengeFromVerifier(verifier),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	callback, err := s.srv.Approve(auth.URL, octocat.Login)
	if err != nil {
		s.t.Fatalf("%s: %v", auth.URL, err)
	}
	back, err := url.Parse(callback)
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := s.provider.Exchange(s.t.Context(), &sdk.ExchangeRequest{
		Target: s.target, ClientSecret: secret.New(testSecret), Code: secret.New(back.Query().Get("code")),
		CodeVerifier: secret.New(verifier), RedirectURI: s.redirect, Nonce: "nonce", Scopes: s.scope,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *stage) refresh(token secret.Value) (*sdk.RefreshResponse, error) {
	return s.provider.Refresh(s.t.Context(), &sdk.RefreshRequest{
		Target: s.target, ClientSecret: secret.New(testSecret), RefreshToken: token, RedirectURI: s.redirect,
	})
}

// TestBundledFlows takes every bundled definition through the life of a
// connection, against a server that plays the provider.
func TestBundledFlows(t *testing.T) {
	definitions, _ := LoadProviders(configs.Providers())
	for _, d := range definitions {
		t.Run(d.Slug, func(t *testing.T) {
			s := newStage(t, d.Slug)
			first := s.connect()
			account := first.Account
			if account == nil {
				who, err := s.provider.Identify(t.Context(), &sdk.IdentifyRequest{
					Target: s.target, AccessToken: first.Tokens.AccessToken, IDToken: first.Tokens.IDToken,
				})
				if err != nil {
					t.Fatal(err)
				}
				account = &who.Account
			}
			if *account != s.want {
				t.Errorf("account %+v, want %+v", *account, s.want)
			}
			second, err := s.refresh(first.Tokens.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			if _, live := s.srv.Lookup(second.Tokens.AccessToken.Reveal()); !live || second.RefreshToken != sdk.RefreshRotated {
				t.Errorf("a refresh gives %+v", second)
			}
			s.revoke(second.Tokens)
		})
	}
}

// revoke withdraws the tokens as far as the definition says that it can.
func (s *stage) revoke(tokens sdk.TokenSet) {
	s.t.Helper()
	reach := s.provider.Descriptor.Revoke
	request := &sdk.RevokeRequest{
		Target: s.target, ClientSecret: secret.New(testSecret), Token: tokens.RefreshToken, Kind: sdk.RefreshToken, Reach: reach,
	}
	if r := s.provider.Revocation; r != nil && len(r.Kinds) > 0 && !slices.Contains(r.Kinds, sdk.RefreshToken) {
		request.Token, request.Kind = tokens.AccessToken, sdk.AccessToken
	}
	if reach == sdk.ReachNone {
		request.Reach = sdk.ReachToken
		if _, err := s.provider.Revoke(s.t.Context(), request); sdk.CodeOf(err) != sdk.CodeUnsupported {
			s.t.Errorf("it says that it cannot revoke: %v", err)
		}
		return
	}
	out, err := s.provider.Revoke(s.t.Context(), request)
	if err != nil || out.Revoked != reach {
		s.t.Fatalf("revoke: %+v, %v", out, err)
	}
	if _, live := s.srv.Lookup(tokens.AccessToken.Reveal()); live {
		s.t.Error("the access token lives on")
	}
	if reach == sdk.ReachGrant {
		request.Reach = sdk.ReachToken
		if _, err := s.provider.Revoke(s.t.Context(), request); sdk.CodeOf(err) != sdk.CodeUnsupported {
			s.t.Errorf("asked for one token, it revokes them all: %v", err)
		}
	}
}

// TestBundledErrors: each definition understands an error in its provider's own
// words, and takes an outage for an outage.
func TestBundledErrors(t *testing.T) {
	for slug := range plays {
		t.Run(slug, func(t *testing.T) {
			s := newStage(t, slug)
			first := s.connect()
			s.srv.Fail(oauthtest.EndpointToken, 1, oauthtest.HTMLErrorPage)
			if _, err := s.refresh(first.Tokens.RefreshToken); sdk.CodeOf(err) != sdk.CodeTemporary {
				t.Errorf("an outage: %v", err)
			}
			s.srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Status: s.status, ContentType: "application/json", Body: s.refusal})
			_, err := s.refresh(first.Tokens.RefreshToken)
			var got *sdk.Error
			if got, _ = err.(*sdk.Error); got == nil || got.Code != s.refused.Code || got.Reason != s.refused.Reason || got.Field != s.refused.Field {
				t.Errorf("%s: %v, want %v", s.refusal, err, &s.refused)
			}
			if _, err := s.refresh(first.Tokens.RefreshToken); err != nil {
				t.Errorf("after that: %v", err)
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"testing"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// openID has nothing but an issuer.
func openID(change func(*oauth.Standard)) *oauth.Standard {
	s := &oauth.Standard{
		Descriptor: sdk.Descriptor{
			Slug: "test", Name: "Testhub", Revoke: sdk.ReachToken,
			Config: []sdk.ConfigField{{Key: "base_url", Kind: sdk.FieldURL}},
		},
		Issuer: "{base_url}", ClientAuth: oauth.AuthBasic, Revocation: &oauth.Revocation{},
	}
	if change != nil {
		change(s)
	}
	return s
}

func TestOpenID(t *testing.T) {
	const picture = "https://pictures.example.test/octocat.png"
	srv := start(t, func(o *oauthtest.Options) { o.Users[0].Picture = picture })
	p := openID(nil)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	auth, err := p.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: target(srv), RedirectURI: redirectURI, CodeChallenge: "x"})
	if err != nil || auth.Issuer != srv.URL || !auth.IssuerRequired {
		t.Fatalf("%+v, %v", auth, err)
	}
	out, err := connect(t, srv, p, "openid")
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Account{Issuer: srv.URL, Subject: "9007199254740993", Login: "octocat", Name: "The Octocat", Email: "o@example.test", Picture: picture}
	if out.Account == nil || *out.Account != want {
		t.Errorf("account %+v", out.Account)
	}
	renewed, err := refresh(t, srv, p, out.Tokens.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	who, err := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target(srv), AccessToken: renewed.Tokens.AccessToken})
	if err != nil || who.Account != want {
		t.Errorf("userinfo: %+v, %v", who, err)
	}
	if _, err := revoke(t, srv, p, renewed.Tokens.RefreshToken, sdk.RefreshToken, sdk.ReachToken); err != nil {
		t.Errorf("revoke at the discovered endpoint: %v", err)
	}
}

func TestIDTokenIsVerified(t *testing.T) {
	for name, tamper := range map[string]func(map[string]any){
		"WrongIssuer":   func(c map[string]any) { c["iss"] = "https://evil.test" },
		"WrongAudience": func(c map[string]any) { c["aud"] = "somebody" },
		"SecondParty":   func(c map[string]any) { c["aud"] = []string{clientID, "other"} },
		"WrongParty":    func(c map[string]any) { c["azp"] = "other" },
		"Expired":       func(c map[string]any) { c["exp"] = 1 },
		"NoExpiry":      func(c map[string]any) { delete(c, "exp") },
		"NoIssuedAt":    func(c map[string]any) { delete(c, "iat") },
		"NoSubject":     func(c map[string]any) { delete(c, "sub") },
		"WrongNonce":    func(c map[string]any) { c["nonce"] = "other" },
		"NoNonce":       func(c map[string]any) { delete(c, "nonce") },
		"WrongHash":     func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" },
	} {
		t.Run(name, func(t *testing.T) {
			srv := start(t, func(o *oauthtest.Options) { o.Quirks.IDToken = tamper })
			_, err := connect(t, srv, openID(nil), "openid")
			wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"})
		})
	}
	t.Run("ForeignSignature", func(t *testing.T) {
		srv, other := start(t, nil), start(t, nil)
		p := openID(nil)
		out, err := connect(t, srv, p, "openid")
		if err != nil {
			t.Fatal(err)
		}
		forged := other.Sign(map[string]any{"iss": srv.URL, "aud": clientID, "sub": "9007199254740993", "iat": 1, "exp": 4102444800})
		_, err = p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target(srv), AccessToken: out.Tokens.AccessToken, IDToken: hide(forged)})
		wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"})
	})
	t.Run("Unsigned", func(t *testing.T) {
		srv := start(t, nil)
		p := openID(nil)
		// {"alg":"none"}.{"iss":…}: whatever it says, it is not looked at.
		_, err := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target(srv), AccessToken: hide("x"), IDToken: hide("eyJhbGciOiJub25lIn0.e30.")})
		wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"})
	})
	t.Run("KeysAway", func(t *testing.T) {
		srv := start(t, nil)
		srv.Fail(oauthtest.EndpointKeys, -1, oauthtest.HTMLErrorPage)
		_, err := connect(t, srv, openID(nil), "openid")
		wantError(t, err, sdk.Error{Code: sdk.CodeTemporary})
	})
	t.Run("Missing", func(t *testing.T) {
		srv := start(t, nil)
		_, err := connect(t, srv, openID(nil), "profile")
		wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "scopes"})
	})
}

func TestUserinfoMustBeOfTheSameSubject(t *testing.T) {
	srv := start(t, nil)
	p := openID(func(s *oauth.Standard) { s.Identity = &oauth.Identity{} })
	out, err := connect(t, srv, p, "openid")
	if err != nil || out.Account != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	ask := func() error {
		_, err := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target(srv), AccessToken: out.Tokens.AccessToken, IDToken: out.Tokens.IDToken})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	srv.Set(func(q *oauthtest.Quirks) { q.UserinfoSubject = "somebody else" })
	wantError(t, ask(), sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"})
}

func TestDiscovery(t *testing.T) {
	for name, tt := range map[string]struct {
		issuer string
		fault  oauthtest.Fault
		quirk  string
		want   sdk.Error
	}{
		"OtherIssuer": {quirk: "https://evil.test", want: sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"}},
		"Slash":       {quirk: "slash", want: sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"}},
		"HTML":        {fault: oauthtest.HTMLErrorPage, want: sdk.Error{Code: sdk.CodeTemporary}},
		"NotFound":    {fault: oauthtest.Fault{Status: 404}, want: sdk.Error{Code: sdk.CodeTemporary}},
		"PlainHTTP":   {issuer: "http://issuer.example.test", want: sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := start(t, nil)
			if tt.quirk != "" {
				srv.Set(func(q *oauthtest.Quirks) {
					q.MetadataIssuer = tt.quirk
					if tt.quirk == "slash" {
						q.MetadataIssuer = srv.URL + "/"
					}
				})
			}
			if tt.fault.Status != 0 {
				srv.Fail(oauthtest.EndpointMetadata, 1, tt.fault)
			}
			p := openID(func(s *oauth.Standard) {
				if tt.issuer != "" {
					s.Issuer = tt.issuer
				}
			})
			_, err := connect(t, srv, p, "openid")
			wantError(t, err, tt.want)
			if n := srv.Count("authorization_code"); n != 0 {
				t.Errorf("the token endpoint was asked %d times", n)
			}
		})
	}
}

// TestRefreshesShareDiscovery: a refresh does not ask again what the issuer said
// a while ago, unless one has failed since. Who connects always asks.
func TestRefreshesShareDiscovery(t *testing.T) {
	srv := start(t, nil)
	p := openID(nil)
	out, err := connect(t, srv, p, "openid")
	if err != nil {
		t.Fatal(err)
	}
	token := out.Tokens.RefreshToken
	asked := func(what string, want int) {
		t.Helper()
		if n := len(srv.Requests(oauthtest.EndpointMetadata)); n != want {
			t.Errorf("%s: the issuer was asked for its metadata %d times, want %d", what, n, want)
		}
	}
	renew := func() error {
		out, err := refresh(t, srv, p, token)
		if err == nil {
			token = out.Tokens.RefreshToken
		}
		return err
	}
	before := len(srv.Requests(oauthtest.EndpointMetadata))
	for range 3 {
		if err := renew(); err != nil {
			t.Fatal(err)
		}
	}
	asked("three refreshes", before)
	srv.Fail(oauthtest.EndpointToken, 1, oauthtest.Fault{Status: 404})
	wantError(t, renew(), sdk.Error{Code: sdk.CodeTemporary})
	asked("one that failed", before)
	if err := renew(); err != nil {
		t.Fatal(err)
	}
	asked("the one after that", before+1)
	if _, err := p.Authorize(t.Context(), &sdk.AuthorizeRequest{Target: target(srv), RedirectURI: redirectURI, CodeChallenge: "x"}); err != nil {
		t.Fatal(err)
	}
	asked("a new connection", before+2)
}

// TestIssuerWithASlash: an issuer is compared to the letter, and some (Auth0)
// end in a slash.
func TestIssuerWithASlash(t *testing.T) {
	srv := start(t, nil)
	srv.Set(func(q *oauthtest.Quirks) { q.MetadataIssuer = srv.URL + "/" })
	p := openID(func(s *oauth.Standard) { s.Issuer = "{issuer}" })
	r, err := p.Authorize(t.Context(), &sdk.AuthorizeRequest{
		Target:      sdk.Target{Provider: p.Descriptor.Slug, ClientID: "c", Config: map[string]string{"issuer": srv.URL + "/"}},
		RedirectURI: "http://127.0.0.1:4780/callback/x", State: "s", CodeChallenge: "c",
	})
	if err != nil || r.Issuer != srv.URL+"/" {
		t.Errorf("authorize: %+v, %v", r, err)
	}
}

// TestDiscoveredClientAuthentication: OpenID Connect Discovery section 3,
// token_endpoint_auth_methods_supported, whose default is the header; a setting
// wins, for a client that is registered with the other one.
func TestDiscoveredClientAuthentication(t *testing.T) {
	for name, tt := range map[string]struct {
		offered string
		setting string
		want    string
	}{
		"Both":              {"client_secret_basic client_secret_post", "", "body"},
		"HeaderOnly":        {"client_secret_basic private_key_jwt", "", "basic"},
		"BodyOnly":          {"client_secret_post", "", "body"},
		"None":              {"-", "", "basic"},
		"Setting":           {"client_secret_basic client_secret_post", "basic", "basic"},
		"SettingOfNonsense": {"client_secret_post", "whatever", "body"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := start(t, func(o *oauthtest.Options) { o.Quirks.AuthMethods = tt.offered })
			p := openID(func(s *oauth.Standard) {
				s.ClientAuth = ""
				s.Descriptor.Config = append(s.Descriptor.Config, sdk.ConfigField{Key: "client_auth"})
			})
			tg := target(srv)
			if tt.setting != "" {
				tg.Config["client_auth"] = tt.setting
			}
			first, err := connectAs(t, srv, p, tg, clientSecret, "openid")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Refresh(t.Context(), &sdk.RefreshRequest{Target: tg, ClientSecret: hide(clientSecret), RefreshToken: first.Tokens.RefreshToken}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Revoke(t.Context(), &sdk.RevokeRequest{Target: tg, ClientSecret: hide(clientSecret), Token: first.Tokens.AccessToken, Kind: sdk.AccessToken, Reach: sdk.ReachToken}); err != nil {
				t.Fatal(err)
			}
			for _, endpoint := range []string{oauthtest.EndpointToken, oauthtest.EndpointRevoke} {
				for _, r := range srv.Requests(endpoint) {
					if r.Auth != tt.want {
						t.Errorf("a request to %s authenticates by %s, want %s", endpoint, r.Auth, tt.want)
					}
				}
			}
		})
	}
}

// TestNameAndEmailFromUserinfo: OpenID Connect Core section 5.4, by which an ID
// token may name the subject only; seen at the example provider of zitadel/oidc.
func TestNameAndEmailFromUserinfo(t *testing.T) {
	bare := func(c map[string]any) {
		delete(c, "name")
		delete(c, "email")
		delete(c, "preferred_username")
	}
	srv := start(t, func(o *oauthtest.Options) { o.Quirks.IDToken = bare })
	p := openID(nil)
	out, err := connect(t, srv, p, "openid")
	want := sdk.Account{Issuer: srv.URL, Subject: "9007199254740993", Login: "octocat", Name: "The Octocat", Email: "o@example.test"}
	if err != nil || out.Account == nil || *out.Account != want {
		t.Fatalf("%+v, %v", out, err)
	}
	who, err := p.Identify(t.Context(), &sdk.IdentifyRequest{Target: target(srv), AccessToken: out.Tokens.AccessToken, IDToken: out.Tokens.IDToken})
	if err != nil || who.Account != want {
		t.Errorf("%+v, %v", who, err)
	}
	t.Run("out of order", func(t *testing.T) {
		srv.Fail(oauthtest.EndpointUserinfo, 1, oauthtest.HTMLErrorPage)
		out, err := connect(t, srv, p, "openid")
		if err != nil || *out.Account != (sdk.Account{Issuer: srv.URL, Subject: want.Subject}) {
			t.Errorf("%+v, %v", out, err)
		}
	})
	t.Run("somebody else", func(t *testing.T) {
		srv.Set(func(q *oauthtest.Quirks) { q.UserinfoSubject = "somebody else" })
		_, err := connect(t, srv, p, "openid")
		wantError(t, err, sdk.Error{Code: sdk.CodeMisconfigured, Field: "issuer"})
	})
}

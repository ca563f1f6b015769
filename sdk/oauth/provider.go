// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Describe implements sdk.Provider.
func (s *Standard) Describe(context.Context, *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	return &sdk.DescribeResponse{Providers: []sdk.Descriptor{s.Description()}}, nil
}

// Description is Descriptor with what the table says anyway filled in.
func (s *Standard) Description() sdk.Descriptor {
	d := s.Descriptor
	if len(d.AllowedHosts) == 0 {
		d.AllowedHosts = s.fixedHosts()
	}
	d.RevokesGrant = d.RevokesGrant || d.Revoke == sdk.ReachGrant || s.Revocation != nil && s.Revocation.GrantURL != ""
	if d.Capabilities == nil {
		d.Capabilities = s.capabilities()
	}
	return d
}

// capabilities leaves out what needs an endpoint that there is not. Of a
// discovered one only the request knows.
func (s *Standard) capabilities() []sdk.Capability {
	out := []sdk.Capability{sdk.CanRefresh, sdk.CanRevoke, sdk.CanIdentify, sdk.CanClientCredentials, sdk.CanCheck}
	if s.DeviceURL != "" || s.Issuer != "" {
		out = append(out, sdk.CanDevice)
	}
	if s.Introspection != nil {
		out = append(out, sdk.CanIntrospect)
	}
	return out
}

// Addresses are the templates of all addresses that the table names.
func (s *Standard) Addresses() []string {
	all := []string{s.Issuer, s.AuthorizeURL, s.TokenURL, s.RefreshURL, s.DeviceURL}
	if s.Identity != nil {
		all = append(all, s.Identity.URL)
	}
	if s.Revocation != nil {
		all = append(all, s.Revocation.URL, s.Revocation.GrantURL)
	}
	if s.Introspection != nil {
		all = append(all, s.Introspection.URL)
	}
	return slices.DeleteFunc(all, func(tmpl string) bool { return tmpl == "" })
}

// fixedHosts are the hosts of the endpoints that begin with no template.
func (s *Standard) fixedHosts() []string {
	var out []string
	for _, raw := range s.Addresses() {
		// Placeholders in a path do not matter here; in a host, the author
		// has to say what may be called.
		u, err := url.Parse(placeholder.ReplaceAllString(raw, "%7B%7D"))
		if err != nil || u.Host == "" || strings.Contains(u.Host, "{") {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		if host := net.JoinHostPort(u.Hostname(), port); !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	return out
}

// Authorize implements sdk.Provider (RFC 6749 section 4.1.1, RFC 7636 section
// 4.3). It makes a network call only where the endpoint has to be discovered.
func (s *Standard) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	v := s.varsOf(r.Target, r.RedirectURI)
	ends, err := s.endpoints(ctx, v)
	if err != nil {
		return nil, err
	}
	extra := maps.Clone(s.AuthorizeParams)
	if extra == nil {
		extra = map[string]string{}
	}
	if r.Reconnect {
		maps.Copy(extra, s.ReconnectParams)
	}
	if r.NeedRefreshToken {
		maps.Copy(extra, s.OfflineParams)
	}
	if r.SelectAccount {
		maps.Copy(extra, s.SelectAccountParams)
	}
	if extra, err = v.params(extra); err != nil {
		return nil, err
	}
	if len(r.Scopes) > 0 {
		extra[or(s.ScopeParam, "scope")] = strings.Join(r.Scopes, s.scopeSeparator())
	}
	hint := s.LoginHintParam
	if s.Issuer != "" {
		extra["nonce"] = r.Nonce
		hint = or(hint, "login_hint")
	}
	if hint != "" && r.LoginHint != "" {
		extra[hint] = r.LoginHint
	}
	if s.Descriptor.PKCE != sdk.PKCENever {
		extra["code_challenge"] = r.CodeChallenge
		extra["code_challenge_method"] = "S256"
	}
	var options []oauth2.AuthCodeOption
	for k, value := range extra {
		options = append(options, oauth2.SetAuthURLParam(k, value))
	}
	if s.Descriptor.PushedRequests && ends.pushed != "" {
		request := url.Values{"response_type": {"code"}, "redirect_uri": {r.RedirectURI}, "state": {r.State}}
		for k, value := range extra {
			request.Set(k, value)
		}
		to, err := s.push(ctx, v, ends, r, request)
		if err != nil {
			return nil, err
		}
		return &sdk.AuthorizeResponse{URL: to, Issuer: ends.issuer, IssuerRequired: ends.issRequired, Pushed: true}, nil
	}
	config := oauth2.Config{ClientID: r.ClientID, RedirectURL: r.RedirectURI, Endpoint: oauth2.Endpoint{AuthURL: ends.authorize}}
	to := config.AuthCodeURL(r.State, options...)
	for _, a := range r.Audiences { // one parameter each: RFC 8707 section 2
		to += "&resource=" + url.QueryEscape(a)
	}
	return &sdk.AuthorizeResponse{
		URL:    to,
		Issuer: ends.issuer, IssuerRequired: ends.issRequired,
	}, nil
}

// Exchange implements sdk.Provider (RFC 6749 section 4.1.3). The account is
// set where Identity reads it from the token answer or the id_token.
func (s *Standard) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	v := s.varsOf(r.Target, r.RedirectURI)
	ends, err := s.endpoints(ctx, v)
	if err != nil {
		return nil, err
	}
	params := map[string]string{
		"grant_type": "authorization_code", "code": r.Code.Reveal(), "redirect_uri": r.RedirectURI,
	}
	if s.Descriptor.PKCE != sdk.PKCENever {
		params["code_verifier"] = r.CodeVerifier.Reveal()
	}
	tokens, doc, err := s.token(ctx, tokenCall{
		leg: LegExchange, url: ends.token, auth: s.clientAuth(v, ends), vars: v,
		params: params, extra: s.TokenParams, target: r.Target, secret: r.ClientSecret,
		secrets: []secret.Value{r.Code, r.CodeVerifier},
	})
	if err != nil {
		return nil, err
	}
	for key, param := range s.CallbackMetadata {
		if value := r.Params[param]; value != "" {
			tokens.Metadata = put(tokens.Metadata, key, value)
		}
	}
	account, err := s.accountOfAnswer(ctx, v, ends, r.ClientID, &tokens, doc, expectNonce(r.Nonce))
	if err != nil {
		return nil, err
	}
	return &sdk.ExchangeResponse{Tokens: tokens, Account: account}, nil
}

// accountOfAnswer verifies the id_token of a token answer and reads the account
// from where Identity says, as far as that is in the answer; nil: it is not.
func (s *Standard) accountOfAnswer(ctx context.Context, v vars, ends *endpoints, clientID string, t *sdk.TokenSet, doc document, want expectation) (*sdk.Account, error) {
	var claims document
	if s.Issuer != "" && !t.IDToken.IsZero() {
		var err error
		if claims, err = s.verifyIDToken(ctx, ends, clientID, t, want); err != nil {
			return nil, err
		}
	}
	id := s.identity()
	switch {
	case id == nil:
		return nil, nil
	case id.From == FromToken:
		return s.account(id, v, ends, doc)
	case id.From == FromIDToken && claims == nil:
		return nil, sdk.Misconfigured("scopes", s.Descriptor.Name+" sent no ID token; the scope openid has to be asked for")
	case id.From == FromIDToken:
		return s.accountOfIDToken(ctx, id, v, ends, t.AccessToken, claims)
	}
	return nil, nil
}

// Refresh implements sdk.Refresher (RFC 6749 section 6).
func (s *Standard) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	if r.RefreshToken.IsZero() {
		return nil, sdk.ReauthorizationRequired(sdk.ReasonRefreshMissing, s.Descriptor.Name+" gave no refresh token")
	}
	v := s.varsOf(r.Target, r.RedirectURI)
	ends, err := s.fill(ctx, v, s.renewal)
	if err != nil {
		return nil, err
	}
	params := map[string]string{"grant_type": "refresh_token", "refresh_token": r.RefreshToken.Reveal()}
	if len(r.Scopes) > 0 {
		params["scope"] = strings.Join(r.Scopes, s.scopeSeparator())
	}
	if r.Audience != "" {
		params["resource"] = r.Audience
	}
	tokens, _, err := s.token(ctx, tokenCall{
		leg: LegRefresh, url: ends.refresh, auth: or2(s.RefreshAuth, s.clientAuth(v, ends)), vars: v,
		params: params, extra: s.RefreshParams, target: r.Target, secret: r.ClientSecret,
		secrets: []secret.Value{r.RefreshToken},
	})
	if err == nil && s.Issuer != "" && !tokens.IDToken.IsZero() {
		// OpenID Connect Core section 12.2: the nonce is not repeated.
		_, err = s.verifyIDToken(ctx, ends, r.ClientID, &tokens, anyNonce)
	}
	if err != nil {
		told.forget(ends.issuer)
		return nil, err
	}
	out := &sdk.RefreshResponse{Tokens: tokens, RefreshToken: sdk.RefreshRotated}
	if tokens.RefreshToken.IsZero() || tokens.RefreshToken.Equal(r.RefreshToken) {
		out.RefreshToken = sdk.RefreshKept
		out.Tokens.RefreshToken = secret.Value{}
	}
	return out, nil
}

// tokenCall is a request to the token endpoint.
type tokenCall struct {
	leg           Leg
	url           string
	auth          ClientAuth
	vars          vars
	params, extra map[string]string
	target        sdk.Target
	secret        secret.Value
	secrets       []secret.Value
}

// token makes a token request and reads its answer.
func (s *Standard) token(ctx context.Context, t tokenCall) (sdk.TokenSet, document, error) {
	extra, err := t.vars.params(t.extra)
	if err != nil {
		return sdk.TokenSet{}, nil, err
	}
	maps.Copy(t.params, extra)
	header, err := t.vars.params(s.Headers)
	if err != nil {
		return sdk.TokenSet{}, nil, err
	}
	c := &call{
		leg: t.leg, url: t.url, header: header, format: s.TokenFormat, params: t.params,
		auth: t.auth, clientID: t.target.ClientID, clientSecret: t.secret, secrets: t.secrets,
	}
	a, err := c.do(ctx, s.Descriptor.Name)
	if err != nil {
		return sdk.TokenSet{}, nil, err
	}
	if e := s.judge(c, a, s.errorPaths(s.Answer.OK, ""), true); e != nil {
		return sdk.TokenSet{}, nil, e
	}
	tokens := s.tokenSet(a.doc)
	if tokens.AccessToken.IsZero() && len(tokens.Named) == 0 {
		return sdk.TokenSet{}, nil, sdk.Temporary(fmt.Sprintf("%s answered without an access token (HTTP %d)", s.Descriptor.Name, a.status))
	}
	s.learnLife(ctx, t.target, t.secret, &tokens)
	return tokens, a.doc, nil
}

func or2[T ~string](v, fallback T) T {
	if v != "" {
		return v
	}
	return fallback
}

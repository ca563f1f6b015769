// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// ShapeOf is the provider that a declared one describes: it answers in the ways
// that the definition says, and with the errors that its error map knows.
// settings are the values of its config fields.
func ShapeOf(s *oauth.Standard, settings map[string]string) Shape {
	a := s.Answer
	d := s.Descriptor
	out := Shape{
		Endpoints: map[string]string{}, OK: a.OK, Error: a.Error, ErrorText: a.ErrorText, ErrorsIn200: a.OK != "",
		ScopeSeparator: or(a.ScopeSeparator, s.ScopeSeparator), ScopeParam: s.ScopeParam, OmitScope: a.IgnoreScope,
		NoExpiresIn: a.NeverExpires || a.DefaultLifetime > 0, NoPKCE: d.PKCE == sdk.PKCENever,
		NoRefreshToken: a.NeverExpires, OnlyJSON: s.TokenFormat == oauth.FormatJSON,
		Rotation: d.Rotation, Reach: d.Revoke, Issuer: fill(s.Issuer, settings),
		Codes: map[string]string{}, Statuses: map[string]int{},
	}
	if s.RefreshAuth == "" || s.RefreshAuth == s.ClientAuth {
		switch s.ClientAuth {
		case oauth.AuthBasic:
			out.OnlyAuth = "basic"
		case oauth.AuthBody, "":
			out.OnlyAuth = "body"
		}
	}
	out.Token = map[string]string{
		"access_token": a.AccessToken, "refresh_token": a.RefreshToken, "token_type": a.TokenType, "scope": a.Scope,
		"id_token": a.IDToken, "expires_in": a.ExpiresIn,
	}
	maps.DeleteFunc(out.Token, func(_, at string) bool { return at == "" })
	for _, name := range slices.Sorted(maps.Keys(a.Named)) {
		if at := a.Named[name].AccessToken; at != "" && at != a.AccessToken && at != "access_token" {
			out.Named = append(out.Named, at)
		}
	}
	if id := s.Identity; id != nil {
		out.Account = map[string]string{"sub": id.Subject, "tenant": id.Tenant, "preferred_username": id.Login, "name": id.Name, "email": id.Email, "picture": id.Picture}
		if strings.Contains(id.Picture, "://") {
			out.Account["picture"] = "" // made of other fields
		}
		maps.DeleteFunc(out.Account, func(_, at string) bool { return at == "" })
		out.AccountInToken = id.From == oauth.FromToken
		out.IdentifyOK, out.IdentifyError = id.OK, id.Error
		out.Endpoints["identify"] = pathOf(id.URL, settings)
		if s.Issuer != "" && id.URL == "" {
			out.Account = nil // OpenID's own names
		}
	}
	if r := s.Revocation; r != nil {
		out.Endpoints["revoke"] = pathOf(r.URL, settings)
		if r.Method == http.MethodGet {
			out.Endpoints["revoke"] = "" // told by its token
		}
		out.RevokeBearer, out.RevokeOK = r.Bearer, r.OK
		for param, v := range r.Params {
			if v == "{token}" {
				out.RevokeParam = param
			}
		}
		if r.Reach != "" {
			out.Reach = r.Reach
		}
	}
	// One address for two things is told by what a request holds.
	if out.Endpoints["identify"] == out.Endpoints["revoke"] || out.Endpoints["identify"] == pathOf(s.TokenURL, settings) {
		delete(out.Endpoints, "identify")
		delete(out.Endpoints, "revoke")
	}
	maps.DeleteFunc(out.Endpoints, func(_, at string) bool { return at == "" })
	out.learnErrors(s.Errors)
	return out
}

// PlainHosts are the host:port of a declared provider's addresses that are http:
// the suite answers there without TLS.
func PlainHosts(s *oauth.Standard, settings map[string]string) []string {
	var out []string
	for _, tmpl := range s.Addresses() {
		if u, err := url.Parse(fill(tmpl, settings)); err == nil && u.Scheme == "http" {
			out = append(out, hostPort(u))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// learnErrors makes the stand-in fail with the provider's own codes, where the
// error map has one for what went wrong.
func (s *Shape) learnErrors(rules []oauth.ErrorRule) {
	for standard, want := range map[string]struct {
		leg oauth.Leg
		as  sdk.Code
	}{
		"invalid_grant":  {oauth.LegExchange, sdk.CodeReauthorizationRequired},
		"invalid_client": {oauth.LegExchange, sdk.CodeMisconfigured},
		"invalid_token":  {oauth.LegIdentify, sdk.CodeReauthorizationRequired},
	} {
		i := slices.IndexFunc(rules, func(r oauth.ErrorRule) bool {
			return r.As == want.as && r.Code != "" && r.Text == "" && r.Detail == "" && (len(r.On) == 0 || slices.Contains(r.On, want.leg))
		})
		// A standard code that the map knows too is as good, and more likely.
		known := slices.ContainsFunc(rules, func(r oauth.ErrorRule) bool { return r.Code == standard })
		if i >= 0 && !known {
			s.Codes[standard] = rules[i].Code
			if rules[i].Status != 0 {
				s.Statuses[standard] = rules[i].Status
			}
		}
	}
}

func or(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// fill puts settings into a template as far as they go.
func fill(template string, settings map[string]string) string {
	for k, v := range settings {
		template = strings.ReplaceAll(template, "{"+k+"}", v)
	}
	return template
}

func pathOf(template string, settings map[string]string) string {
	u, err := url.Parse(strings.ReplaceAll(fill(template, settings), URL, "http://stand-in"))
	if err != nil {
		return ""
	}
	return u.Path
}

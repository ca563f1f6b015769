// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"net/url"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// openIDIdentity is the identity of an OpenID provider that says nothing else.
var openIDIdentity = Identity{From: FromIDToken}

func (s *Standard) identity() *Identity {
	if s.Identity == nil && s.Issuer != "" {
		return &openIDIdentity
	}
	return s.Identity
}

// Identify implements sdk.Identifier: by a request to Identity.URL, or to the
// userinfo endpoint of an OpenID provider, whose subject must be that of the
// id_token (OpenID Connect Core section 5.3.2).
func (s *Standard) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	id := s.identity()
	if id == nil || id.From == FromToken {
		return nil, sdk.Unsupported(s.Descriptor.Name + " cannot be asked whose a token is")
	}
	v := s.varsOf(r.Target, "")
	ends, err := s.endpoints(ctx, v)
	if err != nil {
		return nil, err
	}
	var claims document
	if s.Issuer != "" && !r.IDToken.IsZero() {
		t := sdk.TokenSet{AccessToken: r.AccessToken, IDToken: r.IDToken}
		if claims, err = s.verifyIDToken(ctx, ends, r.ClientID, &t, anyAge); err != nil {
			return nil, err
		}
	}
	if id.From == FromIDToken && claims != nil {
		account, err := s.accountOfIDToken(ctx, id, v, ends, r.AccessToken, claims)
		if err != nil {
			return nil, err
		}
		return &sdk.IdentifyResponse{Account: *account}, nil
	}
	doc, granted, err := s.userinfo(ctx, id, v, ends, r.AccessToken)
	if err != nil {
		return nil, err
	}
	if claims != nil && ends.userinfo != "" && id.URL == "" && doc.text("sub") != claims.text("sub") {
		return nil, otherSubject(s.Descriptor.Name)
	}
	account, err := s.account(id, v, ends, doc)
	if err != nil {
		return nil, err
	}
	return &sdk.IdentifyResponse{Account: *account, Scopes: granted}, nil
}

// accountOfIDToken reads an account from verified claims. What the scopes profile
// and email stand for need not be among them (OpenID Connect Core section 5.4);
// then the userinfo endpoint is asked, and done without where it does not answer.
func (s *Standard) accountOfIDToken(ctx context.Context, id *Identity, v vars, ends *endpoints, access secret.Value, claims document) (*sdk.Account, error) {
	account, err := s.account(id, v, ends, claims)
	if err != nil || account.Login+account.Name+account.Email != "" || ends.userinfo == "" || access.IsZero() {
		return account, err
	}
	doc, _, err := s.userinfo(ctx, id, v, ends, access)
	switch {
	case err != nil:
		sdk.Logger(ctx).InfoContext(ctx, "name and e-mail of an account could not be learned", "error", err)
		return account, nil
	case id.URL == "" && doc.text("sub") != claims.text("sub"):
		return nil, otherSubject(s.Descriptor.Name)
	}
	if more, err := s.account(id, v, ends, doc); err == nil {
		account.Login, account.Name, account.Email, account.Picture = more.Login, more.Name, more.Email, more.Picture
	}
	return account, nil
}

func otherSubject(provider string) error {
	return sdk.Misconfigured("issuer", provider+" names one account in the ID token and another at its userinfo endpoint")
}

// userinfo asks the identity endpoint.
func (s *Standard) userinfo(ctx context.Context, id *Identity, v vars, ends *endpoints, access secret.Value) (document, []string, error) {
	target := ends.userinfo
	if id.URL != "" {
		var err error
		if target, err = v.url(id.URL); err != nil {
			return nil, nil, err
		}
	}
	if target == "" {
		return nil, nil, sdk.Unsupported(s.Descriptor.Name + " has no userinfo endpoint")
	}
	header := map[string]string{}
	for _, m := range []map[string]string{s.Headers, id.Headers} {
		filled, err := v.params(m)
		if err != nil {
			return nil, nil, err
		}
		for k, value := range filled {
			header[k] = value
		}
	}
	c := &call{
		leg: LegIdentify, method: or(id.Method, "GET"), url: target, header: header,
		raw: id.Body, bearer: access,
	}
	a, err := c.do(ctx, s.Descriptor.Name)
	if err != nil {
		return nil, nil, err
	}
	if e := s.judge(c, a, s.errorPaths(id.OK, id.Error), true); e != nil {
		return nil, nil, e
	}
	var granted []string
	if values, ok := a.header[headerKey(id.ScopesHeader)]; ok && id.ScopesHeader != "" && len(values) > 0 {
		granted = s.splitScopes(values[0])
	}
	return a.doc, granted, nil
}

// account reads an account by the paths of id.
func (s *Standard) account(id *Identity, v vars, ends *endpoints, doc document) (*sdk.Account, error) {
	issuer := ends.issuer
	if id.Issuer != "" {
		var err error
		if issuer, err = v.url(id.Issuer); err != nil {
			return nil, err
		}
	}
	if issuer == "" {
		u, err := url.Parse(ends.authorize)
		if err != nil {
			return nil, sdk.Misconfigured("", "the authorization endpoint is no URL")
		}
		issuer = u.Scheme + "://" + u.Host
	}
	paths := *id
	if s.Issuer != "" {
		paths.Subject = or(paths.Subject, "sub")
		paths.Login = or(paths.Login, "preferred_username")
		paths.Name = or(paths.Name, "name")
		paths.Email = or(paths.Email, "email")
		paths.Picture = or(paths.Picture, "picture")
	}
	out := &sdk.Account{
		Issuer: issuer, Subject: doc.text(paths.Subject), Tenant: doc.text(paths.Tenant),
		Login: doc.text(paths.Login), Name: doc.text(paths.Name), Email: doc.text(paths.Email),
		Picture: doc.picture(paths.Picture),
	}
	if out.Subject == "" {
		return nil, sdk.Temporary(s.Descriptor.Name + " answered without saying whose account this is")
	}
	return out, nil
}

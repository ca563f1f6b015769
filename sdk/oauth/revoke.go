// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"net/http"
	"slices"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

func headerKey(name string) string { return http.CanonicalHeaderKey(name) }

// Revoke implements sdk.Revoker: by RFC 7009, or the way that Revocation says.
// It never revokes more than it was asked to. A token that the provider no
// longer knows counts as revoked (RFC 7009 section 2.2).
func (s *Standard) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	rev := s.Revocation
	if rev == nil {
		return nil, sdk.Unsupported(or(s.Descriptor.RevokeNote, s.Descriptor.Name+" cannot revoke a token"))
	}
	if len(rev.Kinds) > 0 && !slices.Contains(rev.Kinds, r.Kind) {
		return nil, sdk.Unsupported(s.Descriptor.Name + " does not revoke this kind of token")
	}
	reach := or2(rev.Reach, s.Descriptor.Revoke)
	tmpl := rev.URL
	switch {
	case r.Reach == sdk.ReachNone:
		return &sdk.RevokeResponse{Revoked: sdk.ReachNone}, nil
	case r.Reach == sdk.ReachGrant && rev.GrantURL != "":
		reach, tmpl = sdk.ReachGrant, rev.GrantURL
	case r.Reach != sdk.ReachGrant && reach == sdk.ReachGrant:
		return nil, sdk.Unsupported(s.Descriptor.Name + " can revoke only all tokens of the account at once")
	}
	v := s.varsOf(r.Target, "")
	target, ends, err := s.revokeURL(ctx, v, tmpl)
	if err != nil {
		return nil, err
	}
	c, err := s.revokeCall(rev, v, r, target, ends)
	if err != nil {
		return nil, err
	}
	a, err := c.do(ctx, s.Descriptor.Name)
	if err != nil {
		return nil, err
	}
	if slices.Contains(rev.Gone, a.status) {
		// A token that is gone says nothing of the others of its grant.
		return &sdk.RevokeResponse{Revoked: or2(rev.Reach, s.Descriptor.Revoke)}, nil
	}
	if e := s.judge(c, a, s.errorPaths(rev.OK, ""), rev.OK != ""); e != nil {
		return nil, e
	}
	return &sdk.RevokeResponse{Revoked: reach}, nil
}

// revokeURL is the endpoint, with what was discovered on the way to it (or nil).
func (s *Standard) revokeURL(ctx context.Context, v vars, tmpl string) (string, *endpoints, error) {
	if tmpl != "" {
		to, err := v.url(tmpl)
		return to, nil, err
	}
	ends, err := s.endpoints(ctx, v)
	if err != nil {
		return "", nil, err
	}
	if ends.revoke == "" {
		return "", nil, sdk.Unsupported(s.Descriptor.Name + " has no revocation endpoint")
	}
	return ends.revoke, ends, nil
}

func (s *Standard) revokeCall(rev *Revocation, v vars, r *sdk.RevokeRequest, target string, ends *endpoints) (*call, error) {
	header, err := v.params(s.Headers)
	if err != nil {
		return nil, err
	}
	c := &call{
		leg: LegRevoke, method: rev.Method, url: target, header: header, format: rev.Format,
		clientID: r.ClientID, clientSecret: r.ClientSecret, secrets: []secret.Value{r.Token},
	}
	if rev.Bearer {
		c.bearer = r.Token
	} else {
		c.auth = or2(rev.Auth, s.clientAuth(v, ends))
	}
	switch {
	case rev.Params != nil:
		c.params, err = v.with("token", r.Token.Reveal()).params(rev.Params)
	case !rev.Bearer:
		c.params = map[string]string{"token": r.Token.Reveal()}
		if r.Kind != "" {
			c.params["token_type_hint"] = string(r.Kind)
		}
	}
	return c, err
}

// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"net/url"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// push sends an authorization request by the back channel and returns the URL
// that refers to it (RFC 9126). The client is authenticated as at the token
// endpoint.
func (s *Standard) push(ctx context.Context, v vars, ends *endpoints, r *sdk.AuthorizeRequest, request url.Values) (string, error) {
	header, err := v.params(s.Headers)
	if err != nil {
		return "", err
	}
	c := &call{
		leg: LegPush, url: ends.pushed, header: header, params: map[string]string{},
		auth: s.clientAuth(v, ends), clientID: r.ClientID, clientSecret: r.ClientSecret,
		secrets: []secret.Value{}, resources: r.Audiences,
	}
	for k := range request {
		c.params[k] = request.Get(k)
	}
	c.params["client_id"] = r.ClientID // a part of the request, also where a header says it (section 2.1)
	a, err := c.do(ctx, s.Descriptor.Name)
	if err != nil {
		return "", err
	}
	if e := s.judge(c, a, s.errorPaths("", ""), true); e != nil {
		return "", e
	}
	reference := a.doc.str("request_uri")
	if reference == "" {
		return "", sdk.Temporary(s.Descriptor.Name + " took the authorization request and did not say by what name")
	}
	to, err := url.Parse(ends.authorize)
	if err != nil {
		return "", sdk.Misconfigured("issuer", "the authorization endpoint is no URL")
	}
	q := to.Query()
	q.Set("client_id", r.ClientID)
	q.Set("request_uri", reference)
	to.RawQuery = q.Encode()
	return to.String(), nil
}

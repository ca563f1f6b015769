// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// introspectTimeout bounds the question how long a fresh token lives, which
// must not hold up the token itself.
const introspectTimeout = 8 * time.Second

// Introspect implements sdk.Introspector (RFC 7662). The life of a token that
// is given by its end is counted from the answer's own Date.
func (s *Standard) Introspect(ctx context.Context, r *sdk.IntrospectRequest) (*sdk.IntrospectResponse, error) {
	in := s.Introspection
	if in == nil {
		return nil, sdk.Unsupported(s.Descriptor.Name + " cannot be asked about a token")
	}
	v := s.varsOf(r.Target, "")
	target, err := v.url(in.URL)
	if err != nil {
		return nil, err
	}
	header, err := v.params(s.Headers)
	if err != nil {
		return nil, err
	}
	c := &call{
		leg: LegIntrospect, url: target, header: header,
		params: map[string]string{"token": r.AccessToken.Reveal(), "token_type_hint": string(sdk.AccessToken)},
		auth:   or2(in.Auth, s.clientAuth(v, nil)), clientID: r.ClientID, clientSecret: r.ClientSecret,
		secrets: []secret.Value{r.AccessToken},
	}
	a, err := c.do(ctx, s.Descriptor.Name)
	if err != nil {
		return nil, err
	}
	if e := s.judge(c, a, s.errorPaths("", ""), true); e != nil {
		return nil, e
	}
	out := &sdk.IntrospectResponse{Active: a.doc.text("active") == "true", Scopes: s.grantedScopes(a.doc, "scope")}
	if exp, err := strconv.ParseInt(a.doc.text("exp"), 10, 64); err == nil && out.Active {
		now, err := http.ParseTime(a.header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		out.ExpiresIn = min(max(time.Unix(exp, 0).Sub(now), 0), maxLife)
	}
	return out, nil
}

// learnLife asks how long a token lives whose answer does not say. What cannot
// be learned stays as it is.
func (s *Standard) learnLife(ctx context.Context, target sdk.Target, clientSecret secret.Value, t *sdk.TokenSet) {
	guess := t.ExpirySource == sdk.ExpiryUnknown || t.ExpirySource == sdk.ExpiryAssumed
	if s.Introspection == nil || !guess || clientSecret.IsZero() || t.AccessToken.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, introspectTimeout)
	defer cancel()
	got, err := s.Introspect(ctx, &sdk.IntrospectRequest{Target: target, ClientSecret: clientSecret, AccessToken: t.AccessToken})
	if err != nil {
		sdk.Logger(ctx).InfoContext(ctx, "the life of a token could not be learned", "error", err)
		return
	}
	if got.Active && got.ExpiresIn > 0 {
		t.ExpiresIn, t.ExpirySource = got.ExpiresIn, sdk.ExpiryIntrospected
	}
}

// seconds reads a number of seconds, whatever the unit of token lives.
func seconds(doc document, path string) time.Duration {
	n, err := strconv.ParseFloat(strings.TrimSpace(doc.text(path)), 64)
	if err != nil || !(n > 0) || n > maxLife.Seconds() {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

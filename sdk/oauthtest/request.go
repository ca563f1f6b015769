// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Request is an authorization request that was found good.
type Request struct {
	ClientID    string   `json:"client"`
	RedirectURI string   `json:"redirect"`
	State       string   `json:"-"`
	Scopes      []string `json:"scopes"`
	Nonce       string   `json:"nonce"`
	Challenge   string   `json:"challenge"`
	// NoRefresh, set before Approve, gives no refresh token, as Google does
	// where consent was given before.
	NoRefresh bool `json:"no_refresh,omitempty"`
}

// Check reads an authorization request (RFC 6749 section 4.1.1). Where it
// returns a Request beside the Problem, the redirect URI is good and the
// problem goes there; where it does not, nothing may be redirected.
func (a *Authority) Check(q url.Values) (*Request, *Problem) {
	client, ok := a.Client(q.Get("client_id"))
	if !ok {
		return nil, problem("invalid_client", "no such client")
	}
	redirect := q.Get("redirect_uri")
	if redirect == "" && len(client.RedirectURIs) == 1 && !client.AnyPort {
		redirect = client.RedirectURIs[0]
	}
	if !client.accepts(redirect) {
		return nil, problem("redirect_uri_mismatch", "the redirect_uri is not registered for this application")
	}
	for k, v := range q {
		if len(v) > 1 {
			return nil, problem("invalid_request", "%s is given twice", k)
		}
	}
	r := &Request{
		ClientID: client.ID, RedirectURI: redirect, State: q.Get("state"), Nonce: q.Get("nonce"),
		Challenge: q.Get("code_challenge"), Scopes: splitScopes(q.Get("scope")),
	}
	switch method := q.Get("code_challenge_method"); {
	case r.Challenge != "" && method != "S256":
		return r, problem("invalid_request", "code_challenge_method must be S256")
	case r.Challenge != "" && len(r.Challenge) != 43:
		return r, problem("invalid_request", "code_challenge is no SHA-256 in base64url")
	case r.Challenge == "" && (a.rules.RequirePKCE || client.Secret == ""):
		return r, problem("invalid_request", "code_challenge is missing")
	}
	if a.rules.Scopes != nil {
		for _, s := range r.Scopes {
			if !slices.Contains(a.rules.Scopes, s) {
				return r, problem("invalid_scope", "there is no scope %q", s)
			}
		}
	}
	return r, nil
}

// splitScopes takes spaces and commas for separators.
func splitScopes(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' })
}

// accepts reports whether a redirect URI is registered.
func (c *Client) accepts(redirect string) bool {
	u, err := url.Parse(redirect)
	if err != nil || !u.IsAbs() || u.Fragment != "" || u.User != nil || strings.Contains(u.Path, "..") {
		return false
	}
	for _, registered := range c.RedirectURIs {
		if registered == redirect || c.varies(registered, u) {
			return true
		}
	}
	return false
}

func (c *Client) varies(registered string, u *url.URL) bool {
	r, err := url.Parse(registered)
	if err != nil || r.Scheme != u.Scheme || r.Hostname() != u.Hostname() || r.RawQuery != u.RawQuery {
		return false
	}
	ip, _ := netip.ParseAddr(r.Hostname())
	anyPort := c.AnyPort && r.Scheme == "http" && (ip.IsLoopback() || r.Hostname() == "localhost")
	samePath := r.EscapedPath() == u.EscapedPath() ||
		c.AnyPath && strings.HasPrefix(u.EscapedPath(), strings.TrimSuffix(r.EscapedPath(), "/")+"/")
	return (anyPort || r.Port() == u.Port()) && samePath
}

// Approve is the user's consent: it returns a code for r.
func (a *Authority) Approve(r *Request, login string) (string, *Problem) {
	u, ok := a.UserByLogin(login)
	if !ok {
		return "", problem("access_denied", "no such account")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.rules.NewToken("code")
	a.state.Codes[hash(v)] = &code{Request: *r, Subject: u.Subject, Expires: a.rules.Now().Add(a.rules.CodeTTL)}
	return v, nil
}

// Callback is where the browser goes after a decision: with a code, or with
// the problem when there is one. iss is RFC 9207's parameter; empty: none.
func (r *Request) Callback(code, iss string, p *Problem) string {
	u, err := url.Parse(r.RedirectURI)
	if err != nil {
		return r.RedirectURI // Check has parsed it
	}
	q := u.Query()
	if p != nil {
		q.Set("error", p.Code)
		q.Set("error_description", p.Text)
	} else {
		q.Set("code", code)
	}
	if r.State != "" {
		q.Set("state", r.State)
	}
	if iss != "" {
		q.Set("iss", iss)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

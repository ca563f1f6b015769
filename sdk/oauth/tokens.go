// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// maxLife bounds what an answer may claim; more is no life but a mistake.
const maxLife = 100 * 365 * 24 * time.Hour

func or(path, fallback string) string {
	if path != "" {
		return path
	}
	return fallback
}

// tokenSet reads a token answer. It returns an empty access token where the
// answer holds none that can be sent in a header.
func (s *Standard) tokenSet(doc document) sdk.TokenSet {
	a := &s.Answer
	t := sdk.TokenSet{
		AccessToken:      token(doc, or(a.AccessToken, "access_token")),
		RefreshToken:     token(doc, or(a.RefreshToken, "refresh_token")),
		IDToken:          token(doc, or(a.IDToken, "id_token")),
		TokenType:        tokenType(doc.text(or(a.TokenType, "token_type"))),
		RefreshExpiresIn: s.life(doc, or(a.RefreshExpiresIn, "refresh_token_expires_in")),
	}
	t.ExpiresIn, t.ExpirySource = s.expiry(doc, or(a.ExpiresIn, "expires_in"), t.AccessToken)
	if !a.IgnoreScope {
		t.Scopes = s.grantedScopes(doc, or(a.Scope, "scope"))
	}
	for key, path := range a.Metadata {
		if v := doc.text(path); v != "" {
			t.Metadata = put(t.Metadata, key, v)
		}
	}
	for name, n := range a.Named {
		named := sdk.NamedToken{
			AccessToken:  token(doc, n.AccessToken),
			RefreshToken: token(doc, n.RefreshToken),
			Scopes:       s.grantedScopes(doc, n.Scope),
		}
		if named.AccessToken.IsZero() {
			continue
		}
		named.ExpiresIn, named.ExpirySource = s.expiry(doc, n.ExpiresIn, named.AccessToken)
		t.Named = put(t.Named, name, named)
	}
	return t
}

func put[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// token is the token at path, or none where it could not stand in a header
// (RFC 6749 appendix A: visible characters and spaces).
func token(doc document, path string) secret.Value {
	if path == "" {
		return secret.Value{}
	}
	v := doc.str(path)
	for _, r := range v {
		if r < 0x20 || r > 0x7e {
			return secret.Value{}
		}
	}
	return secret.New(strings.TrimSpace(v))
}

// tokenType gives the one spelling of the type that is compared in any case
// (RFC 6749 section 7.1).
func tokenType(v string) string {
	if v == "" || strings.EqualFold(v, "bearer") {
		return "Bearer"
	}
	return v
}

func (s *Standard) expiry(doc document, path string, access secret.Value) (time.Duration, sdk.ExpirySource) {
	if life := s.life(doc, path); life > 0 {
		return life, sdk.ExpiryDeclared
	}
	if s.Answer.JWTExpiry {
		if life := jwtLife(access); life > 0 {
			return life, sdk.ExpiryJWT
		}
	}
	switch {
	case s.Answer.NeverExpires:
		return 0, sdk.ExpiryNever
	case s.Answer.DefaultLifetime > 0:
		return time.Duration(s.Answer.DefaultLifetime), sdk.ExpiryAssumed
	default:
		return 0, sdk.ExpiryUnknown
	}
}

// life reads a number or a string of digits; anything else, zero and less are
// "not said".
func (s *Standard) life(doc document, path string) time.Duration {
	if path == "" {
		return 0
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(doc.text(path)), 64)
	if err != nil || math.IsNaN(n) || n <= 0 {
		return 0
	}
	unit := float64(time.Second)
	if s.Answer.ExpiresUnit > 0 {
		unit = float64(s.Answer.ExpiresUnit)
	}
	if n *= unit; n > float64(maxLife) {
		return maxLife
	}
	return time.Duration(n)
}

// jwtLife is exp − iat of a JWT, unverified: it says when to refresh, nothing
// more. The difference needs no clock.
func jwtLife(access secret.Value) time.Duration {
	parts := strings.Split(access.Reveal(), ".")
	if len(parts) != 3 {
		return 0
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0
	}
	var claims struct{ Exp, Iat float64 }
	if json.Unmarshal(payload, &claims) != nil || claims.Iat <= 0 || claims.Exp <= claims.Iat {
		return 0
	}
	if life := (claims.Exp - claims.Iat) * float64(time.Second); life < float64(maxLife) {
		return time.Duration(life)
	}
	return maxLife
}

// grantedScopes is nil where the answer does not say, and empty where it says
// that nothing was granted.
func (s *Standard) grantedScopes(doc document, path string) []string {
	if path == "" {
		return nil
	}
	v, ok := doc.lookup(path)
	if !ok {
		return nil
	}
	switch v := v.(type) {
	case string:
		return s.splitScopes(v)
	case []any:
		out := []string{}
		for _, one := range v {
			if name, ok := one.(string); ok && name != "" {
				out = append(out, name)
			}
		}
		return out
	default:
		return nil
	}
}

// splitScopes splits at the provider's separator, and at spaces: no scope holds
// one (RFC 6749 section 3.3), and servers that stand in for a provider join
// with them whatever the provider does.
func (s *Standard) splitScopes(v string) []string {
	out := []string{}
	for part := range strings.SplitSeq(v, or(s.Answer.ScopeSeparator, s.scopeSeparator())) {
		out = append(out, strings.Fields(part)...)
	}
	return out
}

func (s *Standard) scopeSeparator() string { return or(s.ScopeSeparator, " ") }

// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Bounds of what a call may bring back.
const (
	maxToken    = 64 << 10 // bytes of one token
	maxNamed    = 16
	maxMetadata = 64
	maxValue    = 4 << 10
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// bug is the error of an answer that breaks the contract. The text is about
// the answer's form and never quotes a token.
func bug(format string, args ...any) *hub.ProviderError {
	return &hub.ProviderError{Class: hub.ProviderBug, Message: fmt.Sprintf(format, args...)}
}

// sdkTarget is what every call tells of the integration. The client secret is
// no part of it: the calls that need it carry it themselves.
func (h *Host) sdkTarget(t hub.Target) sdk.Target {
	definition := t.Draft
	if definition == nil {
		definition = h.definitions.of(t.Provider)
	}
	return sdk.Target{
		Provider:   t.Provider,
		Definition: definition,
		Config:     maps.Clone(t.Config),
		ClientID:   t.ClientID,
	}
}

// checkAuthorize accepts an answer whose host the target allows. That the URL
// carries state, challenge and redirect URI is checked by whoever made them.
func checkAuthorize(t hub.Target, r *sdk.AuthorizeResponse) (hub.AuthorizeResponse, error) {
	u, err := url.Parse(r.URL)
	if err != nil || !plain(r.URL, 16<<10) || u.Host == "" || u.User != nil || u.Fragment != "" {
		return hub.AuthorizeResponse{}, bug("the authorization URL is not an absolute URL")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && t.PrivateNetwork) {
		return hub.AuthorizeResponse{}, bug("the authorization URL is not https")
	}
	hostPort, err := urlHostPort(u)
	if err != nil || !allows(t.AllowedHosts, hostPort) {
		return hub.AuthorizeResponse{}, bug("the authorization URL leads to %q, which is not a host of this provider", clean(u.Host, 100))
	}
	if r.Issuer != "" {
		if _, err := webURL(r.Issuer); err != nil {
			return hub.AuthorizeResponse{}, bug("the issuer: %v", err)
		}
	}
	return hub.AuthorizeResponse{URL: r.URL, Issuer: r.Issuer, IssuerRequired: r.IssuerRequired, Pushed: r.Pushed}, nil
}

// allows reports whether hostPort, in canonical form, is one of hosts.
func allows(hosts []string, hostPort string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool {
		c, err := canonicalHostPort(h)
		return err == nil && c == hostPort
	})
}

// tokenSet converts and checks a provider's answer. issued is when it was asked
// for: lives are counted from there, so that none is thought longer than it is.
func tokenSet(t *sdk.TokenSet, issued time.Time) (hub.TokenSet, error) {
	if t.AccessToken.IsZero() {
		return hub.TokenSet{}, bug("the answer has no access token")
	}
	if err := checkTokens(t.AccessToken, t.RefreshToken, t.IDToken); err != nil {
		return hub.TokenSet{}, err
	}
	if len(t.Named) > maxNamed {
		return hub.TokenSet{}, bug("the answer has %d named tokens, the limit is %d", len(t.Named), maxNamed)
	}
	out := hub.TokenSet{
		AccessToken:  t.AccessToken,
		RefreshToken: t.RefreshToken,
		IDToken:      t.IDToken,
		TokenType:    clean(t.TokenType, 64),
		IssuedAt:     issued,
		Scopes:       scopeNames(t.Scopes),
		Name:         clean(t.Name, 64),
	}
	if out.TokenType == "" {
		out.TokenType = "Bearer"
	}
	out.Expiry, out.ExpirySource = expiry(t.ExpiresIn, t.ExpirySource, issued)
	if d := bounded(t.RefreshExpiresIn); d > 0 {
		out.RefreshExpiry = issued.Add(d)
	}
	for _, name := range sortedKeys(t.Named) {
		n := t.Named[name]
		if err := checkTokens(n.AccessToken, n.RefreshToken); err != nil {
			return hub.TokenSet{}, err
		}
		if !plain(name, 64) || name == "" || n.AccessToken.IsZero() {
			return hub.TokenSet{}, bug("the answer has a named token without a name or a token")
		}
		h := hub.NamedToken{AccessToken: n.AccessToken, RefreshToken: n.RefreshToken, Scopes: scopeNames(n.Scopes), IssuedAt: issued}
		h.Expiry, h.ExpirySource = expiry(n.ExpiresIn, n.ExpirySource, issued)
		if out.Named == nil {
			out.Named = map[string]hub.NamedToken{}
		}
		out.Named[name] = h
	}
	if len(t.Metadata) > 0 {
		out.Metadata = cleanMap(t.Metadata, maxMetadata, maxValue)
	}
	return out, nil
}

// checkTokens refuses a token that is too long or could break a header.
func checkTokens(tokens ...secret.Value) error {
	for _, t := range tokens {
		if !plain(t.Reveal(), maxToken) {
			return bug("a token of the answer is longer than %d bytes or has characters that no token has", maxToken)
		}
	}
	return nil
}

// expiry is the end of a life of d from issued on.
func expiry(d time.Duration, src sdk.ExpirySource, issued time.Time) (time.Time, hub.ExpirySource) {
	source := known(hub.ExpirySource(src), hub.ExpiryDeclared, hub.ExpiryAssumed, hub.ExpiryJWT, hub.ExpiryIntrospected, hub.ExpiryNever)
	d = bounded(d)
	switch {
	case source == hub.ExpiryNever:
		return time.Time{}, source
	case d == 0:
		return time.Time{}, hub.ExpiryUnknown
	case source == hub.ExpiryUnknown:
		source = hub.ExpiryDeclared
	}
	return issued.Add(d), source
}

// scopeNames keeps what can be a scope (RFC 6749 section 3.3). nil stays nil:
// it means that the provider did not say.
func scopeNames(in []string) []string {
	if in == nil {
		return nil
	}
	out := []string{}
	for _, s := range in {
		if s != "" && plain(s, maxLine) && len(out) < maxScopes {
			out = append(out, s)
		}
	}
	return out
}

// account converts whose the tokens are. nil stays nil.
func account(a *sdk.Account) (*hub.Account, error) {
	if a == nil {
		return nil, nil
	}
	out := &hub.Account{
		Issuer: clean(a.Issuer, maxURL), Subject: clean(a.Subject, 512), Tenant: clean(a.Tenant, 512),
		Login: clean(a.Login, maxLine), Name: clean(a.Name, maxLine), Email: clean(a.Email, 320),
	}
	// The identity must be what was said, not what was left after cleaning:
	// two accounts must never become one.
	if out.Subject == "" || out.Subject != a.Subject || out.Issuer != a.Issuer || out.Tenant != a.Tenant {
		return nil, bug("the answer names an account without a proper subject, issuer or tenant")
	}
	if picture, err := webURL(a.Picture); err == nil { // one that cannot be is left out
		out.PictureURL = picture
	}
	return out, nil
}

// exchangeAnswer converts the first token set of a connection.
func exchangeAnswer(t *sdk.TokenSet, a *sdk.Account, issued time.Time) (hub.TokenAnswer, error) {
	tokens, err := tokenSet(t, issued)
	if err != nil {
		return hub.TokenAnswer{}, err
	}
	who, err := account(a)
	if err != nil {
		return hub.TokenAnswer{}, err
	}
	outcome := hub.RefreshRotated
	if tokens.RefreshToken.IsZero() {
		outcome = hub.RefreshNone
	}
	return hub.TokenAnswer{Tokens: tokens, RefreshToken: outcome, Account: who}, nil
}

// refreshAnswer converts the token set of a refresh.
func refreshAnswer(r *sdk.RefreshResponse, issued time.Time) (hub.TokenAnswer, error) {
	tokens, err := tokenSet(&r.Tokens, issued)
	if err != nil {
		return hub.TokenAnswer{}, err
	}
	outcome := hub.RefreshOutcome(r.RefreshToken)
	switch {
	case !tokens.RefreshToken.IsZero():
		// A token that came must be kept, whatever was said of it.
		outcome = hub.RefreshRotated
	case outcome == hub.RefreshKept, outcome == hub.RefreshNone:
	default:
		return hub.TokenAnswer{}, bug("the answer does not say what became of the refresh token")
	}
	return hub.TokenAnswer{Tokens: tokens, RefreshToken: outcome}, nil
}

// providerError gives a plugin's error its class. Its texts are cleaned; what
// is no *sdk.Error is a bug of the plugin.
func providerError(e *sdk.Error) *hub.ProviderError {
	out := &hub.ProviderError{
		ProviderCode: clean(e.ProviderCode, 100),
		Message:      clean(e.Message, maxText),
		RetryAfter:   min(max(e.RetryAfter, 0), 24*time.Hour),
	}
	switch e.Code {
	case sdk.CodeReauthorizationRequired:
		out.Class = hub.ProviderReauthorize
		out.Reason = known(hub.Reason(e.Reason), hub.ReasonRevoked, hub.ReasonRefreshExpired, hub.ReasonRefreshMissing,
			hub.ReasonScopeMissing, hub.ReasonClientInvalid, hub.ReasonPolicy, hub.ReasonProviderUninstalled)
		if out.Reason == "" {
			out.Reason = hub.ReasonUnknown
		}
		out.RetryAfter = 0
	case sdk.CodeUserDenied:
		out.Class = hub.ProviderDenied
	case sdk.CodeMisconfigured:
		out.Class, out.Field = hub.ProviderMisconfigured, clean(e.Field, 64)
	case sdk.CodeTemporary:
		out.Class = hub.ProviderTemporary
	case sdk.CodeSlowDown:
		out.Class, out.SlowDown = hub.ProviderTemporary, true
	case sdk.CodeRateLimited:
		out.Class = hub.ProviderTemporary
		if out.RetryAfter == 0 {
			out.RetryAfter = 30 * time.Second
		}
	case sdk.CodeUnsupported:
		out.Class = hub.ProviderUnsupported
	default:
		out.Class = hub.ProviderBug
	}
	return out
}

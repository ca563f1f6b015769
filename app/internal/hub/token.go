// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"maps"
	"slices"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// TokenSet is what a provider issued for one connection.
type TokenSet struct {
	AccessToken   secret.Value
	RefreshToken  secret.Value
	IDToken       secret.Value
	TokenType     string
	IssuedAt      time.Time
	Expiry        time.Time // zero: unknown or never, as ExpirySource says
	ExpirySource  ExpirySource
	RefreshExpiry time.Time // zero: unknown
	Scopes        []string  // granted; nil: as requested
	Name          string    // what it is called where there are several; may be empty
	Named         map[string]NamedToken
	Metadata      map[string]string
}

// NamedToken is a further token of the same connection.
type NamedToken struct {
	AccessToken, RefreshToken secret.Value
	IssuedAt                  time.Time // zero: with the main one
	Expiry                    time.Time
	ExpirySource              ExpirySource
	Scopes                    []string
	// Generation counts its renewals.
	Generation uint64
	// Asked is set, durably, before the provider is asked for the next one, and
	// cleared by its answer.
	Asked time.Time
	// Reason is set when only the user can bring this token back.
	Reason Reason
}

// Set is the token seen as a set of its own.
func (n *NamedToken) Set() TokenSet {
	return TokenSet{
		AccessToken: n.AccessToken, RefreshToken: n.RefreshToken, TokenType: "Bearer",
		IssuedAt: n.IssuedAt, Expiry: n.Expiry, ExpirySource: n.ExpirySource, Scopes: n.Scopes,
	}
}

// Granted are the scopes of all its tokens; nil: the provider did not say.
func (t *TokenSet) Granted() []string {
	out := t.Scopes
	for _, name := range slices.Sorted(maps.Keys(t.Named)) {
		for _, s := range t.Named[name].Scopes {
			if !slices.Contains(out, s) {
				out = append(slices.Clip(out), s)
			}
		}
	}
	return out
}

// ExpirySource says how the expiry is known.
type ExpirySource string

// The sources.
const (
	ExpiryUnknown      ExpirySource = ""
	ExpiryDeclared     ExpirySource = "declared"
	ExpiryAssumed      ExpirySource = "assumed"
	ExpiryJWT          ExpirySource = "jwt"
	ExpiryIntrospected ExpirySource = "introspected"
	ExpiryNever        ExpirySource = "never"
)

// ValidFor reports whether the access token is known to live at least ttl
// beyond now. A token whose expiry nobody knows counts as valid.
func (t *TokenSet) ValidFor(now time.Time, ttl time.Duration) bool {
	if t.AccessToken.IsZero() {
		return false
	}
	return t.Expiry.IsZero() || t.Expiry.Sub(now) > ttl
}

// clockSlack is how far a clock may have been put back without casting doubt on
// what was issued before.
const clockSlack = 2 * time.Minute

// FromTheFuture reports whether a token was issued under a clock that was
// later put back, so that its expiry tells nothing.
func (t *TokenSet) FromTheFuture(now time.Time) bool { return t.IssuedAt.Sub(now) > clockSlack }

// Life is how long the access token lived in all; zero when unknown.
func (t *TokenSet) Life() time.Duration {
	if t.Expiry.IsZero() {
		return 0
	}
	return t.Expiry.Sub(t.IssuedAt)
}

// Tokens is the stored record of a connection's tokens. Its generation counts
// every replacement of Current.
type Tokens struct {
	Connection string
	Generation uint64
	// Revision is the generation of the record, which also grows when only
	// Intent changes.
	Revision uint64
	Current  TokenSet
	// Authorized is when the first set of this authorization was issued, which is
	// what an absolute limit counts from; zero: unknown.
	Authorized time.Time
	// Previous is kept for the provider's grace window: should the answer to
	// a refresh have been lost, its refresh token may still work.
	Previous *TokenSet
	// RotatedAt is when Previous was replaced; zero without it.
	RotatedAt time.Time
	// Intent is set, durably, before a refresh is asked for, and cleared by
	// its outcome. Found at a start, it tells of an answer that was lost.
	Intent *RefreshIntent
}

// RefreshIntent is a refresh that was begun.
type RefreshIntent struct {
	StartedAt time.Time `json:"started_at"`
	// Retried is set when the lost answer was already asked for once more.
	Retried bool `json:"retried,omitempty"`
}

// Vended is a token on its way to an app.
type Vended struct {
	Connection    *Connection
	AccessToken   secret.Value
	TokenType     string
	Expiry        time.Time
	ExpirySource  ExpirySource
	Scopes        []string
	MissingScopes []string
	Audience      string // the one that it is for; empty: what the provider chose
	Metadata      map[string]string
	Generation    uint64
	// Warning is set when an early refresh failed and the stored token,
	// still valid, was served.
	Warning *Error
}

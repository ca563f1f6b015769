// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// TokenSet is what a token endpoint answered, in one shape for all providers.
type TokenSet struct {
	AccessToken  secret.Value
	RefreshToken secret.Value // zero: none was given
	IDToken      secret.Value
	TokenType    string // "Bearer" unless the provider says otherwise

	// ExpiresIn is the life of the access token counted from the answer, and
	// ExpirySource says who says so. Zero with ExpiryNever: it does not
	// expire. Zero with ExpiryUnknown: nobody knows.
	ExpiresIn    time.Duration
	ExpirySource ExpirySource
	// RefreshExpiresIn is the life of the refresh token; zero: not said.
	RefreshExpiresIn time.Duration

	// Scopes are the granted scopes. nil: the provider does not say, which by
	// RFC 6749 section 5.1 means as requested.
	Scopes []string

	// Name is what the access token is called where a connection can have
	// several ("bot"); empty: there is only ever one.
	Name string
	// Named are further tokens of the same answer by name ("user" beside
	// Slack's bot token). Each is renewed by itself.
	Named map[string]NamedToken

	// Metadata holds non-secret fields worth having beside the token, such as
	// instance_url or a team id.
	Metadata map[string]string
}

// NamedToken is a further token of a connection.
type NamedToken struct {
	AccessToken  secret.Value
	RefreshToken secret.Value
	ExpiresIn    time.Duration
	ExpirySource ExpirySource
	Scopes       []string
}

// ExpirySource says how the life of a token is known.
type ExpirySource string

// The sources.
const (
	ExpiryUnknown      ExpirySource = ""
	ExpiryDeclared     ExpirySource = "declared"     // the token answer said so
	ExpiryAssumed      ExpirySource = "assumed"      // the definition's default
	ExpiryJWT          ExpirySource = "jwt"          // the token's exp claim
	ExpiryIntrospected ExpirySource = "introspected" // RFC 7662
	ExpiryNever        ExpirySource = "never"        // it does not expire
)

// Account says whose token it is. Issuer, Subject and Tenant together are the
// identity: they never change and are never an e-mail address. The rest is for
// people to recognise the account by.
type Account struct {
	Issuer  string // who says so: an issuer URL, or the provider's base URL
	Subject string // the provider's immutable id of the account; required
	Tenant  string // workspace, organization or tenant id, where accounts live in one
	Login   string // "octocat"
	Name    string // "The Octocat"
	Email   string
	// Picture is the https URL of the account's picture, at one of the
	// descriptor's PictureHosts or AllowedHosts; empty: there is none. The host
	// fetches it once, without credentials: PNG, JPEG, GIF or WebP of at most
	// 256 KiB. One that it cannot take is left out.
	Picture string
}

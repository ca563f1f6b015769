// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"time"

	"github.com/standpipe/standpipe/sdk"
)

// Standard is a provider given as data. It implements sdk.Provider,
// sdk.Refresher, sdk.Revoker, sdk.Identifier, sdk.DeviceAuthorizer and
// sdk.Introspector; what the table does not name it answers with Unsupported. A
// plain provider needs nothing else, and one with a peculiarity embeds it and overrides a method:
//
//	type Provider struct{ *oauth.Standard }
//
//	func (p *Provider) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
//		out, err := p.Standard.Exchange(ctx, r)
//		…
//	}
//
// A Standard is not changed after it was made, and is safe for concurrent use.
// ParseDefinition reads the same table from JSON.
//
// # Templates
//
// URLs, parameter values and header values are templates: {key} stands
// for the config value of that name, {client_id} and {redirect_uri} for those
// of the request. A key without a value is an error that names it, never text
// that goes out as it stands. A config value that begins a URL must be an http
// or https URL itself; elsewhere in a URL a value is escaped.
//
// # Paths
//
// Fields of an answer are named by dotted paths: "team.id", "data.0.id".
// "a|b" takes the first that is there.
type Standard struct {
	// Descriptor is what Describe answers. Where AllowedHosts is empty it is
	// filled from the endpoints whose host is fixed.
	Descriptor sdk.Descriptor `json:"-"`

	// Issuer makes it an OpenID provider: endpoints that are not given come
	// from its discovery document, and an id_token is verified.
	Issuer string `json:"issuer,omitempty"`

	AuthorizeURL string `json:"authorize_url,omitempty"`
	TokenURL     string `json:"token_url,omitempty"`
	RefreshURL   string `json:"refresh_url,omitempty"` // empty: TokenURL
	// DeviceURL is the device authorization endpoint (RFC 8628); empty: the
	// discovered one, or none.
	DeviceURL string `json:"device_url,omitempty"`

	// ScopeSeparator joins scopes in a request; empty: a space (RFC 6749
	// section 3.3).
	ScopeSeparator string `json:"scope_separator,omitempty"`
	// ScopeParam carries them; empty: "scope".
	ScopeParam string `json:"scope_param,omitempty"`

	// ClientAuth is how the client shows who it is at the token endpoint,
	// RefreshAuth where a refresh differs. A client without a secret always
	// sends its id in the body. Empty: the body; with an Issuer, what the
	// config field client_auth says, where there is one and it is set, else
	// what the issuer's metadata offers, of several the body.
	ClientAuth  ClientAuth `json:"client_auth,omitempty"`
	RefreshAuth ClientAuth `json:"refresh_auth,omitempty"`
	// DeviceAuth is the same for the device authorization endpoint; its token
	// requests are authenticated by ClientAuth.
	DeviceAuth ClientAuth `json:"device_auth,omitempty"`
	// TokenFormat is the form of a token request's body.
	TokenFormat Format `json:"token_format,omitempty"`
	// Headers go with every call to the token and identity endpoints.
	Headers map[string]string `json:"headers,omitempty"`

	// AuthorizeParams are added to the authorization URL, ReconnectParams
	// when a connection exists already, SelectAccountParams when the user
	// wants to choose an account.
	AuthorizeParams     map[string]string `json:"authorize_params,omitempty"`
	ReconnectParams     map[string]string `json:"reconnect_params,omitempty"`
	SelectAccountParams map[string]string `json:"select_account_params,omitempty"`
	// OfflineParams are added when no refresh token is held, for providers
	// that give one only on consent.
	OfflineParams map[string]string `json:"offline_params,omitempty"`
	// LoginHintParam names the parameter of a login hint; empty: "login_hint"
	// for an OpenID provider, otherwise none.
	LoginHintParam string `json:"login_hint_param,omitempty"`
	// TokenParams are added to the exchange, RefreshParams to a refresh.
	TokenParams   map[string]string `json:"token_params,omitempty"`
	RefreshParams map[string]string `json:"refresh_params,omitempty"`
	// CallbackMetadata keeps parameters of the callback as metadata:
	// metadata key to parameter ("realm_id" to "realmId").
	CallbackMetadata map[string]string `json:"callback_metadata,omitempty"`

	Answer     Answer      `json:"answer,omitzero"`
	Errors     []ErrorRule `json:"errors,omitempty"`
	Identity   *Identity   `json:"identity,omitempty"`
	Revocation *Revocation `json:"revocation,omitempty"`
	// Introspection is asked how long a token lives where its answer does not
	// say, by a client with a secret; nil: it has none.
	Introspection *Introspection `json:"introspection,omitempty"`
}

// ClientAuth is a way of client authentication. It is always said, never
// tried out: a server may lock a client that guesses.
type ClientAuth string

// The ways.
const (
	// AuthBody sends client_id and client_secret in the body
	// (client_secret_post).
	AuthBody ClientAuth = "body"
	// AuthBasic sends them in an Authorization header, each form-encoded
	// first (RFC 6749 section 2.3.1).
	AuthBasic ClientAuth = "basic"
	// AuthNone sends client_id only, even where there is a secret.
	AuthNone ClientAuth = "none"
)

// Format is the form of a request's body.
type Format string

// The forms.
const (
	FormatForm Format = "form" // the default
	FormatJSON Format = "json"
)

// Answer says where the fields of a token answer are. The zero value is
// RFC 6749 section 5.
type Answer struct {
	// Paths; empty: access_token, refresh_token, token_type, scope, id_token,
	// expires_in, refresh_token_expires_in.
	AccessToken      string `json:"access_token,omitempty"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	TokenType        string `json:"token_type,omitempty"`
	Scope            string `json:"scope,omitempty"`
	IDToken          string `json:"id_token,omitempty"`
	ExpiresIn        string `json:"expires_in,omitempty"`
	RefreshExpiresIn string `json:"refresh_expires_in,omitempty"`

	// ScopeSeparator splits the granted scopes; empty: Standard's.
	ScopeSeparator string `json:"scope_separator,omitempty"`
	// IgnoreScope is set where the answer's scope cannot be trusted, because
	// the provider leaves out what it granted.
	IgnoreScope bool `json:"ignore_scope,omitempty"`
	// ExpiresUnit is the unit of the lives; zero: one second.
	ExpiresUnit Duration `json:"expires_unit,omitzero"`
	// DefaultLifetime is assumed where the answer names none.
	DefaultLifetime Duration `json:"default_lifetime,omitzero"`
	// NeverExpires says that a token without a life lives on.
	NeverExpires bool `json:"never_expires,omitempty"`
	// JWTExpiry reads the life from an access token that is a JWT.
	JWTExpiry bool `json:"jwt_expiry,omitempty"`

	// OK is a path that must be true, for providers that answer errors with
	// status 200 ("ok").
	OK string `json:"ok,omitempty"`
	// Error, ErrorDetail and ErrorText are the paths of an error's code, of a
	// finer code, and of its text; empty: error, none, error_description.
	Error       string `json:"error,omitempty"`
	ErrorDetail string `json:"error_detail,omitempty"`
	ErrorText   string `json:"error_text,omitempty"`

	// Metadata keeps non-secret fields: metadata key to path.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Named are further tokens of the same answer.
	Named map[string]NamedAnswer `json:"named,omitempty"`
}

// NamedAnswer says where a further token is. All are paths, none has a default.
type NamedAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	ExpiresIn    string `json:"expires_in,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// ErrorRule gives an error of the provider's its meaning. The first rule whose
// every field that is set matches wins; where none does, RFC 6749 section 5.2
// and the status decide.
type ErrorRule struct {
	On     []Leg  `json:"on,omitempty"`     // empty: every leg
	Status int    `json:"status,omitempty"` // HTTP status
	Code   string `json:"code,omitempty"`   // the whole error code
	Detail string `json:"detail,omitempty"` // the whole finer code
	Text   string `json:"text,omitempty"`   // a part of the error's text, in any case

	As         sdk.Code   `json:"as"`
	Reason     sdk.Reason `json:"reason,omitempty"`
	Field      string     `json:"field,omitempty"`
	RetryAfter Duration   `json:"retry_after,omitzero"`
	// Message is what to tell people; empty: the provider's text, cut.
	Message string `json:"message,omitempty"`
}

// Leg is one kind of call.
type Leg string

// The legs.
const (
	LegExchange Leg = "exchange"
	LegRefresh  Leg = "refresh"
	LegIdentify Leg = "identify"
	LegRevoke   Leg = "revoke"
	LegDevice   Leg = "device" // both of its requests
	LegPush     Leg = "push"   // of an authorization request
	// LegIntrospect asks how long a token lives.
	LegIntrospect Leg = "introspect"
	// LegDiscovery reads the metadata of an issuer.
	LegDiscovery Leg = "discovery"
)

// Identity says how to learn whose a token is.
type Identity struct {
	// From is where the account is read from; empty: an answer of URL.
	From IdentitySource `json:"from,omitempty"`

	URL     string            `json:"url,omitempty"`    // empty: the discovered userinfo_endpoint
	Method  string            `json:"method,omitempty"` // empty: GET
	Body    string            `json:"body,omitempty"`   // JSON as it goes out, for GraphQL and the like
	Headers map[string]string `json:"headers,omitempty"`
	OK      string            `json:"ok,omitempty"`    // as Answer.OK
	Error   string            `json:"error,omitempty"` // as Answer.Error

	// Issuer names who says so; empty: Standard.Issuer, else scheme and host
	// of the authorization endpoint.
	Issuer string `json:"issuer,omitempty"`

	// Paths. Subject is required unless the provider is an OpenID one.
	Subject string `json:"subject,omitempty"`
	Tenant  string `json:"tenant,omitempty"`
	Login   string `json:"login,omitempty"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	// Picture is the path of an https URL, or such a URL with paths in it
	// ("https://cdn.example.com/{id}/{avatar}.png"). Empty: picture, of an OpenID
	// provider. See sdk.Descriptor.PictureHosts.
	Picture string `json:"picture,omitempty"`

	// ScopesHeader names a header of the answer that lists the granted
	// scopes, split by Answer.ScopeSeparator.
	ScopesHeader string `json:"scopes_header,omitempty"`
}

// IdentitySource is where an account is read from.
type IdentitySource string

// The sources.
const (
	FromRequest IdentitySource = ""
	FromToken   IdentitySource = "token"    // the token answer itself
	FromIDToken IdentitySource = "id_token" // the verified claims
)

// Revocation says how to withdraw a token. The zero value with a URL is
// RFC 7009.
type Revocation struct {
	URL    string     `json:"url,omitempty"`    // empty: the discovered revocation_endpoint
	Method string     `json:"method,omitempty"` // empty: POST
	Auth   ClientAuth `json:"auth,omitempty"`   // empty: Standard.ClientAuth
	Bearer bool       `json:"bearer,omitempty"` // the token itself is the credential, no client
	Format Format     `json:"format,omitempty"`
	// Params is the body; nil: token and token_type_hint. {token} stands for
	// the token here, and nowhere else.
	Params map[string]string `json:"params,omitempty"`
	// Kinds are the tokens that it accepts; empty: both.
	Kinds []sdk.TokenKind `json:"kinds,omitempty"`
	// Reach is how far it goes; empty: Descriptor.Revoke.
	Reach sdk.Reach `json:"reach,omitempty"`
	// GrantURL withdraws the whole grant, where URL withdraws one token.
	GrantURL string `json:"grant_url,omitempty"`
	// Gone are the statuses that say that the token was gone already.
	Gone []int `json:"gone,omitempty"`
	// OK is as Answer.OK.
	OK string `json:"ok,omitempty"`
}

// Introspection is RFC 7662.
type Introspection struct {
	URL  string     `json:"url"`
	Auth ClientAuth `json:"auth,omitempty"` // empty: Standard.ClientAuth
}

// Duration is a time.Duration that JSON writes as "90s" or "2h".
type Duration time.Duration

// The contract, checked by the compiler.
var (
	_ sdk.Provider   = (*Standard)(nil)
	_ sdk.Refresher  = (*Standard)(nil)
	_ sdk.Revoker    = (*Standard)(nil)
	_ sdk.Identifier = (*Standard)(nil)

	_ sdk.DeviceAuthorizer = (*Standard)(nil)
	_ sdk.Introspector     = (*Standard)(nil)
)

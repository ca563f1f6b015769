// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"context"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// Provider is what every plugin implements. A provider is a pure function of
// the request: it keeps no state, writes no files and starts nothing that
// outlives the call. Methods are called concurrently.
//
// The host owns state, PKCE, nonce, redirect URI, storage, retries and the
// clock; a method makes the provider's HTTP calls (through oauth.Client, which
// dials by way of the host) and translates. Every error should be an *Error;
// anything else reaches the user as a bug of the plugin.
type Provider interface {
	// Describe lists the providers that this plugin serves. It makes no
	// network call. The host keeps the answer, and asks the same executable
	// the same question when it next starts it, not before.
	Describe(context.Context, *DescribeRequest) (*DescribeResponse, error)
	// Authorize builds the URL to which the user's browser is sent.
	Authorize(context.Context, *AuthorizeRequest) (*AuthorizeResponse, error)
	// Exchange trades an authorization code for tokens (RFC 6749 section 4.1.3).
	Exchange(context.Context, *ExchangeRequest) (*ExchangeResponse, error)
}

// The optional interfaces. What a plugin can do is derived from which of them
// it implements; nothing is declared by hand. A method of an optional
// interface may still answer Unsupported for one of several providers.
type (
	// Refresher renews an access token (RFC 6749 section 6).
	Refresher interface {
		Refresh(context.Context, *RefreshRequest) (*RefreshResponse, error)
	}
	// Revoker withdraws a token at the provider (RFC 7009 or the vendor's way).
	Revoker interface {
		Revoke(context.Context, *RevokeRequest) (*RevokeResponse, error)
	}
	// Identifier says which account a token belongs to.
	Identifier interface {
		Identify(context.Context, *IdentifyRequest) (*IdentifyResponse, error)
	}
	// DeviceAuthorizer connects without a browser on this machine (RFC 8628).
	DeviceAuthorizer interface {
		StartDevice(context.Context, *StartDeviceRequest) (*StartDeviceResponse, error)
		// PollDevice asks once. Until the user has answered it returns
		// CodeTemporary (pending) or CodeSlowDown.
		PollDevice(context.Context, *PollDeviceRequest) (*PollDeviceResponse, error)
	}
	// ClientCredentialer obtains a token for the client itself (RFC 6749
	// section 4.4).
	ClientCredentialer interface {
		ClientCredentials(context.Context, *ClientCredentialsRequest) (*ClientCredentialsResponse, error)
	}
	// Introspector asks the provider about a token (RFC 7662).
	Introspector interface {
		Introspect(context.Context, *IntrospectRequest) (*IntrospectResponse, error)
	}
	// Checker tests an integration's settings before anybody connects.
	Checker interface {
		Check(context.Context, *CheckRequest) (*CheckResponse, error)
	}
)

// Target says which provider a call is for, and with which settings.
type Target struct {
	// Provider is the slug of one of the plugin's descriptors.
	Provider string
	// Definition is the JSON of a declared provider; empty for coded ones.
	Definition []byte
	// Config holds the values of the descriptor's config fields, defaults
	// filled in. Never a secret.
	Config map[string]string
	// ClientID is the OAuth client identifier of the integration.
	ClientID string
}

// DescribeRequest carries, to the plugin oauth2, the declared providers that the
// host knows; plugins of other names get none.
type DescribeRequest struct {
	Definitions [][]byte
}

// DescribeResponse lists the providers in the order in which to show them.
type DescribeResponse struct {
	Providers []Descriptor
	// Version is that of the plugin; empty: PluginVersion. An installed plugin
	// that names another version than its release is refused.
	Version string
	// SDK says what the plugin was made with. It is derived by Serve.
	SDK string
}

// AuthorizeRequest asks for an authorization URL (RFC 6749 section 4.1.1,
// RFC 7636 section 4.3).
type AuthorizeRequest struct {
	Target
	RedirectURI   string
	State         string
	Nonce         string   // for OpenID providers; others ignore it
	CodeChallenge string   // S256; leave it out only where the descriptor's PKCE is PKCENever
	Scopes        []string // what to ask for; may be empty
	LoginHint     string   // the account to preselect; may be empty
	// SelectAccount asks the provider to let the user choose an account.
	SelectAccount bool
	// Reconnect is set when a connection exists already, so that a provider
	// that hands out refresh tokens only on consent can ask for it again.
	Reconnect bool
	// NeedRefreshToken is set when no refresh token is held that works, so
	// that a provider that gives one on consent only has to be asked for
	// consent. Without it, a reconnect may come back without one.
	NeedRefreshToken bool
	// ClientSecret is given where the descriptor has PushedRequests.
	ClientSecret secret.Value
	// Audiences are the resource servers that tokens will be wanted for, one by
	// one, in later refreshes (RFC 8707). They are set only where the descriptor
	// says NarrowsAudience.
	Audiences []string
}

// AuthorizeResponse is the URL to open. The host refuses a URL that does not
// carry the request's state, challenge and redirect URI, or whose host the
// descriptor does not name.
type AuthorizeResponse struct {
	URL string
	// Issuer is the issuer that the callback's iss parameter must equal
	// (RFC 9207); empty where the provider has none.
	Issuer string
	// IssuerRequired is set where the provider's metadata advertises
	// authorization_response_iss_parameter_supported.
	IssuerRequired bool
	// Pushed is set where the request was sent by the back channel (RFC 9126):
	// the URL then holds client_id and request_uri, and nothing else of it.
	Pushed bool
}

// ExchangeRequest carries an authorization code.
type ExchangeRequest struct {
	Target
	ClientSecret secret.Value // zero for public clients
	Code         secret.Value
	CodeVerifier secret.Value
	RedirectURI  string
	Nonce        string // what an id_token must carry
	Scopes       []string
	// Params are the callback's other query parameters (realmId and the like);
	// never code or state.
	Params map[string]string
}

// ExchangeResponse is the first token set of a connection.
type ExchangeResponse struct {
	Tokens TokenSet
	// Account is set where the token answer already says whose it is; then
	// the host does not call Identify.
	Account *Account
}

// RefreshRequest carries one refresh token.
type RefreshRequest struct {
	Target
	ClientSecret secret.Value
	RefreshToken secret.Value
	// Scopes narrows the new token (RFC 6749 section 6); empty keeps all.
	Scopes []string
	// RedirectURI of the connection, for providers that want it again.
	RedirectURI string
	// Name says which of a connection's tokens this is, where it is one of
	// TokenSet.Named; the answer is that token alone. Empty: the main one.
	Name string
	// Audience is the one resource server that the new access token is for (a
	// URI, RFC 8707); empty: as the provider chooses. It is set only where the
	// descriptor says NarrowsAudience.
	Audience string
}

// RefreshResponse is the new token set.
type RefreshResponse struct {
	Tokens TokenSet
	// RefreshToken says what became of the old refresh token.
	RefreshToken RefreshOutcome
}

// RefreshOutcome is what a refresh did to the refresh token.
type RefreshOutcome string

// The outcomes. With RefreshKept, Tokens.RefreshToken is empty and the host
// keeps the old one.
const (
	RefreshKept    RefreshOutcome = "kept"
	RefreshRotated RefreshOutcome = "rotated"
	RefreshNone    RefreshOutcome = "none" // the provider gave none and the old one is spent
)

// RevokeRequest carries the token to withdraw.
type RevokeRequest struct {
	Target
	ClientSecret secret.Value
	Token        secret.Value
	Kind         TokenKind
	// Reach is what the host wants gone. A provider that cannot revoke as
	// narrowly answers Unsupported instead of revoking more.
	Reach Reach
}

// TokenKind is a token_type_hint of RFC 7009.
type TokenKind string

// The kinds of token.
const (
	AccessToken  TokenKind = "access_token"
	RefreshToken TokenKind = "refresh_token"
)

// Reach is how far a revocation goes.
type Reach string

// The reaches, narrow to wide.
const (
	ReachNone  Reach = "none"  // nothing was or can be revoked
	ReachToken Reach = "token" // this token (and what was refreshed from it)
	ReachGrant Reach = "grant" // all tokens of this client and account
)

// RevokeResponse says what was really revoked. A token that the provider no
// longer knows counts as revoked.
type RevokeResponse struct{ Revoked Reach }

// IdentifyRequest carries an access token, and what the token answer held.
type IdentifyRequest struct {
	Target
	AccessToken secret.Value
	IDToken     secret.Value
	Metadata    map[string]string
}

// IdentifyResponse says whose token it is.
type IdentifyResponse struct {
	Account Account
	// Scopes is set where the provider says here what was granted.
	Scopes []string
}

// StartDeviceRequest begins a device flow.
type StartDeviceRequest struct {
	Target
	ClientSecret secret.Value
	Scopes       []string
}

// StartDeviceResponse is what to show to the user (RFC 8628 section 3.2).
type StartDeviceResponse struct {
	DeviceCode secret.Value // for PollDevice; it is shown to nobody
	UserCode   string       // what the user enters: "WDJB-MJHT"
	// VerificationURI is the page to enter it on, at one of the hosts that the
	// call may reach. VerificationURIComplete has the code in it, for a QR code;
	// empty: the provider has none.
	VerificationURI         string
	VerificationURIComplete string
	ExpiresIn               time.Duration // the life of both codes, at most half an hour; zero: a quarter
	Interval                time.Duration // between two polls, at least; zero: five seconds
}

// PollDeviceRequest asks whether the user has answered.
type PollDeviceRequest struct {
	Target
	ClientSecret secret.Value
	DeviceCode   secret.Value
}

// PollDeviceResponse is the first token set of a connection.
type PollDeviceResponse struct {
	Tokens  TokenSet
	Account *Account // as in ExchangeResponse
}

// ClientCredentialsRequest obtains a token for the client itself.
type ClientCredentialsRequest struct {
	Target
	ClientSecret secret.Value
	Scopes       []string
}

// ClientCredentialsResponse is the token.
type ClientCredentialsResponse struct{ Tokens TokenSet }

// IntrospectRequest asks about an access token.
type IntrospectRequest struct {
	Target
	ClientSecret secret.Value
	AccessToken  secret.Value
}

// IntrospectResponse is what the provider says of it.
type IntrospectResponse struct {
	Active    bool
	ExpiresIn time.Duration // zero: not said
	Scopes    []string
}

// CheckRequest carries an integration's settings.
type CheckRequest struct {
	Target
	ClientSecret secret.Value
}

// CheckResponse lists what is wrong; empty is good.
type CheckResponse struct{ Problems []Problem }

// Problem is one finding about one field.
type Problem struct {
	Field   string // config field, or "client_id", "client_secret"
	Summary string
}

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// Descriptor is what the hub knows of a provider before anybody connects. It
// is what a plugin said of itself, checked and bounded by the plugin host.
type Descriptor struct {
	Slug, Name, Description string
	Icon                    string // inline SVG, already sanitised
	BrandColor              string // "#24292f", or empty
	Categories              []string
	DocsURL, ConsoleURL     string
	SetupSteps              []string
	Warnings                []string
	Scopes                  []Scope
	Config                  []ConfigField
	AllowedHosts            []string
	PictureHosts            []string // host:port where pictures of accounts are; "*." for any name below
	APIs                    []string // URLs below which its API takes the access token; see sdk.Descriptor
	NoPKCE                  bool     // the provider breaks on PKCE
	SecretRequired          bool
	PushedRequests          bool // Authorize is given the client secret
	PublicDevice            bool // without a secret a device flow works all the same
	Redirect                RedirectRule
	Rotation                Rotation
	GraceWindow             time.Duration
	RefreshMargin           time.Duration
	RefreshIdleLife         time.Duration
	RefreshMaxLife          time.Duration
	Revoke                  Reach
	RevokeNote              string
	RevokesGrant            bool              // a revocation can end the whole grant too
	Remedies                map[Reason]string // the provider's own; see Remedy
	NarrowsScopes           bool              // a refresh that names scopes issues a token with these only
	NarrowsAudience         bool              // a refresh that names a resource (RFC 8707) issues a token for it only
	Sandbox                 map[string]string // nil: the sandbox does not play it
	Capabilities            []Capability
	Plugin                  string // which plugin serves it, for status and audit
}

// Can reports whether the provider has a capability.
func (d *Descriptor) Can(c Capability) bool { return slices.Contains(d.Capabilities, c) }

// Remedy is what happened and what the user can do about it, in words: the
// provider's remedy where it has one, else the general one. d may be nil.
func (d *Descriptor) Remedy(r Reason) string {
	if d != nil && d.Remedies[r] != "" {
		return r.with(d.Remedies[r])
	}
	return r.Remedy()
}

// DefaultScopes are asked for unless the integration says otherwise.
func (d *Descriptor) DefaultScopes() []string {
	var out []string
	for _, s := range d.Scopes {
		if s.Default || s.Required {
			out = append(out, s.Name)
		}
	}
	return out
}

// Scope is a permission in the provider's and in the user's words.
type Scope struct {
	Name        string      `json:"name"`
	Title       string      `json:"title"`
	Default     bool        `json:"default"`
	Required    bool        `json:"required"`
	Sensitivity Sensitivity `json:"sensitivity,omitempty"`
}

// Sensitivity is how much harm a scope can do in wrong hands.
type Sensitivity string

// The sensitivities. Empty: nobody has said.
const (
	SensitivityLow    Sensitivity = "low"
	SensitivityMedium Sensitivity = "medium"
	SensitivityHigh   Sensitivity = "high"
)

// ConfigField is a setting a provider needs beside client id and secret.
type ConfigField struct {
	Key, Label, Description, Example, Pattern, Default string
	Required                                           bool
	URL                                                bool // its host may be called
	Installation                                       bool // asked for at each connect
}

// Matches reports whether a value is one that the setting may have.
func (f *ConfigField) Matches(value string) bool {
	if len(value) > 2048 || strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return false
	}
	if f.Pattern == "" {
		return true
	}
	re, err := regexp.Compile(`^(?:` + f.Pattern + `)$`)
	return err == nil && re.MatchString(value)
}

// RedirectRule is what a provider accepts as a redirect URI.
type RedirectRule struct {
	Host    RedirectHost
	AnyPort bool
	AnyPath bool
	// Paste and LoopbackScopes belong to RedirectHTTPS; see sdk.RedirectRule.
	Paste          bool
	LoopbackScopes string
}

// LoopbackMayAsk reports whether a provider that wants https takes all of these
// scopes on http://localhost too.
func (d *Descriptor) LoopbackMayAsk(scopes []string) bool {
	prefix := d.Redirect.LoopbackScopes
	return prefix != "" && len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s string) bool { return !strings.HasPrefix(s, prefix) })
}

// RedirectHost is the host of a loopback redirect.
type RedirectHost string

// The hosts.
const (
	RedirectLoopback  RedirectHost = ""
	RedirectLocalhost RedirectHost = "localhost"
	RedirectHTTPS     RedirectHost = "https"
)

// Rotation is what a refresh does to the old refresh token.
type Rotation string

// The policies.
const (
	RotationUnknown Rotation = ""
	RotationNone    Rotation = "none"
	RotationSoft    Rotation = "soft"
	RotationSingle  Rotation = "single_use"
)

// Reach is how far a revocation goes, narrow to wide.
type Reach string

// The reaches.
const (
	ReachNone  Reach = "none"
	ReachToken Reach = "token"
	ReachGrant Reach = "grant"
)

// Capability is an optional operation of a provider.
type Capability string

// The capabilities.
const (
	CanRefresh           Capability = "refresh"
	CanRevoke            Capability = "revoke"
	CanIdentify          Capability = "identify"
	CanDevice            Capability = "device"
	CanClientCredentials Capability = "client_credentials"
	CanIntrospect        Capability = "introspect"
	CanCheck             Capability = "check"
)

// Target says which provider a call is for, with which settings, and where its
// calls may go. It is resolved from an integration by the catalog.
type Target struct {
	Provider       string
	Config         map[string]string
	ClientID       string
	ClientSecret   secret.Value
	AllowedHosts   []string // host:port, from descriptor and config, pinned
	PrivateNetwork bool     // loopback and private addresses may be called
	// Draft is the definition of a provider that is not declared yet, as JSON,
	// to try it; nil: Provider is one of those that are described.
	Draft []byte
}

// Providers is what the domain asks of provider plugins. The plugin host
// implements it. Errors are *ProviderError, or *Error when the plugin itself
// could not be had. Every call is bounded in time, whatever the plugin does.
// Safe for concurrent use.
type Providers interface {
	// Describe lists every provider of every plugin found, by slug.
	Describe(context.Context) ([]Descriptor, error)
	Authorize(context.Context, Target, AuthorizeRequest) (AuthorizeResponse, error)
	Exchange(context.Context, Target, ExchangeRequest) (TokenAnswer, error)
	Refresh(context.Context, Target, RefreshRequest) (TokenAnswer, error)
	Revoke(context.Context, Target, RevokeRequest) (Reach, error)
	Identify(context.Context, Target, IdentifyRequest) (Identity, error)
	StartDevice(context.Context, Target, StartDeviceRequest) (DeviceAuthorization, error)
	// PollDevice asks once. While the user has not answered, its error is of
	// class ProviderTemporary.
	PollDevice(context.Context, Target, PollDeviceRequest) (TokenAnswer, error)
}

// AuthorizeRequest asks for the URL to send the browser to.
type AuthorizeRequest struct {
	RedirectURI, State, Nonce, CodeChallenge string
	Scopes                                   []string
	Audiences                                []string // that tokens are wanted for (RFC 8707)
	LoginHint                                string
	SelectAccount, Reconnect                 bool
	NeedRefreshToken                         bool
	// WithSecret gives the client secret along, for a pushed request.
	WithSecret bool
}

// AuthorizeResponse is that URL.
type AuthorizeResponse struct {
	URL            string
	Issuer         string
	IssuerRequired bool
	Pushed         bool // the request was pushed (RFC 9126)
}

// ExchangeRequest trades a code.
type ExchangeRequest struct {
	Code, CodeVerifier secret.Value
	RedirectURI, Nonce string
	Scopes             []string
	Params             map[string]string
	// Prompt lets the plugin talk with the user; nil: nobody is there. The time
	// in which the user is asked does not count against the call.
	Prompt Prompter
}

// RefreshRequest renews a token set.
type RefreshRequest struct {
	RefreshToken secret.Value
	Scopes       []string // narrows; empty keeps all
	RedirectURI  string
	Name         string // of a named token; empty: the main one
	Audience     string // narrows (RFC 8707); empty: as the provider chooses
}

// RevokeRequest withdraws one token.
type RevokeRequest struct {
	Token   secret.Value
	Refresh bool // it is a refresh token
	Reach   Reach
}

// IdentifyRequest asks whose a token is.
type IdentifyRequest struct {
	AccessToken, IDToken secret.Value
	Metadata             map[string]string
	Prompt               Prompter // as in ExchangeRequest
}

// Identity is the answer.
type Identity struct {
	Account Account
	Scopes  []string // nil: not said here
}

// TokenAnswer is a provider's answer to an exchange or a refresh. Times are
// already absolute, on the hub's clock.
type TokenAnswer struct {
	Tokens TokenSet
	// RefreshToken says what became of the refresh token that was used.
	RefreshToken RefreshOutcome
	Account      *Account
}

// RefreshOutcome is what a refresh did to the refresh token.
type RefreshOutcome string

// The outcomes.
const (
	RefreshKept    RefreshOutcome = "kept"
	RefreshRotated RefreshOutcome = "rotated"
	RefreshNone    RefreshOutcome = "none"
)

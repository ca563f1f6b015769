// SPDX-License-Identifier: Apache-2.0

package sdk

import "time"

// Descriptor is all that the host and the user need to know of a provider
// before anybody connects. It holds no secret.
type Descriptor struct {
	Slug        string   // "github": lower case, digits, hyphens
	Name        string   // "GitHub"
	Description string   // one sentence: what connecting gives
	Icon        string   // inline SVG, at most 8 KiB, no script; may be empty
	BrandColor  string   // "#24292f"; may be empty
	Categories  []string // "code", "chat": lower case, for search
	DocsURL     string
	ConsoleURL  string   // where to register an OAuth app
	SetupSteps  []string // how to register one, a sentence each
	Warnings    []string // what a user should know before, a sentence each

	Scopes []Scope
	Config []ConfigField

	// AllowedHosts are the host:port pairs to which calls may go. A config
	// field of kind FieldURL adds the host of its value.
	AllowedHosts []string
	// APIs are the URLs below which the provider's API takes the access token, the
	// usual one first: "https://api.example.com/v2". The host relays the calls of
	// apps there and nowhere else. "{key}" stands for a config field or for the
	// metadata of the token; a host may begin with "*." for any name below.
	APIs []string
	// PictureHosts are the host:port pairs where the pictures of accounts are,
	// beside AllowedHosts; a host may begin with "*." for any name below. The host
	// fetches pictures from there, and from nowhere else; plugins do not call them.
	PictureHosts []string

	PKCE           PKCEPolicy
	SecretRequired bool // false: public clients work
	// PublicDevice is set where a client without a secret can connect by
	// device flow although SecretRequired.
	PublicDevice bool
	// PushedRequests is set where an authorization request may be pushed (RFC
	// 9126): Authorize is then given the client secret.
	PushedRequests bool
	Redirect       RedirectRule

	Rotation        Rotation
	GraceWindow     time.Duration // how long a rotated refresh token still works
	RefreshMargin   time.Duration // refresh this long before expiry; zero: the host's rule
	RefreshIdleLife time.Duration // an unused refresh token dies after this; zero: unknown
	RefreshMaxLife  time.Duration // an authorization ends after this, however often it is refreshed; zero: unknown
	Revoke          Reach         // the narrowest revocation that Revoke can do
	RevokeNote      string        // what to tell the user where Revoke is ReachNone
	// RevokesGrant is set where Revoke can end the whole grant too, asked with
	// ReachGrant.
	RevokesGrant bool
	// NarrowsScopes is set where a refresh that names scopes issues an access
	// token with these only, and leaves the refresh token and the other access
	// tokens as they are. The host believes it together with RotationNone.
	NarrowsScopes bool
	// NarrowsAudience is set where the same is true of a refresh that names a
	// resource (RFC 8707): its access token is for that resource server only.
	NarrowsAudience bool

	// Remedies say in the provider's own words what helps, by reason; where
	// there is none, the host has a general one.
	Remedies map[Reason]string

	// Sandbox is the config that points this provider at the local sandbox,
	// with "{sandbox}" for its base URL; nil: the sandbox does not play it.
	Sandbox map[string]string

	// Capabilities is derived by Serve from the interfaces that the plugin
	// implements. A provider may set it to less, where a plugin of several
	// providers can do more for one than for another; nil: everything.
	Capabilities []Capability
}

// Scope is a permission in the provider's and in the user's words.
type Scope struct {
	Name        string // "repo"
	Title       string // "Read and write your repositories"
	Default     bool   // asked for unless the user says otherwise
	Required    bool   // always asked for
	Sensitivity Sensitivity
}

// Sensitivity is how much harm a scope can do in wrong hands.
type Sensitivity string

// The sensitivities.
const (
	SensitivityUnknown Sensitivity = ""
	SensitivityLow     Sensitivity = "low"    // who you are, and what others see anyway
	SensitivityMedium  Sensitivity = "medium" // reads what is private
	SensitivityHigh    Sensitivity = "high"   // changes or deletes, speaks for you, or reads everything
)

// ConfigField is a setting that the provider needs beside client id and secret.
type ConfigField struct {
	Key         string // "base_url"
	Label       string
	Description string
	Example     string
	Pattern     string // regular expression for the whole value; empty: anything
	Default     string
	Required    bool
	Kind        FieldKind
	Level       FieldLevel
}

// FieldKind says what a value is.
type FieldKind string

// The kinds.
const (
	FieldText FieldKind = ""
	FieldURL  FieldKind = "url" // its host joins AllowedHosts
)

// FieldLevel says who sets a field.
type FieldLevel string

// The levels.
const (
	LevelIntegration  FieldLevel = ""             // once, with the client credentials
	LevelInstallation FieldLevel = "installation" // at each connect
)

// PKCEPolicy says what a provider makes of PKCE (RFC 7636).
type PKCEPolicy string

// The policies. The host always makes a challenge; PKCENever is for providers
// that break on it, and is shown as a warning.
const (
	PKCESend  PKCEPolicy = "" // send S256; most providers
	PKCENever PKCEPolicy = "never"
)

// RedirectRule is what a provider accepts as a redirect URI for an app on the
// user's machine.
type RedirectRule struct {
	Host    RedirectHost
	AnyPort bool // the port may differ from the registered one
	AnyPath bool // a sub-path of the registered one will do
	// Paste is set with RedirectHTTPS where https://localhost can be
	// registered: nobody listens there, and the user carries the address of
	// the last page over by hand.
	Paste bool
	// LoopbackScopes, with RedirectHTTPS, is the prefix of those scopes that
	// may be asked for on http://localhost, if no others are.
	LoopbackScopes string
}

// RedirectHost is the host part of a loopback redirect.
type RedirectHost string

// The hosts.
const (
	RedirectLoopback  RedirectHost = "" // http://127.0.0.1 (RFC 8252 section 7.3)
	RedirectLocalhost RedirectHost = "localhost"
	RedirectHTTPS     RedirectHost = "https" // needs an https base URL of the hub
)

// Rotation is what a refresh does to the old refresh token.
type Rotation string

// The policies.
const (
	RotationUnknown Rotation = ""
	RotationNone    Rotation = "none"       // the refresh token stays
	RotationSoft    Rotation = "soft"       // a new one, the old one keeps working
	RotationSingle  Rotation = "single_use" // a new one, the old one dies
)

// Capability names an optional interface.
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

// CapabilitiesOf derives the capabilities of p from the interfaces it implements.
func CapabilitiesOf(p Provider) []Capability {
	var out []Capability
	add := func(ok bool, c Capability) {
		if ok {
			out = append(out, c)
		}
	}
	_, refresh := p.(Refresher)
	_, revoke := p.(Revoker)
	_, identify := p.(Identifier)
	_, device := p.(DeviceAuthorizer)
	_, cc := p.(ClientCredentialer)
	_, introspect := p.(Introspector)
	_, check := p.(Checker)
	add(refresh, CanRefresh)
	add(revoke, CanRevoke)
	add(identify, CanIdentify)
	add(device, CanDevice)
	add(cc, CanClientCredentials)
	add(introspect, CanIntrospect)
	add(check, CanCheck)
	return out
}

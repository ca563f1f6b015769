// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// Integration is a provider made available here.
type Integration struct {
	Slug         string // also the path segment of its redirect URI
	Provider     string // slug of the provider
	ID           string // data_integration_<ulid>, stable
	Description  string
	Enabled      bool
	Credentials  CredentialsKind
	ClientID     string
	ClientSecret secret.Value
	// SecretLost marks one whose client secret a reset of lost keys could not
	// keep: it connects nothing before that is entered again.
	SecretLost bool
	Scopes     []string // nil: the provider's defaults
	// Audiences are the resource servers (RFC 8707) that tokens may be drawn for
	// one by one; the user's consent is asked for all of them.
	Audiences []string
	Config    map[string]string
	// PrivateNetwork lets its calls go to loopback and private addresses: for
	// the sandbox and for self-hosted providers.
	PrivateNetwork bool
	// FromFile marks one of the configuration file: read-only elsewhere.
	FromFile  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CallbackPath is the path of the integration's redirect URI: one of its own,
// so that an answer cannot be taken for another integration's (COAT).
func (in *Integration) CallbackPath() string {
	if in.Slug == in.Provider {
		return "/callback/" + in.Provider
	}
	return "/callback/" + in.Provider + "/" + in.Slug
}

// CredentialsKind says whose OAuth client an integration uses.
type CredentialsKind string

// The kinds.
const (
	CredentialsOwn     CredentialsKind = "own"
	CredentialsPublic  CredentialsKind = "public"
	CredentialsSandbox CredentialsKind = "sandbox"
)

// Entry is an integration together with its provider.
type Entry struct {
	Integration Integration // Slug and Provider are always set
	// Configured is false for a provider that nobody has set up yet.
	Configured bool
	Descriptor *Descriptor // nil: the plugin is missing or broken
	// Problem says why one cannot connect; nil when one can.
	Problem     *Error
	RedirectURI string
	// Custom is set where the user declared the provider in the window, so that
	// it can be changed and removed there.
	Custom bool
	// Hides is set where Files win over a provider of the same name that the
	// user declared in the window. That one is kept.
	Hides bool
	// Files declare the provider, the first of them the base; none of one that
	// is a plugin's own.
	Files []string
	// Paste is set where nobody listens at RedirectURI: the provider wants an
	// https address, and the user carries it over by hand.
	Paste bool
}

// Ways are the kinds of flow by which an account can be connected, the most
// convenient first.
func (e *Entry) Ways() []FlowKind {
	ways := []FlowKind{}
	if e.Descriptor == nil {
		return ways
	}
	switch {
	case e.Integration.Credentials == CredentialsPublic && e.Descriptor.SecretRequired:
	case e.Paste:
		ways = append(ways, FlowPaste)
	default:
		ways = append(ways, FlowBrowser, FlowPaste)
	}
	if e.Descriptor.Can(CanDevice) {
		ways = append(ways, FlowDevice)
	}
	return ways
}

// Name is what to call the provider on a screen.
func (e *Entry) Name() string {
	if e.Descriptor != nil {
		return e.Descriptor.Name
	}
	return e.Integration.Slug
}

// IntegrationChange sets an integration. A nil field stays as it is.
type IntegrationChange struct {
	Credentials  *CredentialsKind
	ClientID     *string
	ClientSecret *secret.Value
	Scopes       []string
	Description  *string
	Enabled      *bool
	Config       map[string]string // an empty value removes the setting
}

// Resolved is an integration ready for a provider call.
type Resolved struct {
	Target      Target
	Descriptor  *Descriptor
	Integration Integration
	RedirectURI string
	Paste       bool     // as Entry.Paste
	Scopes      []string // what to ask for
}

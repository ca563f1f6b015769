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
	Scopes       []string // nil: the provider's defaults
	Config       map[string]string
	// PrivateNetwork lets its calls go to loopback and private addresses: for
	// the sandbox and for self-hosted providers.
	PrivateNetwork bool
	// FromFile marks one of the configuration file: read-only elsewhere.
	FromFile  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CredentialsKind says whose OAuth client an integration uses.
type CredentialsKind string

// The kinds.
const (
	CredentialsOwn     CredentialsKind = "own"
	CredentialsPublic  CredentialsKind = "public"
	CredentialsSandbox CredentialsKind = "sandbox"
)

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// VendRequest asks for an access token. Whether the caller may have it has
// been decided already.
type VendRequest struct {
	Connection string
	// MinTTL is how long the token must live at least. Zero means ten seconds;
	// more than half of a token's life is not to be had.
	MinTTL time.Duration
	// Scopes narrows the token to these; nil: as it is. Only for a provider
	// that can (Descriptor.NarrowsScopes).
	Scopes []string
	// Audience is the one resource server (RFC 8707) that the token is to be
	// for; empty: as the provider chooses (Descriptor.NarrowsAudience).
	Audience string
	// Token names one of the connection's tokens; empty: the main one.
	Token string
	// Refused is the token that the provider refused, as the caller reports: it
	// is renewed if it is still the one that is stored.
	Refused secret.Value
	// Force renews the token whatever its expiry says, for a caller whose
	// token was refused.
	Force bool
	// Caller and Rule go into the audit: an app's id or "user", and the id of
	// what allowed it.
	Caller, Rule string
	// Action goes into the audit; empty means AuditVend. So does Subject.
	Action  AuditAction
	Subject string
}

// SelectRequest asks which of an owner's connections an app means, and whether
// it may have it.
type SelectRequest struct {
	App         *App
	Owner       Owner
	Integration string
	Connection  string // the one that the app named; empty: none
	// Multiple is set by clients that know of several connections per owner
	// and integration (supports_multiple_connections).
	Multiple bool
	// Relay is set for a call that the hub makes: the app sees no token.
	Relay bool
	// Connections are all of the owner's through the integration.
	Connections []*Connection
}

// Selection is the answer.
type Selection struct {
	Connection *Connection
	Rule       string // what allowed it, for the audit: a grant's id, "all" or "policy:NAME"
	// Scopes is what the token has to be narrowed to; nil: nothing to do.
	Scopes []string
	// Audience is the one that the token has to be for; empty: any.
	Audience string
	// Once is the grant that this draw uses up; nil: none.
	Once *Grant
}

// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Connections lists connections.
type Connections struct {
	Connections []Connection `json:"connections"`
	Damaged     int          `json:"damaged,omitempty"` // that cannot be read
}

// Resume uses connections here again; the fields that are set all have to fit.
type Resume struct {
	Connections []string `json:"connections,omitempty" maxItems:"1000"`
	Backup      string   `json:"backup,omitempty" doc:"Those that went into, or came from, this backup"`
	All         bool     `json:"all,omitempty"`
}

// Backup asks for a backup. The answer is an age file.
type Backup struct {
	Recipients  []string `json:"recipients"` // age public keys
	Move        bool     `json:"move,omitempty"`
	SkipDamaged bool     `json:"skip_damaged,omitempty"`
}

// BackupHeader holds the id of the backup or export that an answer is.
const BackupHeader = "Standpipe-Backup"

// Import takes over the tokens of one connection. All but Owner and Replace is
// as the Pipes API has it.
type Import struct {
	Integration  string            `json:"integration"`
	Owner        hub.Owner         `json:"owner"`
	AccessToken  string            `json:"access_token,omitempty"`
	RefreshToken string            `json:"refresh_token,omitempty"`
	ExpiresAt    *time.Time        `json:"expires_at,omitempty"`
	Scopes       []string          `json:"scopes,omitempty" maxItems:"200"`
	Config       map[string]string `json:"config,omitempty"`
	// Name is what the token is called where there are several, and Named are the
	// further ones.
	Name      string                  `json:"name,omitempty" maxLength:"64"`
	Named     map[string]FurtherToken `json:"named,omitempty"`
	Metadata  map[string]string       `json:"metadata,omitempty"`
	NeedsUser bool                    `json:"needs_user,omitempty" doc:"Import it as one that its user has to reauthorize"`
	Account   *Claimed                `json:"account,omitempty" doc:"Whose the source says they are; a connected account is then refused before a token is spent"`
	Replace   bool                    `json:"replace,omitempty" doc:"Renew the connection of the same account, where there is one"`
}

// FurtherToken is a further token of a connection.
type FurtherToken struct {
	AccessToken  string     `json:"access_token,omitempty"`
	RefreshToken string     `json:"refresh_token,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	Scopes       []string   `json:"scopes,omitempty" maxItems:"200"`
}

// Claimed is whose a source says that tokens are. (A type of its own: in the
// schemas of the bodies, Account is the one that is shown.)
type Claimed hub.Account

// Imported is the connection that came of it.
type Imported struct {
	Connection Connection `json:"connection"`
	Verified   string     `json:"verified"` // "identity", "refresh", or empty: it needs its user
	Renewed    bool       `json:"renewed"`  // an existing connection got the tokens
}

// Export asks for connections with their tokens. The answer is an age file, with
// a JSON object a line.
type Export struct {
	Recipients  []string `json:"recipients"` // age public keys
	Connections []string `json:"connections,omitempty"`
	All         bool     `json:"all,omitempty"`
	Move        bool     `json:"move,omitempty"`
}

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// Import asks to take over tokens that another program holds. Which of them may
// come together is said by Validate.
type Import struct {
	Integration  string
	Owner        Owner
	AccessToken  secret.Value
	RefreshToken secret.Value
	ExpiresAt    time.Time // of the access token; zero: never, or not known
	Scopes       []string  // nil: not known
	// Name is what the token is called where there are several, and Named are the
	// further ones.
	Name     string
	Named    map[string]NamedToken
	Metadata map[string]string // what the provider said beside the tokens
	Config   map[string]string
	// NeedsUser imports a connection that its user has to reauthorize, whether
	// or not it has tokens. They are then not tried.
	NeedsUser bool
	// Connection is the one to renew, which keeps its id; empty makes a new one.
	Connection string
	// Replace renews the connection of the same account, where there is one.
	Replace bool
	// Hint is whose tokens the source says they are. It decides nothing but that
	// an account which is connected already is refused before a refresh token is
	// spent: a second use of one may end the access of the first.
	Hint Account
	// First is refused where the owner has a connection of the integration
	// already.
	First bool
}

// Validate reports which tokens cannot come together, or nil. The rules are
// those of the Pipes API; a refresh token may also come alone.
func (im *Import) Validate() error {
	bad := func(format string, args ...any) *Error { return Errorf(CodeUnprocessable, format, args...) }
	switch {
	case im.AccessToken.IsZero() && !im.ExpiresAt.IsZero():
		return bad("expires_at is of an access token, and there is none")
	case !im.ExpiresAt.IsZero() && im.RefreshToken.IsZero():
		return bad("an access token that expires needs a refresh token beside it").
			WithRemedy("Import the refresh token too, or connect the account anew.")
	}
	return im.Owner.Validate()
}

// Imported is what became of an Import.
type Imported struct {
	Connection *Connection
	// Verified says how the tokens were tried before they were stored:
	// "identity", "refresh", or empty for a connection that needs its user.
	Verified string
	Renewed  bool // an existing connection got the tokens
}

// BackupRequest asks for a backup of everything.
type BackupRequest struct {
	ID         string   // backup_<ulid>
	Recipients []string // age public keys; nothing is written in the clear
	// Move takes the connections out of use, so that only one hub renews their
	// tokens: the one into which the backup is restored.
	Move bool
	// SkipDamaged leaves out what cannot be read, in place of failing.
	SkipDamaged bool
}

// ExportRequest asks for connections with their tokens, for another program.
type ExportRequest struct {
	ID          string   // export_<ulid>
	Recipients  []string // age public keys; nothing is written in the clear
	Connections []string
	All         bool
	// Move takes them out of use here, so that only the other program renews
	// their tokens.
	Move bool
}

// ResumeRequest asks to use connections here again whose tokens may be in use
// elsewhere (Connection.Elsewhere). The fields that are set all have to fit; one
// of them must be.
type ResumeRequest struct {
	Connections []string
	Backup      string // those that went into or came from this backup
	All         bool
}

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"maps"
	"slices"
	"time"
)

// Connection is one account of one owner, connected through an integration.
// It holds no token; those have a record of their own.
type Connection struct {
	ID          string  `json:"id"` // data_installation_<ulid>
	Owner       Owner   `json:"owner"`
	Integration string  `json:"integration"` // slug of the integration
	Provider    string  `json:"provider"`    // slug of the provider
	Account     Account `json:"account"`
	// Compatibility marks the one connection of an owner and integration
	// that clients see which know of one only.
	Compatibility bool              `json:"compatibility"`
	State         State             `json:"state"`
	Reason        Reason            `json:"reason,omitempty"` // with StateNeedsReauthorization
	Backup        string            `json:"backup,omitempty"` // with ReasonMoved and ReasonRestored: into or from which backup
	Requested     []string          `json:"requested"`        // scopes that were asked for
	Scopes        []string          `json:"scopes"`           // scopes that were granted
	Config        map[string]string `json:"config,omitempty"` // installation-level, non-secret
	ClientID      string            `json:"client_id"`        // the OAuth client it was made with
	RedirectURI   string            `json:"redirect_uri"`
	Sandbox       bool              `json:"sandbox,omitempty"`
	Picture       string            `json:"picture,omitempty"` // which picture of the account is stored; empty: none
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
	LastRefresh   time.Time         `json:"last_refresh,omitzero"`
	Expiry        time.Time         `json:"expiry,omitzero"` // of the current access token, for display and scheduling
	Generation    uint64            `json:"generation"`      // of this record
}

// clone returns a connection that shares nothing with c.
func (c *Connection) clone() *Connection {
	out := *c
	out.Requested, out.Scopes, out.Config = slices.Clone(c.Requested), slices.Clone(c.Scopes), maps.Clone(c.Config)
	return &out
}

// Account says whose tokens they are. Issuer, Subject and Tenant are the
// identity; the rest is for people.
type Account struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Tenant  string `json:"tenant,omitempty"`
	Login   string `json:"login,omitempty"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	// PictureURL is where the provider says that its picture is. It is not kept.
	PictureURL string `json:"-"`
}

// Same reports whether two accounts are the same one, whatever their names.
func (a Account) Same(b Account) bool {
	return a.Issuer == b.Issuer && a.Subject == b.Subject && a.Tenant == b.Tenant
}

// Label is what to call the account on a screen.
func (a Account) Label() string {
	for _, s := range []string{a.Login, a.Email, a.Name, a.Subject} {
		if s != "" {
			return s
		}
	}
	return "unknown account"
}

// State is the life of a connection. Transient trouble is health, not state.
type State string

// The states. A connection that is being made is a flow, not a connection yet.
const (
	StateConnected            State = "connected"
	StateNeedsReauthorization State = "needs_reauthorization"
	StateDisconnected         State = "disconnected"
)

// Reason says why a connection needs the user. Each has a remedy.
type Reason string

// The reasons.
const (
	ReasonRevoked             Reason = "revoked_by_user"
	ReasonRefreshExpired      Reason = "refresh_token_expired"
	ReasonRefreshMissing      Reason = "refresh_token_missing"
	ReasonScopeMissing        Reason = "consent_scope_missing"
	ReasonClientInvalid       Reason = "client_credentials_invalid"
	ReasonAccountMismatch     Reason = "account_mismatch"
	ReasonPolicy              Reason = "policy_or_mfa"
	ReasonProviderUninstalled Reason = "provider_uninstalled"
	ReasonAnswerLost          Reason = "refresh_answer_lost"
	ReasonUnknown             Reason = "unknown_permanent"
	// ReasonMoved and ReasonRestored are no trouble of the tokens: they may be
	// in use elsewhere, where a second user of a refresh token would destroy
	// it. See Connection.Elsewhere.
	ReasonMoved    Reason = "moved_away"
	ReasonRestored Reason = "restored"
)

// advice is what happened, and what the user can do about it.
type advice struct{ cause, remedy string }

var advices = map[Reason]advice{
	ReasonRevoked:             {"The access was withdrawn at the provider.", "Reauthorize to grant it again."},
	ReasonRefreshExpired:      {"The provider ended the session.", "Reauthorize to begin a new one."},
	ReasonRefreshMissing:      {"The access token has expired and the provider gave nothing to renew it with.", "Reauthorize to get a new one."},
	ReasonScopeMissing:        {"A permission that this integration needs was not granted.", "Reauthorize and leave it ticked."},
	ReasonClientInvalid:       {"The provider refuses the client id or secret of this integration.", "Correct them in its settings, then reauthorize."},
	ReasonAccountMismatch:     {"The provider now answers with another account.", "Reauthorize with the account of this connection."},
	ReasonPolicy:              {"Your organization asks for a fresh sign-in.", "Reauthorize."},
	ReasonProviderUninstalled: {"The app was removed at the provider.", "Reauthorize to install it again."},
	ReasonAnswerLost:          {"The hub was stopped while the provider was answering, and the new token was lost.", "Reauthorize once."},
	ReasonMoved:               {"Its tokens were moved to another machine and are in use there.", "To use it here as well, reauthorize. If the move never took place: standpipe connections resume"},
	ReasonRestored:            {"It was restored from a backup, and its tokens may be in use where that was made.", "Once they are not: standpipe connections resume. Or reauthorize."},
	ReasonUnknown:             {"The provider refuses to renew the access and does not say why.", "Reauthorize."},
}

// KnownReason reports whether r is one of the reasons.
func KnownReason(r Reason) bool { _, ok := advices[r]; return ok }

// Cause is what happened, in words.
func (r Reason) Cause() string { return r.advice().cause }

// Remedy is what happened and what the user can do, in words.
func (r Reason) Remedy() string { return r.with(r.advice().remedy) }

// with tells what happened together with somebody's remedy.
func (r Reason) with(remedy string) string { return r.advice().cause + " " + remedy }

func (r Reason) advice() advice {
	if a, ok := advices[r]; ok {
		return a
	}
	return advices[ReasonUnknown]
}

// Elsewhere reports whether the tokens may be in use by another hub: they are
// kept, and neither refreshed nor revoked at the provider.
func (c *Connection) Elsewhere() bool { return c.Reason == ReasonMoved || c.Reason == ReasonRestored }

// MissingScopes are the wanted scopes that were not granted.
func MissingScopes(wanted, granted []string) []string {
	missing := []string{}
	for _, s := range wanted {
		if !slices.Contains(granted, s) {
			missing = append(missing, s)
		}
	}
	return missing
}

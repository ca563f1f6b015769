// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Apps lists the programs that have a key.
type Apps struct {
	Apps    []App        `json:"apps"`
	Damaged []DamagedApp `json:"damaged,omitempty"`
}

// DamagedApp is one that cannot be read, whose key opens nothing. To revoke it
// removes what is left of it.
type DamagedApp struct {
	ID      string `json:"id"` // one of its own, where that of the app cannot be read either
	Problem string `json:"problem"`
}

// App is a local program, or a server, with a key of its own.
type App struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"` // text from outside where it was paired
	Kind      hub.AppKind `json:"kind"` // "app" | "server"
	All       bool        `json:"all"`  // no limit to what it may draw
	Grants    []Grant     `json:"grants"`
	Program   *hub.Peer   `json:"program,omitempty"` // that paired it, as the kernel said; absent: added by the user, or not known
	CreatedAt time.Time   `json:"created_at"`
	LastUsed  *time.Time  `json:"last_used,omitempty"`
	ExpiresAt *time.Time  `json:"expires_at,omitempty"` // of its key
}

// Grant is what an app may draw.
type Grant struct {
	ID          string        `json:"id"`
	Integration string        `json:"integration"`
	Connection  string        `json:"connection,omitempty"` // absent: any of the integration
	Account     string        `json:"account,omitempty"`    // its label
	Scopes      []string      `json:"scopes,omitempty"`     // the ceiling; absent: whatever the connection has
	AcceptWider bool          `json:"accept_wider,omitempty"`
	Audience    string        `json:"audience,omitempty"` // the one resource server that its tokens are for (RFC 8707)
	Mode        hub.GrantMode `json:"mode"`               // "token" | "relay"
	Lasts       hub.GrantLife `json:"lasts"`              // "always" | "until" | "until_lock" | "once"
	ExpiresAt   *time.Time    `json:"expires_at,omitempty"`
	CreatedAt   *time.Time    `json:"created_at,omitempty"`
}

// NewGrant asks for one.
type NewGrant struct {
	Integration string        `json:"integration" minLength:"1" maxLength:"64"`
	Connection  string        `json:"connection,omitempty" maxLength:"128" doc:"Absent: any of the integration"`
	Scopes      []string      `json:"scopes,omitempty" maxItems:"100" doc:"The ceiling; absent: whatever the connection has"`
	AcceptWider bool          `json:"accept_wider,omitempty" doc:"Where the provider cannot narrow a token, let the app have the wider one"`
	Audience    string        `json:"audience,omitempty" maxLength:"512" doc:"The one resource server (RFC 8707) that its tokens are for; absent: what the provider chooses"`
	Mode        hub.GrantMode `json:"mode,omitempty" enum:"token,relay"`
	Lasts       hub.GrantLife `json:"lasts,omitempty" enum:"always,until,until_lock,once"`
	For         int           `json:"for,omitempty" minimum:"0" maximum:"31536000" doc:"Seconds; with lasts = until"`
}

// AddApp registers a program.
type AddApp struct {
	Name   string      `json:"name" minLength:"1" maxLength:"64"`
	Kind   hub.AppKind `json:"kind,omitempty" enum:"app,server"`
	All    bool        `json:"all,omitempty"`
	Grants []NewGrant  `json:"grants,omitempty" maxItems:"100"`
	// ExpiresIn is in seconds; 0: one year.
	ExpiresIn int `json:"expires_in,omitempty" minimum:"0"`
}

// AddedApp holds the key, this once.
type AddedApp struct {
	App
	Key string `json:"key"`
}

// RenameApp gives an app another name.
type RenameApp struct {
	Name string `json:"name" minLength:"1" maxLength:"64"`
}

// RotateApp asks for a new key; the answer is an AddedApp.
type RotateApp struct {
	// ExpiresIn is in seconds; 0: as long as the old key was given.
	ExpiresIn int `json:"expires_in,omitempty" minimum:"0"`
}

// Revoked says what lives on after an app or a grant was revoked: access tokens
// cannot be taken back but by the provider.
type Revoked struct {
	Outstanding []Outstanding `json:"outstanding"`
}

// Outstanding is an access token that the app holds.
type Outstanding struct {
	Connection  string     `json:"connection"`
	Integration string     `json:"integration"`
	Account     string     `json:"account,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at"` // null: nobody knows; disconnecting the account ends it
}

// Approvals lists the questions that wait for the user.
type Approvals struct {
	Approvals []Approval `json:"approvals"`
}

// Approval is one: may this app draw that? Without an answer by expires_at it is
// denied.
type Approval struct {
	ID              string      `json:"id"`
	App             string      `json:"app"`
	AppName         string      `json:"app_name"` // as registered
	AppKind         hub.AppKind `json:"app_kind"`
	Program         hub.Peer    `json:"program"` // as the kernel says; pid 0: unknown program
	User            string      `json:"user"`    // whose account: "me" at a desktop
	Integration     string      `json:"integration"`
	IntegrationName string      `json:"integration_name"`
	// Connection is what it would draw from. Absent: one of choices has to be
	// named in the answer; without choices nothing is connected, and a yes is
	// for whatever account will be.
	Connection string       `json:"connection,omitempty"`
	Account    *Account     `json:"account,omitempty"`
	Choices    []hub.Choice `json:"choices"`
	// Scopes are what it asks for, in words; Limited says that it asks for
	// these only, and not for all that the account was connected with.
	Scopes  []hub.Scope `json:"scopes"`
	Limited bool        `json:"limited"`
	// Narrows says that the provider issues tokens with fewer scopes. Where it
	// does not, an answer with fewer scopes needs accept_wider.
	Narrows   bool        `json:"narrows"`
	Wider     []hub.Scope `json:"wider"`              // what its token would hold beyond scopes
	Relay     bool        `json:"relay,omitempty"`    // it asks for calls through the hub: it sees no token
	Audience  string      `json:"audience,omitempty"` // it asks for a token for this resource server only (RFC 8707)
	CreatedAt time.Time   `json:"created_at"`
	ExpiresAt time.Time   `json:"expires_at"`
}

// Approve is the answer yes. Deny has no body.
type Approve struct {
	Lasts       hub.GrantLife `json:"lasts" enum:"once,until,until_lock,always"`
	For         int           `json:"for,omitempty" minimum:"0" maximum:"31536000" doc:"Seconds; with lasts = until"`
	Connection  string        `json:"connection,omitempty" maxLength:"128" doc:"One of the choices"`
	Scopes      []string      `json:"scopes,omitempty" maxItems:"100" doc:"Fewer than it asks for"`
	AcceptWider bool          `json:"accept_wider,omitempty" doc:"Required where the token would hold more than scopes"`
}

// Pairings lists the programs that ask to become apps.
type Pairings struct {
	Pairings []Pairing `json:"pairings"`
}

// Pairing is one. It shows the same code to its user.
type Pairing struct {
	Code      string    `json:"code"`
	Name      string    `json:"name"`    // as it calls itself: not a fact
	Program   hub.Peer  `json:"program"` // as the kernel says; pid 0: unknown program
	Grants    []Grant   `json:"grants"`  // what it would like to draw; lasts always unless it says otherwise
	Approved  bool      `json:"approved"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// ApprovePairing is the answer yes.
type ApprovePairing struct {
	Name   string      `json:"name,omitempty" maxLength:"64" doc:"Absent: as it calls itself"`
	Grants *[]NewGrant `json:"grants,omitempty" doc:"Absent: as it asks; empty: none yet"`
	// ExpiresIn is of the key, in seconds; 0: one year.
	ExpiresIn int `json:"expires_in,omitempty" minimum:"0"`
}

// Lock says whether the hub is locked. While it is, all but the session, the
// hub, the lock and the events answers 423 with the code "locked".
type Lock struct {
	Locked bool          `json:"locked"`
	Since  *time.Time    `json:"since,omitempty"`
	Cause  hub.LockCause `json:"cause,omitempty"` // "user" | "idle" | "screen" | "suspend"
	// Passphrase says that unlocking needs one; otherwise the key comes from
	// the keychain, or wherever the store remembers it to be.
	Passphrase bool         `json:"passphrase"`
	RetryAt    *time.Time   `json:"retry_at,omitempty"` // after wrong passphrases: no earlier try is heard
	Settings   LockSettings `json:"settings"`
	FromFile   bool         `json:"from_file"` // the configuration file has the settings: read-only here
	Session    bool         `json:"session"`   // screen lock and suspend are noticed on this machine
}

// LockSettings say when the hub locks by itself.
type LockSettings struct {
	Idle    int  `json:"idle" minimum:"0" maximum:"604800" doc:"Seconds without anybody using the hub; 0: never"`
	Screen  bool `json:"screen" doc:"When the screen is locked"`
	Suspend bool `json:"suspend" doc:"Before the machine sleeps"`
	// Background is what a lock does to the refresh of tokens: with "stop" the
	// keys leave memory and nothing is refreshed, so that a refresh token that
	// dies unused can die meanwhile; with "keep" refreshing goes on, for which
	// the keys stay in memory.
	Background hub.LockBackground `json:"background" enum:"stop,keep"`
}

// Unlock opens the hub again.
type Unlock struct {
	Passphrase string `json:"passphrase,omitempty" maxLength:"4096"`
}

// SPDX-License-Identifier: Apache-2.0

package hub

import "time"

// Approval is a question that waits for the user: may this app draw this? It
// is in memory only, and unanswered it becomes a denial.
type Approval struct {
	ID          string // approval_<ulid>
	App         string
	AppName     string // as registered
	AppKind     AppKind
	Program     Peer // who asked first, as the kernel says
	Owner       Owner
	Integration string
	// Connection is what it would draw from. Empty: the app named none, and
	// the user chooses one of Choices; without Choices nothing is connected.
	Connection string
	Choices    []Choice
	Scopes     []string // what it asks for; nil: all that the connection has
	// Wider is what its token would hold beyond Scopes, since the provider
	// cannot issue a narrower one.
	Wider     []string
	Relay     bool   // it asks for calls through the hub: it sees no token
	Audience  string // it asks for a token for this one only; empty: for what the provider chooses
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Approve is the answer yes.
type Approve struct {
	Lasts       GrantLife
	For         time.Duration // with LastsUntil
	Connection  string        // one of the choices
	Scopes      []string      // a lower ceiling than was asked for; nil: as asked
	AcceptWider bool          // required where the token would be wider than the ceiling
}

// Pairing is a program that asks to become an app. It is in memory only.
type Pairing struct {
	Code      string  // shown on both sides, such as "BDFK-MPRT"
	Name      string  // as it calls itself: not a fact
	Program   Peer    // as the kernel says
	Grants    []Grant // what it would like to draw
	Approved  bool    // it has not collected its key yet
	CreatedAt time.Time
	ExpiresAt time.Time
}

// NewPairing asks for one.
type NewPairing struct {
	Name    string
	Program Peer
	Grants  []Grant
}

// ApprovePairing is the answer yes to a program that asks to become an app.
type ApprovePairing struct {
	Name      string        // empty: as it calls itself
	Grants    []Grant       // nil: as asked; empty: none yet
	ExpiresIn time.Duration // of the key; zero: one year
}

// DrawRequest asks for a connection to draw a token from.
type DrawRequest struct {
	SelectRequest
	Scopes   []string // what the token should be limited to; nil: as granted
	Audience string   // what the token is to be for (RFC 8707); empty: as granted
	// Narrows and NarrowsAudience say that the provider issues narrower tokens
	// on request.
	Narrows, NarrowsAudience bool
	// Wait is how long the caller waits for the user.
	Wait time.Duration
}

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"cmp"
	"slices"
	"time"
)

// App is a program with a key of its own.
type App struct {
	ID        string // app_<ulid>
	Name      string // as its registrar called it; never decides anything but a policy of the configuration file
	Kind      AppKind
	All       bool // no limit to what it may draw
	Grants    []Grant
	Program   Peer // that paired it, as the kernel said then; zero: added by the user, or not known
	CreatedAt time.Time
	LastUsed  time.Time // zero: never; may lag by some minutes
	ExpiresAt time.Time // zero: never
}

// DamagedApp is an app whose record cannot be read.
type DamagedApp struct {
	ID     string // one of its own where that of the app cannot be read either
	Detail string // never content
}

// AppKind says which rules an app's key follows.
type AppKind string

// The kinds.
const (
	// AppLocal is a program of the person at this machine (sp_app_ keys): it
	// acts for Me only and needs a grant.
	AppLocal AppKind = "app"
	// AppServer is the backend of somebody's product (sp_key_ keys): it names
	// the user it acts for, and follows the rules of the Pipes API.
	AppServer AppKind = "server"
)

// Grant is what an app may draw, in which way and how long.
type Grant struct {
	ID          string // grant_<ulid>; the rule that the audit names
	Integration string
	Connection  string   // empty: any of the integration
	Scopes      []string // the ceiling; nil: whatever the connection has
	// AcceptWider lets the app have a token with more than Scopes, where the
	// provider cannot issue a narrower one. The user has agreed to that.
	AcceptWider bool
	// Audience is the one resource server (RFC 8707) that its tokens are for;
	// empty: what the provider chooses. A token for another is never given.
	Audience  string
	Mode      GrantMode
	Lasts     GrantLife
	ExpiresAt time.Time // with LastsUntil
	CreatedAt time.Time
}

// GrantMode says in which way an app may use a connection.
type GrantMode string

// The modes.
const (
	GrantToken GrantMode = "token" // it gets access tokens
	GrantRelay GrantMode = "relay" // its calls go through the hub; it sees no token
)

// GrantLife says when a grant ends by itself.
type GrantLife string

// The lives. What lasts once or until the lock is kept in memory only, so that
// it ends with the hub as well.
const (
	LastsAlways    GrantLife = "always"
	LastsUntil     GrantLife = "until" // a time
	LastsUntilLock GrantLife = "until_lock"
	LastsOnce      GrantLife = "once" // one token
)

// Stored reports whether a grant of this life outlives the hub's process.
func (l GrantLife) Stored() bool { return l == LastsAlways || l == LastsUntil }

// Allows reports whether the grant covers drawing tokens of a connection, or with
// relay, calls with them: who may have a token may have it used. Whether it has
// expired is asked with Expired.
func (g *Grant) Allows(c *Connection, relay bool) bool {
	return (relay || g.Mode != GrantRelay) && g.Integration == c.Integration && (g.Connection == "" || g.Connection == c.ID)
}

// Covers reports whether the grant covers drawing a token that was drawn.
func (g *Grant) Covers(d Drawn) bool {
	return g.Allows(&Connection{ID: d.Connection, Integration: d.Integration}, false)
}

// Expired reports whether the grant's time is over.
func (g *Grant) Expired(now time.Time) bool {
	return g.Lasts == LastsUntil && !now.Before(g.ExpiresAt)
}

// Validate reports what is wrong with a grant that somebody asks for, or nil.
func (g *Grant) Validate() error {
	invalid := func(format string, args ...any) error {
		e := Errorf(CodeInvalid, format, args...)
		e.Field = "grants"
		return e
	}
	switch {
	case g.Integration == "":
		return invalid("a grant needs an integration")
	case g.Scopes != nil && len(g.Scopes) == 0:
		return invalid("a grant without any scope lets nothing be drawn; leave scopes out for all of them")
	case !slices.Contains([]GrantMode{GrantToken, GrantRelay}, cmp.Or(g.Mode, GrantToken)):
		return invalid("a grant is for a %q or for the %q", GrantToken, GrantRelay)
	case !slices.Contains([]GrantLife{LastsAlways, LastsUntil, LastsUntilLock, LastsOnce}, cmp.Or(g.Lasts, LastsAlways)):
		return invalid("a grant lasts %q, %q, %q or %q", LastsAlways, LastsUntil, LastsUntilLock, LastsOnce)
	case (g.Lasts == LastsUntil) == g.ExpiresAt.IsZero():
		return invalid("a grant that lasts %q, and no other, has an end", LastsUntil)
	}
	if err := CheckAudience(g.Audience); g.Audience != "" && err != nil {
		return invalid("a grant's audience %w", err)
	}
	return nil
}

// NewApp asks for an app.
type NewApp struct {
	Name      string
	Kind      AppKind // empty: AppLocal
	All       bool
	Grants    []Grant
	Program   Peer
	ExpiresIn time.Duration // zero: one year
}

// Drawn is an access token that an app was given. It lives on when the app or
// its grant is revoked: nobody can take it back but the provider.
type Drawn struct {
	Connection  string
	Integration string
	ExpiresAt   time.Time // zero: nobody knows
}

// SPDX-License-Identifier: Apache-2.0

package hub

import "time"

// App is a program with a key of its own.
type App struct {
	ID        string // app_<ulid>
	Name      string // as its registrar called it; never decides anything
	Kind      AppKind
	All       bool // no limit to what it may draw
	Grants    []Grant
	CreatedAt time.Time
	LastUsed  time.Time // zero: never; may lag by some minutes
	ExpiresAt time.Time // zero: never
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

// Grant is what an app may draw.
type Grant struct {
	ID          string // grant_<ulid>; the rule that the audit names
	Integration string
	Connection  string // empty: any of the integration
}

// Allows reports whether the grant covers a connection.
func (g *Grant) Allows(c *Connection) bool {
	return g.Integration == c.Integration && (g.Connection == "" || g.Connection == c.ID)
}

// NewApp asks for an app.
type NewApp struct {
	Name      string
	Kind      AppKind // empty: AppLocal
	All       bool
	Grants    []Grant
	ExpiresIn time.Duration // zero: one year
}

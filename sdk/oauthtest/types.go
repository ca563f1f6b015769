// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"fmt"
	"time"
)

// Client is a registered OAuth client.
type Client struct {
	ID     string
	Secret string // empty: a public client
	Name   string
	// RedirectURIs are compared exactly (RFC 6749 section 3.1.2.3), but for
	// what AnyPort and AnyPath let vary.
	RedirectURIs []string
	AnyPort      bool // on loopback addresses (RFC 8252 section 7.3)
	AnyPath      bool // a path below a registered one will do (GitHub)
}

// User is an account of the provider.
type User struct {
	Subject string // immutable id
	Login   string
	Name    string
	Email   string
	Picture string // its URL; see the function Picture
}

// Rules are how an Authority issues tokens. The zero value gives access tokens
// that never expire, with refresh tokens that stay.
type Rules struct {
	// CodeTTL is the life of a code; zero or more than a minute: a minute.
	CodeTTL time.Duration
	Lives   Lives
	// LivesFor overrides Lives by the granted scopes; nil: it does not.
	LivesFor func(scopes []string) Lives
	// Rotate gives a new refresh token at each refresh and ends the old one,
	// which keeps working for Grace.
	Rotate bool
	Grace  time.Duration
	// ReuseRevokes withdraws the whole grant when a spent refresh token comes
	// back (RFC 9700 section 4.14.2).
	ReuseRevokes bool
	// RefreshKillsAccess ends the old access token at a refresh.
	RefreshKillsAccess bool
	// RequirePKCE refuses a request without a challenge. One that is given is
	// checked in any case; only S256 is taken.
	RequirePKCE bool
	// RedirectOptional lets a client leave redirect_uri out of a token request
	// (GitHub); one that is sent must match all the same.
	RedirectOptional bool
	// Scopes are the scopes that exist; nil: any.
	Scopes []string
	// NewToken makes a token; nil: 32 random bytes. kind is "code", "access",
	// "refresh", "device" or "grant".
	NewToken func(kind string) string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Lives are the lives of tokens. Zero: without end.
type Lives struct {
	Access, Refresh time.Duration
	NoRefresh       bool // give no refresh token
}

// Tokens is what a grant yields.
type Tokens struct {
	Access, Refresh           string // Refresh empty: none was given
	ExpiresIn, RefreshExpires time.Duration
	Scopes                    []string
	User                      User
	Nonce, ClientID, GrantID  string
	Name                      string // of a Branch
	RefreshUnchanged          bool   // Refresh is the one that was used
	IssuedAt                  time.Time
}

// Info is what is known of a live access token.
type Info struct {
	ClientID string
	User     User
	Scopes   []string
	Expires  time.Time // zero: never
	GrantID  string
	Name     string // of a Branch
}

// Problem is a refusal: an OAuth error code and its text, and the parameter
// that is at fault where there is one.
type Problem struct{ Code, Text, Param string }

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Text }

func (p *Problem) in(param string) *Problem {
	p.Param = param
	return p
}

func problem(code, format string, args ...any) *Problem {
	return &Problem{Code: code, Text: fmt.Sprintf(format, args...)}
}

// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

const maxCodeTTL = time.Minute

// Authority is the state and the rules of an authorization server. Tokens are
// kept as hashes only.
type Authority struct {
	rules   Rules
	clients []Client
	users   []User

	mu     sync.Mutex
	state  state
	reuses int
}

// state is everything that a restart must not lose.
type state struct {
	Codes  map[string]*code   `json:"codes"`
	Tokens map[string]*token  `json:"tokens"`
	Grants map[string]*grant  `json:"grants"`
	Device map[string]*device `json:"devices"`
}

type code struct {
	Request Request   `json:"request"`
	Subject string    `json:"subject"`
	Expires time.Time `json:"expires"`
	GrantID string    `json:"grant"` // set once it was used
}

type token struct {
	GrantID string    `json:"grant"`
	Refresh bool      `json:"refresh"`
	Name    string    `json:"name,omitempty"` // of a Branch
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
	Spent   time.Time `json:"spent,omitzero"` // a refresh token that was rotated
}

// grant is one consent: all tokens that came of it die with it.
type grant struct {
	ClientID string   `json:"client"`
	Subject  string   `json:"subject"`
	Scopes   []string `json:"scopes"`

	NoRefresh bool `json:"no_refresh,omitempty"`
	Device    bool `json:"device,omitempty"` // of a device flow
}

// NewAuthority makes an Authority.
func NewAuthority(clients []Client, users []User, rules Rules) *Authority {
	if rules.CodeTTL <= 0 || rules.CodeTTL > maxCodeTTL {
		rules.CodeTTL = maxCodeTTL
	}
	if rules.Now == nil {
		rules.Now = time.Now
	}
	if rules.NewToken == nil {
		rules.NewToken = func(string) string { return Random() }
	}
	return &Authority{rules: rules, clients: clients, users: users, state: newState()}
}

func newState() state {
	return state{Codes: map[string]*code{}, Tokens: map[string]*token{}, Grants: map[string]*grant{}, Device: map[string]*device{}}
}

// Random is a token of 32 random bytes.
func Random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Client finds a client by its id.
func (a *Authority) Client(id string) (Client, bool) {
	for _, c := range a.clients {
		if c.ID == id {
			return c, true
		}
	}
	return Client{}, false
}

// Users lists the accounts.
func (a *Authority) Users() []User { return slices.Clone(a.users) }

// UserByLogin finds an account.
func (a *Authority) UserByLogin(login string) (User, bool) {
	for _, u := range a.users {
		if u.Login == login {
			return u, true
		}
	}
	return User{}, false
}

func (a *Authority) userBySubject(subject string) User {
	for _, u := range a.users {
		if u.Subject == subject {
			return u
		}
	}
	return User{Subject: subject}
}

// Authenticate checks a client's secret. A public client has none, and must
// not send one.
func (a *Authority) Authenticate(id, secret string) (Client, *Problem) {
	c, ok := a.Client(id)
	if !ok || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		return Client{}, problem("invalid_client", "client authentication failed")
	}
	return c, nil
}

// Lookup finds a live access token.
func (a *Authority) Lookup(access string) (Info, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.state.Tokens[hash(access)]
	if !ok || t.Refresh || a.expired(t.Expires) {
		return Info{}, false
	}
	g := a.state.Grants[t.GrantID]
	return Info{
		ClientID: g.ClientID, User: a.userBySubject(g.Subject), Scopes: slices.Clone(t.Scopes),
		Expires: t.Expires, GrantID: t.GrantID, Name: t.Name,
	}, true
}

// Reuses counts how often a spent refresh token came back after its grace.
func (a *Authority) Reuses() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reuses
}

func (a *Authority) expired(at time.Time) bool {
	return !at.IsZero() && !a.rules.Now().Before(at)
}

// Revoke withdraws one token of a client: an access token alone, a refresh
// token with the access tokens of its grant (RFC 7009 section 2.1). It reports
// whether there was one.
func (a *Authority) Revoke(clientID, secret string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.state.Tokens[hash(secret)]
	if !ok || a.state.Grants[t.GrantID].ClientID != clientID {
		return false
	}
	if t.Refresh {
		a.dropGrant(t.GrantID)
		return true
	}
	delete(a.state.Tokens, hash(secret))
	return true
}

// RevokeTokens withdraws a token and every other that came of the same
// consent. It reports whether there was one.
func (a *Authority) RevokeTokens(clientID, secret string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.state.Tokens[hash(secret)]
	if !ok || a.state.Grants[t.GrantID].ClientID != clientID {
		return false
	}
	a.dropGrant(t.GrantID)
	return true
}

// RevokeGrant withdraws everything that the client has of the account whose
// token it is. It reports whether there was one.
func (a *Authority) RevokeGrant(clientID, secret string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.state.Tokens[hash(secret)]
	if !ok || a.state.Grants[t.GrantID].ClientID != clientID {
		return false
	}
	a.dropAll(clientID, a.state.Grants[t.GrantID].Subject)
	return true
}

// RevokeUser withdraws all grants of an account, as the user does in the
// provider's settings.
func (a *Authority) RevokeUser(login string) {
	u, ok := a.UserByLogin(login)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.clients {
		a.dropAll(c.ID, u.Subject)
	}
}

func (a *Authority) dropAll(clientID, subject string) {
	for id, g := range a.state.Grants {
		if g.ClientID == clientID && g.Subject == subject {
			a.dropGrant(id)
		}
	}
}

func (a *Authority) dropGrant(id string) {
	for h, t := range a.state.Tokens {
		if t.GrantID == id {
			delete(a.state.Tokens, h)
		}
	}
	delete(a.state.Grants, id)
}

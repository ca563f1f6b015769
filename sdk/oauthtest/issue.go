// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// Redeem trades a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6) of an
// authenticated client. A code that comes a second time ends the tokens of the
// first (RFC 6749 section 4.1.2).
func (a *Authority) Redeem(clientID, secret, redirectURI, verifier string) (*Tokens, *Problem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.state.Codes[hash(secret)]
	if !ok {
		return nil, problem("invalid_grant", "the code is incorrect or expired").in("code")
	}
	if c.GrantID != "" {
		a.dropGrant(c.GrantID)
		return nil, problem("invalid_grant", "the code was used before").in("code")
	}
	switch {
	case c.Request.ClientID != clientID:
		return nil, problem("invalid_grant", "the code was issued to another client").in("code")
	case a.expired(c.Expires):
		return nil, problem("invalid_grant", "the code is incorrect or expired").in("code")
	case c.Request.RedirectURI != redirectURI && !(redirectURI == "" && a.rules.RedirectOptional):
		return nil, problem("invalid_grant", "the redirect_uri is not that of the authorization request").in("redirect_uri")
	case !verified(c.Request.Challenge, verifier):
		return nil, problem("invalid_grant", "the code_verifier does not match the code_challenge").in("code_verifier")
	}
	c.GrantID = a.newGrant(clientID, c.Subject, c.Request.Scopes)
	a.state.Grants[c.GrantID].NoRefresh = c.Request.NoRefresh
	out := a.issue(c.GrantID, c.Request.Scopes)
	out.Nonce = c.Request.Nonce
	return out, nil
}

func verified(challenge, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

func (a *Authority) newGrant(clientID, subject string, scopes []string) string {
	id := a.rules.NewToken("grant")
	a.state.Grants[id] = &grant{ClientID: clientID, Subject: subject, Scopes: scopes}
	return id
}

// Refresh renews an access token (RFC 6749 section 6). scopes may narrow it;
// nil keeps all.
func (a *Authority) Refresh(clientID, secret string, scopes []string) (*Tokens, *Problem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.state.Tokens[hash(secret)]
	if !ok || !t.Refresh || a.state.Grants[t.GrantID].ClientID != clientID {
		return nil, problem("invalid_grant", "the refresh token is invalid or was revoked").in("refresh_token")
	}
	if a.expired(t.Expires) {
		return nil, problem("invalid_grant", "the refresh token has expired").in("refresh_token")
	}
	if !t.Spent.IsZero() && a.rules.Now().Sub(t.Spent) >= a.rules.Grace {
		a.reuses++
		if a.rules.ReuseRevokes {
			a.dropGrant(t.GrantID)
		}
		return nil, problem("invalid_grant", "the refresh token was used before").in("refresh_token")
	}
	granted := t.Scopes
	for _, s := range scopes {
		if !slices.Contains(granted, s) {
			return nil, problem("invalid_scope", "the scope %q was not granted", s)
		}
	}
	if len(scopes) == 0 {
		scopes = granted
	}
	if a.rules.RefreshKillsAccess {
		for h, other := range a.state.Tokens {
			if other.GrantID == t.GrantID && !other.Refresh && other.Name == t.Name {
				delete(a.state.Tokens, h)
			}
		}
	}
	if !a.rules.Rotate {
		out := a.issueAccess(t.GrantID, t.Name, scopes)
		out.Refresh, out.RefreshUnchanged = secret, true
		return out, nil
	}
	if t.Spent.IsZero() {
		t.Spent = a.rules.Now()
	}
	return a.issueNamed(t.GrantID, t.Name, scopes), nil
}

// issue makes an access token and, by the rules, a refresh token.
func (a *Authority) issue(grantID string, scopes []string) *Tokens {
	return a.issueNamed(grantID, "", scopes)
}

func (a *Authority) issueNamed(grantID, name string, scopes []string) *Tokens {
	out := a.issueAccess(grantID, name, scopes)
	g := a.state.Grants[grantID]
	lives := a.lives(g.Scopes)
	if lives.NoRefresh || g.NoRefresh {
		return out
	}
	out.Refresh, out.RefreshExpires = a.rules.NewToken(kindOf(name, "refresh")), lives.Refresh
	a.state.Tokens[hash(out.Refresh)] = &token{GrantID: grantID, Refresh: true, Name: name, Scopes: scopes, Expires: a.end(lives.Refresh)}
	return out
}

func kindOf(name, kind string) string {
	if name == "" {
		return kind
	}
	return name + " " + kind
}

func (a *Authority) issueAccess(grantID, name string, scopes []string) *Tokens {
	g := a.state.Grants[grantID]
	lives := a.lives(g.Scopes)
	out := &Tokens{
		Access: a.rules.NewToken(kindOf(name, "access")), Name: name, ExpiresIn: lives.Access, Scopes: slices.Clone(scopes),
		User: a.userBySubject(g.Subject), ClientID: g.ClientID, GrantID: grantID, IssuedAt: a.rules.Now(),
	}
	a.state.Tokens[hash(out.Access)] = &token{GrantID: grantID, Name: name, Scopes: scopes, Expires: a.end(lives.Access)}
	return out
}

func (a *Authority) lives(scopes []string) Lives {
	if a.rules.LivesFor != nil {
		return a.rules.LivesFor(scopes)
	}
	return a.rules.Lives
}

func (a *Authority) end(life time.Duration) time.Time {
	if life <= 0 {
		return time.Time{}
	}
	return a.rules.Now().Add(life)
}

// SPDX-License-Identifier: Apache-2.0

package oauthtest

import "slices"

// Granted are the scopes that a client has of an account, by all of its live
// grants together.
func (a *Authority) Granted(clientID, login string) []string {
	u, ok := a.UserByLogin(login)
	out := []string{}
	if !ok {
		return out
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.state.Grants {
		if g.ClientID != clientID || g.Subject != u.Subject {
			continue
		}
		for _, s := range g.Scopes {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Expire ends the life of every access token of an account now; their refresh
// tokens live on. It returns how many there were.
func (a *Authority) Expire(login string) int {
	u, ok := a.UserByLogin(login)
	if !ok {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, t := range a.state.Tokens {
		if !t.Refresh && a.state.Grants[t.GrantID].Subject == u.Subject && !a.expired(t.Expires) {
			t.Expires = a.rules.Now()
			n++
		}
	}
	return n
}

// Branch issues a further pair of tokens of a grant, with scopes of its own,
// that is renewed by itself (Slack's user token beside the bot's). NewToken is
// asked for kinds "NAME access" and "NAME refresh".
func (a *Authority) Branch(grantID, name string, scopes []string) (*Tokens, *Problem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state.Grants[grantID] == nil {
		return nil, problem("invalid_grant", "there is no such grant")
	}
	return a.issueNamed(grantID, name, scopes), nil
}

// DeviceRequest says which client asks for what with a user code, for the page
// on which the user answers.
func (a *Authority) DeviceRequest(userCode string) (clientID string, scopes []string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.state.Device {
		if d.UserCode == userCode && !a.expired(d.Expires) && d.Subject == "" && !d.Denied {
			return d.ClientID, slices.Clone(d.Scopes), true
		}
	}
	return "", nil, false
}

// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"crypto/rand"
	"time"
)

const (
	deviceTTL      = 15 * time.Minute
	deviceInterval = 5 * time.Second
)

type device struct {
	ClientID string        `json:"client"`
	UserCode string        `json:"user_code"`
	Scopes   []string      `json:"scopes"`
	Expires  time.Time     `json:"expires"`
	Polled   time.Time     `json:"polled,omitzero"`
	Interval time.Duration `json:"interval"`
	Subject  string        `json:"subject"` // set by the user's consent
	Denied   bool          `json:"denied"`
}

// Device is a device authorization (RFC 8628 section 3.2).
type Device struct {
	DeviceCode, UserCode string
	ExpiresIn, Interval  time.Duration
}

// StartDevice begins a device flow.
func (a *Authority) StartDevice(clientID string, scopes []string) Device {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := Device{DeviceCode: a.rules.NewToken("device"), UserCode: userCode(), ExpiresIn: deviceTTL, Interval: deviceInterval}
	a.state.Device[hash(out.DeviceCode)] = &device{
		ClientID: clientID, UserCode: out.UserCode, Scopes: scopes,
		Expires: a.rules.Now().Add(deviceTTL), Interval: deviceInterval,
	}
	return out
}

// userCode is eight letters of RFC 8628 section 6.1's set, four and four.
func userCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// AnswerDevice is the user's answer on the verification page; an empty login
// says no. It reports whether there is such a code.
func (a *Authority) AnswerDevice(userCode, login string) bool {
	u, known := a.UserByLogin(login)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.state.Device {
		if d.UserCode == userCode && !a.expired(d.Expires) && (known || login == "") {
			d.Subject, d.Denied = u.Subject, login == ""
			return true
		}
	}
	return false
}

// PollDevice asks for the tokens of a device flow (RFC 8628 section 3.4). A
// client that asks too soon is told to slow down, and has to wait 5 s more
// from then on.
func (a *Authority) PollDevice(clientID, deviceCode string) (*Tokens, *Problem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, ok := a.state.Device[hash(deviceCode)]
	if !ok || d.ClientID != clientID {
		return nil, problem("invalid_grant", "no such device code")
	}
	now := a.rules.Now()
	if a.expired(d.Expires) {
		return nil, problem("expired_token", "the device code has expired")
	}
	soon := !d.Polled.IsZero() && now.Sub(d.Polled) < d.Interval
	d.Polled = now
	switch {
	case d.Denied:
		return nil, problem("access_denied", "the user said no")
	case soon:
		d.Interval += 5 * time.Second
		return nil, problem("slow_down", "polled too soon")
	case d.Subject == "":
		return nil, problem("authorization_pending", "the user has not answered yet")
	}
	delete(a.state.Device, hash(deviceCode))
	id := a.newGrant(clientID, d.Subject, d.Scopes)
	a.state.Grants[id].Device = true
	return a.issue(id, d.Scopes), nil
}

// OfDevice reports whether a token came of a device flow.
func (a *Authority) OfDevice(secret string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.state.Tokens[hash(secret)]
	return ok && a.state.Grants[t.GrantID].Device
}

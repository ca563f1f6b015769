// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"encoding/json"
	"fmt"
)

// Snapshot writes down every grant and token, as hashes, so that a server can
// go on after a restart. Codes and device codes that are dead are left out.
func (a *Authority) Snapshot() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for h, c := range a.state.Codes {
		if a.expired(c.Expires) {
			delete(a.state.Codes, h)
		}
	}
	for h, d := range a.state.Device {
		if a.expired(d.Expires) {
			delete(a.state.Device, h)
		}
	}
	for h, t := range a.state.Tokens {
		if a.expired(t.Expires) {
			delete(a.state.Tokens, h)
		}
	}
	return json.Marshal(a.state)
}

// Restore takes up a snapshot in place of the present state.
func (a *Authority) Restore(snapshot []byte) error {
	s := newState()
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return fmt.Errorf("read the snapshot of an authority: %w", err)
	}
	for h, t := range s.Tokens {
		if t == nil || s.Grants[t.GrantID] == nil {
			return fmt.Errorf("read the snapshot of an authority: token %.8s has no grant", h)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = s
	return nil
}

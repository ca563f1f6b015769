// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"maps"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// merge puts the answer of a refresh in the place of the current set. What the
// answer does not mention stays as it was.
func merge(t *hub.Tokens, a *answer) {
	old, set := t.Current, a.answer.Tokens
	set.IssuedAt, set.Expiry, set.RefreshExpiry = wall(set.IssuedAt), wall(set.Expiry), wall(set.RefreshExpiry)
	if set.IssuedAt.IsZero() {
		set.IssuedAt = a.at
	}
	rotated := !set.RefreshToken.IsZero() && !set.RefreshToken.Equal(a.from)
	switch {
	case set.RefreshToken.IsZero() && a.answer.RefreshToken == hub.RefreshNone:
		set.RefreshExpiry = time.Time{}
	case set.RefreshToken.IsZero():
		set.RefreshToken = a.from
		if set.RefreshExpiry.IsZero() {
			set.RefreshExpiry = old.RefreshExpiry
		}
	}
	if set.IDToken.IsZero() {
		set.IDToken = old.IDToken
	}
	if set.TokenType == "" {
		set.TokenType = old.TokenType
	}
	if set.Scopes == nil {
		set.Scopes = old.Scopes
	}
	set.Metadata = overlay(old.Metadata, set.Metadata)
	set.Named = overlay(old.Named, set.Named)
	for name, n := range set.Named {
		if n.RefreshToken.IsZero() {
			n.RefreshToken = old.Named[name].RefreshToken
			set.Named[name] = n
		}
	}
	t.Previous, t.RotatedAt = nil, time.Time{}
	if rotated && a.resolved.Descriptor.GraceWindow > 0 {
		// Only its refresh token can be of use again.
		t.Previous = &hub.TokenSet{RefreshToken: a.from, IssuedAt: old.IssuedAt, RefreshExpiry: old.RefreshExpiry}
		t.RotatedAt = a.at
	}
	t.Current, t.Intent = set, nil
	t.Generation++
}

// overlay returns the entries of both, b's where both have one.
func overlay[V any](a, b map[string]V) map[string]V {
	if len(a) == 0 {
		return maps.Clone(b)
	}
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// wall drops the monotonic reading, which stands still while the machine
// sleeps.
func wall(t time.Time) time.Time { return t.Round(0) }

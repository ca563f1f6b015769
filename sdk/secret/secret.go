// SPDX-License-Identifier: Apache-2.0

// Package secret holds a string that must not be shown.
//
// A Value redacts itself wherever Go formats, logs or encodes it. The one way
// to its content is Reveal, so that a search for ".Reveal()" lists every place
// where a secret is used.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Redacted is what a non-empty Value prints as.
const Redacted = "[redacted]"

// Value is a secret string. The zero Value is empty. Values are immutable and
// safe for concurrent use.
type Value struct{ s string }

// New wraps s.
func New(s string) Value { return Value{s} }

// Reveal returns the content. Call it only where the secret is really used.
func (v Value) Reveal() string { return v.s }

// IsZero reports whether the value is empty. It makes `omitzero` work.
func (v Value) IsZero() bool { return v.s == "" }

// Equal compares in constant time.
func (v Value) Equal(o Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.s), []byte(o.s)) == 1
}

// String implements fmt.Stringer without the content.
func (v Value) String() string {
	if v.s == "" {
		return ""
	}
	return Redacted
}

// Format implements fmt.Formatter, so that %v, %+v, %#v, %q and %x all redact.
func (v Value) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, v.String()) }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalText implements encoding.TextMarshaler, and through it JSON, without
// the content. What has to be stored is revealed explicitly.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// SPDX-License-Identifier: Apache-2.0

package hub

import "time"

// Health is transient trouble of a connection: what happened at the last try
// to renew its token, and when the next one is due. It is no state; a
// connection with a token that still lives stays usable.
type Health struct {
	Code    Code
	Message string
	Since   time.Time
	NextTry time.Time
}

// Revocation says what became of a connection's tokens at the provider.
type Revocation struct {
	Reach   Reach
	Message string // in words
}

// SPDX-License-Identifier: Apache-2.0

package hub

import "time"

// Health is transient trouble of a connection: what happened at the last try
// to renew its token, and when the next one is due. It is no state; a
// connection with a token that still lives stays usable.
type Health struct {
	Code    Code
	Message string
	Tries   int // that failed, in a row; 0 while the machine is offline
	Since   time.Time
	NextTry time.Time
}

// ProviderHealth is how an integration's provider answers, over all its
// connections.
type ProviderHealth struct {
	Integration string
	State       ProviderState
	Failing     int // connections whose last try failed
	// What happened last, and when a next try is made; zero while it is well.
	Code    Code
	Message string
	Since   time.Time
	NextTry time.Time
}

// ProviderState says how a provider does.
type ProviderState string

// The states.
const (
	ProviderOK       ProviderState = "ok"
	ProviderDegraded ProviderState = "degraded" // some tries failed
	ProviderDown     ProviderState = "down"     // so many that none is made for a while
)

// Forecast says when a connection will need its user if all goes on as it is.
type Forecast struct {
	NeedsUser time.Time // zero: not foreseeable
	Why       ForecastReason
}

// ForecastReason says what will end a connection.
type ForecastReason string

// The reasons.
const (
	// ForecastNone: nothing is known that would end it.
	ForecastNone ForecastReason = ""
	// ForecastNoRefresh: there is nothing to renew the access token with.
	ForecastNoRefresh ForecastReason = "no_refresh_token"
	// ForecastRefreshExpires: the provider said when the refresh token ends.
	ForecastRefreshExpires ForecastReason = "refresh_token_expires"
	// ForecastIdle: a refresh token that is not used for so long dies. The hub
	// uses it before that, as long as it runs.
	ForecastIdle ForecastReason = "refresh_token_idle"
)

// Revocation says what became of a connection's tokens at the provider.
type Revocation struct {
	Reach   Reach
	Message string // in words
	// Pending is set while the provider could not be reached: it is asked
	// again in the background.
	Pending bool
}

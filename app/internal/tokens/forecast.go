// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Forecast says when a connection will need its user if all goes on as it is.
// It reads the store and asks no plugin.
func (e *Engine) Forecast(ctx context.Context, conn *hub.Connection) hub.Forecast {
	if conn.State != hub.StateConnected {
		return hub.Forecast{}
	}
	toks, err := e.cfg.Connections.Tokens(ctx, conn.ID)
	if err != nil {
		return hub.Forecast{}
	}
	return foresee(&toks.Current, e.cfg.Resolver.Descriptor(conn.Integration))
}

// foresee looks at what is known of a token set's end; d may be nil.
func foresee(set *hub.TokenSet, d *hub.Descriptor) hub.Forecast {
	if set.RefreshToken.IsZero() || d != nil && !d.Can(hub.CanRefresh) {
		if set.Expiry.IsZero() {
			return hub.Forecast{}
		}
		return hub.Forecast{NeedsUser: set.Expiry, Why: hub.ForecastNoRefresh}
	}
	// A refresh token that rotates gets a new end with each refresh, if it has
	// an idle life; an end that the provider told is one for good, or the next
	// answer tells another.
	f := hub.Forecast{}
	if at := idleDeath(set, d); !at.IsZero() {
		f = hub.Forecast{NeedsUser: at, Why: hub.ForecastIdle}
	}
	if at := set.RefreshExpiry; !at.IsZero() && (f.NeedsUser.IsZero() || at.Before(f.NeedsUser)) {
		f = hub.Forecast{NeedsUser: at, Why: hub.ForecastRefreshExpires}
	}
	return f
}

// idleDeath is when a refresh token dies unless it is used before; zero: never,
// as far as is known.
func idleDeath(set *hub.TokenSet, d *hub.Descriptor) time.Time {
	if d == nil || d.RefreshIdleLife <= 0 || set.RefreshToken.IsZero() {
		return time.Time{}
	}
	return set.IssuedAt.Add(d.RefreshIdleLife)
}

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
	return foresee(toks, e.cfg.Resolver.Descriptor(conn.Integration))
}

// foresee looks at what is known of the end of tokens; d may be nil.
func foresee(t *hub.Tokens, d *hub.Descriptor) hub.Forecast {
	set := &t.Current
	if set.RefreshToken.IsZero() || d != nil && !d.Can(hub.CanRefresh) {
		if set.Expiry.IsZero() {
			return hub.Forecast{}
		}
		return hub.Forecast{NeedsUser: set.Expiry, Why: hub.ForecastNoRefresh}
	}
	// A refresh token that rotates gets a new end with each refresh, if it has
	// an idle life; an end that the provider told is one for good, or the next
	// answer tells another; an absolute one is counted from the authorization.
	var f hub.Forecast
	for _, end := range []hub.Forecast{
		{NeedsUser: idleDeath(set, d), Why: hub.ForecastIdle},
		{NeedsUser: set.RefreshExpiry, Why: hub.ForecastRefreshExpires},
		{NeedsUser: absoluteDeath(t, d), Why: hub.ForecastRefreshExpires},
	} {
		if !end.NeedsUser.IsZero() && (f.NeedsUser.IsZero() || end.NeedsUser.Before(f.NeedsUser)) {
			f = end
		}
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

// absoluteDeath is when an authorization ends, however it is used; zero: never,
// as far as is known.
func absoluteDeath(t *hub.Tokens, d *hub.Descriptor) time.Time {
	if d == nil || d.RefreshMaxLife <= 0 || t.Authorized.IsZero() {
		return time.Time{}
	}
	return t.Authorized.Add(d.RefreshMaxLife)
}

// whyRefused gives a refusal the reason that is known here, where the provider
// has one answer for everything: a refresh token that was at its end was not
// withdrawn by anybody.
func whyRefused(said hub.Reason, t *hub.Tokens, d *hub.Descriptor, now time.Time) hub.Reason {
	if said != hub.ReasonRevoked && said != hub.ReasonUnknown {
		return said
	}
	f := foresee(t, d)
	if f.Why != hub.ForecastNoRefresh && !f.NeedsUser.IsZero() && !now.Before(f.NeedsUser) {
		return hub.ReasonRefreshExpired
	}
	return said
}

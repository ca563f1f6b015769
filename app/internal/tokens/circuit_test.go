// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func (h *house) providerHealth() hub.ProviderHealth {
	h.t.Helper()
	list := h.ProviderHealth()
	if len(list) != 1 || list[0].Integration != "acme" {
		h.t.Fatalf("health of %+v", list)
	}
	return list[0]
}

// TestCircuit: when several connections in a row fail, the provider is what is
// out of order, and none of the others waits for it to say so again.
func TestCircuit(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		for i := range 10 {
			h.connect(fmt.Sprint(i), -time.Minute)
		}
		h.provider.before = func(ctx context.Context, call int) error {
			_ = taking(10*time.Second)(ctx, call)
			return unavailable()
		}
		for i := range tripFailures {
			h.mustFail(fmt.Sprint(i), hub.CodeProviderUnavailable)
		}
		if is := h.providerHealth(); is.State != hub.ProviderDown || is.Failing != tripFailures || !is.NextTry.After(time.Now()) || is.Code != hub.CodeProviderUnavailable {
			t.Fatalf("after %d failures: %+v", tripFailures, is)
		}
		begin := time.Now()
		err := h.mustFail("9", hub.CodeProviderUnavailable)
		if time.Since(begin) != 0 || h.provider.asked() != tripFailures || err.Wait() <= 0 {
			t.Errorf("a connection that was not tried yet waited %v for a known outage (%d calls, wait %v)", time.Since(begin), h.provider.asked(), err.Wait())
		}
		if h.Health("9") != nil {
			t.Error("the outage was held against a connection that was not tried")
		}
		h.connect("fresh", time.Hour)
		h.mustVend("fresh")

		// One try finds out, the others go on being answered at once.
		time.Sleep(err.Wait())
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { h.mustFail(fmt.Sprint(i), hub.CodeProviderUnavailable) })
		}
		wg.Wait()
		if n := h.provider.asked(); n != tripFailures+1 {
			t.Errorf("%d tries to find out whether the provider is back, want 1", n-tripFailures)
		}
		longer := h.mustFail("9", hub.CodeProviderUnavailable).Wait()
		if longer <= err.Wait() {
			t.Errorf("the wait went from %v to %v", err.Wait(), longer)
		}

		h.provider.script(func(p *provider) { p.before = nil })
		time.Sleep(longer)
		h.mustVend("9")
		if is := h.providerHealth(); is.State == hub.ProviderDown || h.bus.count(hub.EventProviderHealth) != 2 {
			t.Errorf("after the outage: %+v, %d events", is, h.bus.count(hub.EventProviderHealth))
		}
		time.Sleep(maxDelay)
		for i := range 10 {
			h.mustVend(fmt.Sprint(i))
		}
		if is := h.providerHealth(); is.State != hub.ProviderOK || is.Failing != 0 {
			t.Errorf("when all is well: %+v", is)
		}
	})
}

func TestOneConnectionDoesNotBreakTheCircuit(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("ill", -time.Minute)
		h.connect("well", -time.Minute)
		h.provider.before = always(unavailable())
		for range 3 * tripFailures {
			_, _ = h.vendReq(hub.VendRequest{Connection: "ill", Force: true})
		}
		h.provider.script(func(p *provider) { p.before = nil })
		h.mustVend("well")
	})
}

func TestRefusalsDoNotBreakTheCircuit(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.provider.before = always(invalidGrant())
		for i := range 3 * tripFailures {
			h.connect(fmt.Sprint(i), -time.Minute)
			h.mustFail(fmt.Sprint(i), hub.CodeNeedsReauthorization)
		}
		if is := h.providerHealth(); is.State != hub.ProviderOK {
			t.Errorf("a provider that answers is %+v", is)
		}
	})
}

func TestCallsToOneProviderAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		const many = 4 * maxInFlight
		for i := range many {
			h.connect(fmt.Sprint(i), -time.Minute)
		}
		h.provider.before = taking(time.Second)
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { h.mustVend(fmt.Sprint(i)) })
		}
		wg.Wait()
		if h.provider.most != maxInFlight {
			t.Errorf("%d calls at a time, want %d", h.provider.most, maxInFlight)
		}
	})
}

// TestOffline: a machine without a network waits, and holds it against nobody.
func TestOffline(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		for i := range 10 {
			h.connect(fmt.Sprint(i), -time.Minute)
		}
		h.provider.before = always(unavailable())
		h.offline.Store(true)
		for range 20 { // 20 minutes
			for i := range 10 {
				if err := h.mustFail(fmt.Sprint(i), hub.CodeProviderUnavailable); !strings.Contains(err.Message, "offline") || err.Wait() > offlineDelay {
					t.Fatalf("%v, wait %v", err, err.Wait())
				}
			}
			time.Sleep(time.Minute)
		}
		if is := h.Health("0"); is == nil || is.Tries != 0 {
			t.Errorf("health %+v", is)
		}
		if list := h.ProviderHealth(); len(list) > 0 && list[0].State != hub.ProviderOK {
			t.Errorf("it was held against the provider: %+v", list)
		}
		h.offline.Store(false)
		h.provider.script(func(p *provider) { p.before = nil })
		time.Sleep(offlineDelay)
		for i := range 10 {
			h.mustVend(fmt.Sprint(i))
		}
	})
}

func TestForecast(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		now := time.Now().Round(0)
		for name, c := range map[string]struct {
			edit func(*hub.Connection, *hub.TokenSet)
			idle time.Duration
			want hub.Forecast
		}{
			"nothing known": {func(*hub.Connection, *hub.TokenSet) {}, 0, hub.Forecast{}},
			"refresh ends":  {func(_ *hub.Connection, s *hub.TokenSet) { s.RefreshExpiry = now.Add(50 * time.Hour) }, 0, hub.Forecast{NeedsUser: now.Add(50 * time.Hour), Why: hub.ForecastRefreshExpires}},
			"idle":          {func(_ *hub.Connection, s *hub.TokenSet) { s.IssuedAt = now }, 24 * time.Hour, hub.Forecast{NeedsUser: now.Add(24 * time.Hour), Why: hub.ForecastIdle}},
			"the earlier":   {func(_ *hub.Connection, s *hub.TokenSet) { s.IssuedAt, s.RefreshExpiry = now, now.Add(time.Hour) }, 24 * time.Hour, hub.Forecast{NeedsUser: now.Add(time.Hour), Why: hub.ForecastRefreshExpires}},
			"no refresh":    {func(_ *hub.Connection, s *hub.TokenSet) { s.RefreshToken = secret.Value{} }, 0, hub.Forecast{NeedsUser: now.Add(time.Hour), Why: hub.ForecastNoRefresh}},
			"never expires": {func(_ *hub.Connection, s *hub.TokenSet) { s.RefreshToken, s.Expiry = secret.Value{}, time.Time{} }, 0, hub.Forecast{}},
			"needs its user": {func(c *hub.Connection, s *hub.TokenSet) {
				c.State = hub.StateNeedsReauthorization
				s.RefreshExpiry = now
			}, 0, hub.Forecast{}},
		} {
			h.resolver.descriptor.RefreshIdleLife, h.resolver.descriptor.RefreshMaxLife = c.idle, 0
			h.connect(name, time.Hour, c.edit)
			conn, _ := h.stored(name)
			if got := h.Forecast(t.Context(), conn); !got.NeedsUser.Equal(c.want.NeedsUser) || got.Why != c.want.Why {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		}
	})
}

// TestAbsoluteLife: an authorization that ends after a month ends a month after the
// user gave it, however often it was refreshed since; and when it does, that is
// the reason, whatever the provider calls it.
func TestAbsoluteLife(t *testing.T) {
	const month = 30 * 24 * time.Hour
	inBubble(t, func(t *testing.T, h *house) {
		h.resolver.descriptor.RefreshMaxLife = month
		begin := time.Now().Round(0)
		h.connect("c", time.Hour, func(_ *hub.Connection, s *hub.TokenSet) { s.IssuedAt = begin })
		h.provider.answer = func(a *hub.TokenAnswer) {
			a.Tokens.IssuedAt, a.Tokens.Expiry = time.Now(), time.Now().Add(24*time.Hour)
		}
		defer h.run()()
		want := func(at time.Time) {
			t.Helper()
			conn, _ := h.stored("c")
			if f := h.Forecast(t.Context(), conn); !f.NeedsUser.Equal(at) || f.Why != hub.ForecastRefreshExpires {
				t.Errorf("forecast %+v, want %v", f, at)
			}
		}
		want(begin.Add(month))
		time.Sleep(10 * 24 * time.Hour)
		if _, toks := h.stored("c"); toks.Generation < 9 {
			t.Errorf("generation %d", toks.Generation)
		}
		want(begin.Add(month))
		h.connect("c", time.Hour, func(_ *hub.Connection, s *hub.TokenSet) { s.IssuedAt = time.Now().Round(0) }) // reauthorized
		h.bus.Publish(hub.Event{Type: hub.EventConnected, Connection: "c"})
		begin = time.Now().Round(0)
		want(begin.Add(month))
		h.provider.script(func(p *provider) {
			p.before = func(context.Context, int) error {
				if time.Since(begin) >= month {
					return invalidGrant()
				}
				return nil
			}
		})
		time.Sleep(month + 25*time.Hour)
		h.wantState("c", hub.StateNeedsReauthorization, hub.ReasonRefreshExpired)
	})
}

// TestClockPutBackInAnOutage: what was to be tried in half a minute is not tried
// in two hours because the clock was put back by as much.
func TestClockPutBackInAnOutage(t *testing.T) {
	for name, many := range map[string]int{"a connection's own": 1, "the provider's circuit": 10} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				for i := range many {
					h.connect(fmt.Sprint(i), -time.Minute)
				}
				h.provider.before = always(unavailable())
				for i := range many {
					h.mustFail(fmt.Sprint(i), hub.CodeProviderUnavailable)
				}
				h.provider.script(func(p *provider) { p.before = nil })
				h.clock.jump(-2 * time.Hour)
				h.provider.answer = func(a *hub.TokenAnswer) {
					a.Tokens.IssuedAt, a.Tokens.Expiry = h.clock.now(), h.clock.now().Add(life)
				}
				defer h.run()()
				time.Sleep(2*firstDelay + tick)
				for i := range many {
					if v := h.mustVend(fmt.Sprint(i)); v.Generation != 2 || v.Warning != nil {
						t.Errorf("%d: generation %d, %v", i, v.Generation, v.Warning)
					}
				}
			})
		})
	}
}

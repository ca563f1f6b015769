// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func TestBackgroundKeepsCallersFromWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		h.provider.before = taking(20 * time.Second)
		defer h.run()()
		for range 6 * 60 { // six hours, a call a minute
			begin := time.Now()
			v := h.mustVend("c")
			if time.Since(begin) != 0 {
				t.Fatalf("a caller waited %v", time.Since(begin))
			}
			if left := time.Until(v.Expiry); left < 10*time.Minute {
				t.Fatalf("a token with only %v left", left)
			}
			time.Sleep(time.Minute)
		}
		// Each token is renewed 13.5 minutes (15 less half of a fifth) early.
		if n := h.provider.asked(); n != 7 {
			t.Errorf("%d refreshes in six hours", n)
		}
	})
}

func TestBackgroundMargins(t *testing.T) {
	for _, c := range []struct {
		name           string
		left, override time.Duration
		after, before  time.Duration // when the refresh has to happen, from now
	}{
		{"an hour", time.Hour, 0, 45 * time.Minute, 48 * time.Minute},
		{"the provider wants it late", time.Hour, 30 * time.Second, 59*time.Minute + 30*time.Second, 59*time.Minute + 36*time.Second},
		{"the provider wants it early", time.Hour, 20 * time.Minute, 40 * time.Minute, 48 * time.Minute},
		{"a margin beyond half of life", 16 * time.Minute, 10 * time.Hour, time.Minute, 4 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.connect("c", c.left)
				h.resolver.descriptor.RefreshMargin = c.override
				begin := time.Now()
				defer h.run()()
				for h.provider.asked() == 0 && time.Since(begin) < 2*time.Hour {
					time.Sleep(time.Second)
				}
				if d := time.Since(begin); d < c.after || d > c.before+time.Second {
					t.Errorf("refreshed after %v, want between %v and %v", d, c.after, c.before)
				}
				asked := h.provider.asked()
				time.Sleep(20 * time.Minute)
				if n := h.provider.asked(); n != asked {
					t.Errorf("and %d times more in 20 minutes", n-asked)
				}
			})
		})
	}
}

func TestBackgroundLeavesAloneWhatCannotBeRenewed(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("no refresh token", -time.Hour, func(_ *hub.Connection, s *hub.TokenSet) { s.RefreshToken = secret.Value{} })
		h.connect("never expires", 0, func(_ *hub.Connection, s *hub.TokenSet) { s.Expiry = time.Time{} })
		h.connect("needs its user", -time.Hour, func(c *hub.Connection, _ *hub.TokenSet) { c.State = hub.StateNeedsReauthorization })
		defer h.run()()
		time.Sleep(24 * time.Hour)
		if h.provider.asked() != 0 || h.resolver.calls != 0 {
			t.Errorf("%d refreshes, %d calls of the catalog", h.provider.asked(), h.resolver.calls)
		}
		h.wantState("no refresh token", hub.StateConnected, "")
	})
}

// TestNoStorm: after a start, or a sleep, what is overdue is spread, and few
// are asked at a time.
func TestNoStorm(t *testing.T) {
	for _, asleep := range []bool{false, true} {
		t.Run(fmt.Sprintf("asleep=%v", asleep), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				n := 0
				h.cfg.Jitter = func() float64 { n++; return float64(n%100) / 100 } // called under one goroutine at a time here
				left := -time.Minute
				if asleep {
					left = 3 * time.Hour
				}
				const many = 100
				for i := range many {
					h.connect(fmt.Sprint(i), left)
				}
				var starts []time.Duration
				var begin time.Time
				h.provider.before = func(ctx context.Context, call int) error {
					h.provider.mu.Lock()
					starts = append(starts, time.Since(begin))
					h.provider.mu.Unlock()
					return taking(3*time.Second)(ctx, call)
				}
				h.provider.answer = func(a *hub.TokenAnswer) { a.Tokens.Expiry = h.clock.now().Add(life) }
				begin = time.Now()
				defer h.run()()
				if asleep {
					time.Sleep(tick + time.Second)
					if h.provider.asked() != 0 {
						t.Fatal("refreshed before its time")
					}
					begin = time.Now()
					h.clock.jump(4 * time.Hour)
				}
				time.Sleep(tick + spread + many*3*time.Second/concurrency)
				if h.provider.asked() != many {
					t.Fatalf("%d of %d were refreshed", h.provider.asked(), many)
				}
				if h.provider.most > concurrency {
					t.Errorf("%d at a time", h.provider.most)
				}
				if width := starts[many-1] - starts[0]; width < spread*3/4 {
					t.Errorf("all within %v", width)
				}
			})
		})
	}
}

func TestBackgroundTriesAgainAfterAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		tries := make(chan time.Time, 100)
		h.provider.before = func(context.Context, int) error {
			tries <- time.Now()
			return unavailable()
		}
		defer h.run()()
		time.Sleep(60 * time.Minute)
		var at []time.Time
		for len(tries) > 0 {
			at = append(at, <-tries)
		}
		if len(at) < 4 || len(at) > 7 {
			t.Errorf("%d tries in the last quarter of an hour", len(at))
		}
		for i := 1; i < len(at); i++ {
			if at[i].Sub(at[i-1]) < firstDelay*3/4 {
				t.Errorf("tries %v apart", at[i].Sub(at[i-1]))
			}
		}
		if h.bus.count(hub.EventNeedsReauthorization) != 0 {
			t.Error("an outage was taken for a refusal")
		}
		h.provider.script(func(p *provider) { p.before = nil })
		time.Sleep(maxDelay + time.Minute)
		if v := h.mustVend("c"); v.Generation != 2 || h.Health("c") != nil {
			t.Errorf("after the outage: generation %d, health %+v", v.Generation, h.Health("c"))
		}
	})
}

func TestBackgroundTellsOfARefusalOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		h.provider.before = always(invalidGrant())
		defer h.run()()
		time.Sleep(24 * time.Hour)
		if h.bus.count(hub.EventNeedsReauthorization) != 1 || h.provider.asked() != 1 {
			t.Errorf("%d events, %d calls", h.bus.count(hub.EventNeedsReauthorization), h.provider.asked())
		}
	})
}

func TestShortLivedTokensAreNotRefreshedOnEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Minute)
		h.provider.answer = func(a *hub.TokenAnswer) { a.Tokens.Expiry = time.Now().Add(time.Second) }
		defer h.run()()
		time.Sleep(time.Hour)
		if n := h.provider.asked(); n > int(time.Hour/minInterval) {
			t.Errorf("%d refreshes in an hour", n)
		}
	})
}

// TestPlanFollowsEvents: connections made, reauthorized and ended while it
// runs.
func TestPlanFollowsEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		defer h.run()()
		time.Sleep(time.Minute)
		h.connect("c", time.Hour)
		h.bus.Publish(hub.Event{Type: hub.EventConnected, Connection: "c"})
		time.Sleep(time.Hour)
		if v := h.mustVend("c"); v.Generation != 2 {
			t.Error("a new connection is not refreshed ahead of time")
		}
		h.provider.script(func(p *provider) { p.before = always(invalidGrant()) })
		time.Sleep(time.Hour)
		h.wantState("c", hub.StateNeedsReauthorization, hub.ReasonRevoked)
		h.provider.script(func(p *provider) { p.before = nil })
		h.connect("c", time.Hour)
		h.bus.Publish(hub.Event{Type: hub.EventConnected, Connection: "c"})
		time.Sleep(time.Hour)
		h.mustVend("c")
		h.disconnect("c", hub.GrantKeep)
		asked := h.provider.asked()
		time.Sleep(24 * time.Hour)
		if h.provider.asked() != asked {
			t.Error("an ended connection is refreshed")
		}
	})
}

// TestFailureIsTriedAgainWhenItSays, whoever's try it was, and however long the
// token still lives: its health says when.
func TestFailureIsTriedAgainWhenItSays(t *testing.T) {
	for name, edit := range map[string]func(*hub.Connection, *hub.TokenSet){
		"not due for long": func(*hub.Connection, *hub.TokenSet) {},
		"never due":        func(_ *hub.Connection, s *hub.TokenSet) { s.Expiry, s.ExpirySource = time.Time{}, hub.ExpiryNever },
	} {
		for _, offline := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, offline %v", name, offline), func(t *testing.T) {
				inBubble(t, func(t *testing.T, h *house) {
					h.connect("c", 24*time.Hour, edit)
					defer h.run()()
					time.Sleep(time.Minute)
					h.offline.Store(offline)
					h.provider.script(func(p *provider) { p.before = always(unavailable()) })
					if _, err := h.vendReq(hub.VendRequest{Connection: "c", Force: true}); err == nil {
						t.Fatal("it was renewed")
					}
					health := h.Health("c")
					if health == nil || health.NextTry.Sub(h.clock.now()) > firstDelay {
						t.Fatalf("health %+v", health)
					}
					h.offline.Store(false)
					h.provider.script(func(p *provider) { p.before = nil })
					time.Sleep(firstDelay + minInterval)
					if _, toks := h.stored("c"); h.Health("c") != nil || toks.Generation != 2 {
						t.Errorf("half a minute after the trouble: generation %d, health %+v", toks.Generation, h.Health("c"))
					}
					asked := h.provider.asked()
					time.Sleep(20 * time.Minute)
					if h.provider.asked() != asked {
						t.Error("it goes on asking")
					}
				})
			})
		}
	}
}

func TestMendedSettingsAreTriedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = always(&hub.ProviderError{Class: hub.ProviderMisconfigured, ProviderCode: "invalid_client"})
		defer h.run()()
		time.Sleep(time.Hour)
		h.provider.script(func(p *provider) { p.before = nil })
		h.bus.Publish(hub.Event{Type: hub.EventIntegration, Slug: "acme"})
		time.Sleep(spread)
		if _, toks := h.stored("c"); toks.Generation != 2 {
			t.Error("it still waits")
		}
	})
}

// TestLostAnswerIsLookedIntoAtTheStart, without waiting for a caller.
func TestLostAnswerIsLookedIntoAtTheStart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", 50*time.Minute)
		h.edit("c", func(toks *hub.Tokens) { toks.Intent = &hub.RefreshIntent{StartedAt: time.Now()} })
		defer h.run()()
		time.Sleep(spread)
		if _, toks := h.stored("c"); toks.Intent != nil || toks.Generation != 2 {
			t.Errorf("intent %+v, generation %d", toks.Intent, toks.Generation)
		}
	})
}

func TestManyConnectionsInThePlan(t *testing.T) {
	p := newPlan()
	base := time.Now()
	for i := range 1000 {
		p.add(&item{id: fmt.Sprint(i), at: base.Add(time.Duration(i*7919%1000) * time.Second)})
	}
	for i := range 500 {
		if it := p.take(fmt.Sprint(i)); it == nil || it.id != fmt.Sprint(i) || p.take(it.id) != nil {
			t.Fatalf("took %+v", it)
		}
	}
	it := p.take("999")
	it.at = base.Add(-time.Second)
	p.add(it)
	if it := p.pop(); it.id != "999" {
		t.Errorf("first is %s", it.id)
	}
	last := base
	for n := 499; n > 0; n-- {
		at, _ := p.first()
		if at.Before(last) {
			t.Fatal("out of order")
		}
		last = at
		p.pop()
	}
	if _, ok := p.first(); ok || len(p.byID) != 0 {
		t.Error("the plan is not empty")
	}
}

// TestIdleCostsTheSameForManyAsForFew: nothing due, nothing read.
func TestIdleCostsTheSameForManyAsForFew(t *testing.T) {
	reads := func(many int) (gets, lists int) {
		inBubble(t, func(t *testing.T, h *house) {
			for i := range many {
				h.connect(fmt.Sprint(i), 50*time.Hour)
			}
			defer h.run()()
			time.Sleep(tick)
			before, listed := h.store.counts()
			time.Sleep(10 * time.Hour)
			gets, lists = h.store.counts()
			gets, lists = gets-before, lists-listed
		})
		return gets, lists
	}
	gets, lists := reads(1)
	if moreGets, moreLists := reads(300); moreGets != gets || moreLists > lists+4 || gets != 0 {
		t.Errorf("ten idle hours: %d reads and %d lists with one connection, %d and %d with 300", gets, lists, moreGets, moreLists)
	}
}

// TestDueOutlivesRestarts: whatever the hub was stopped for, it knows what is
// due when it is back, and what was not due is left alone.
func TestDueOutlivesRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		for i := range 50 {
			h.connect(fmt.Sprint(i), time.Duration(i)*time.Hour)
		}
		stop := h.run()
		time.Sleep(90 * time.Minute)
		stop()
		asked := h.provider.asked()
		if asked < 2 || asked > 5 {
			t.Errorf("%d refreshes in an hour and a half", asked)
		}
		time.Sleep(10 * time.Hour) // off
		stop = h.run()
		time.Sleep(2 * time.Minute)
		stop()
		due := 0
		for i := range 50 {
			if _, toks := h.stored(fmt.Sprint(i)); toks.Current.Expiry.Before(time.Now().Add(10 * time.Minute)) {
				t.Errorf("%d has %v left", i, time.Until(toks.Current.Expiry))
			} else if toks.Generation > 1 {
				due++
			}
		}
		if due < 11 || due > 13 {
			t.Errorf("%d were refreshed, want those that were due", due)
		}
	})
}

// TestPlanIsBounded: however much is due at once, little of it is in memory, and
// all of it is done.
func TestPlanIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		const many = maxPlan/2 + 500
		h.connectMany(many, -time.Minute)
		s := &scheduler{e: h.Engine, plan: newPlan(), held: map[string]*item{}, running: map[string]*item{}}
		if !s.begin(t.Context()) {
			t.Fatal("it did not begin")
		}
		s.advance(t.Context())
		if s.plan.Len() != maxPlan/2 || !s.partial {
			t.Errorf("%d in hand, partial: %v", s.plan.Len(), s.partial)
		}
		defer h.run()()
		time.Sleep(10 * time.Minute)
		if n := h.provider.asked(); n != many {
			t.Errorf("%d of %d were refreshed", n, many)
		}
	})
}

// TestHungProviderHoldsUpNoOther, in the background.
func TestHungProviderHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		for i := range 100 {
			h.connect(fmt.Sprint("hung", i), -time.Minute, func(c *hub.Connection, _ *hub.TokenSet) { c.Integration, c.Provider = "hung", "hung" })
		}
		h.connect("well", -time.Minute)
		h.provider.hang = "hung"
		defer h.run()()
		time.Sleep(spread + 2*time.Second)
		if _, toks := h.stored("well"); toks.Generation != 2 {
			t.Error("it waits for another provider")
		}
	})
}

// TestKeepAlive: a refresh token that dies of idleness is used before that, also
// where the access token does not expire.
func TestKeepAlive(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.resolver.descriptor.RefreshIdleLife = 30 * 24 * time.Hour
		h.provider.answer = func(a *hub.TokenAnswer) { a.Tokens.Expiry = time.Time{} }
		h.connect("c", 0, func(_ *hub.Connection, s *hub.TokenSet) { s.Expiry, s.IssuedAt = time.Time{}, time.Now() })
		defer h.run()()
		time.Sleep(90 * 24 * time.Hour)
		if n := h.provider.asked(); n != 4 {
			t.Errorf("used %d times in 90 days, want 4", n)
		}
		conn, _ := h.stored("c")
		if f := h.Forecast(t.Context(), conn); f.Why != hub.ForecastIdle || time.Until(f.NeedsUser) < 7*24*time.Hour {
			t.Errorf("forecast %+v", f)
		}
	})
}

// TestClockPutBack: what was issued under a clock that ran ahead cannot be
// believed once it is right again.
func TestClockPutBack(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Minute)
		h.provider.answer = func(a *hub.TokenAnswer) {
			a.Tokens.IssuedAt, a.Tokens.Expiry = h.clock.now(), h.clock.now().Add(life)
		}
		h.clock.jump(2 * time.Hour)
		if v := h.mustVend("c"); v.Generation != 2 { // it looks expired
			t.Errorf("generation %d", v.Generation)
		}
		h.clock.jump(-2 * time.Hour)
		if v := h.mustVend("c"); v.Generation != 3 {
			t.Error("a token was believed to live for three hours")
		}
		if v := h.mustVend("c"); v.Generation != 3 {
			t.Error("and it was renewed again")
		}
		defer h.run()()
		time.Sleep(50 * time.Minute)
		if _, toks := h.stored("c"); toks.Generation != 4 {
			t.Errorf("generation %d: it was not renewed in time", toks.Generation)
		}
	})
}

// TestTransactionsThatAreTooLarge are cut into smaller ones.
func TestTransactionsThatAreTooLarge(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connectMany(300, 10*time.Hour)
		h.store.mu.Lock()
		h.store.most = 10
		h.store.mu.Unlock()
		s := &scheduler{e: h.Engine, plan: newPlan()}
		at := time.Now().Add(5 * time.Hour)
		for i := range 300 {
			s.moves = append(s.moves, move{id: fmt.Sprint(i), to: at})
		}
		if !s.flush(t.Context(), 0) || len(s.moves) > 0 {
			t.Errorf("%d changes were not written", len(s.moves))
		}
		ids, _, err := h.conns.DueIn(t.Context(), hub.Minute(at), 1000)
		if err != nil || len(ids) != 300 {
			t.Errorf("%d of 300 are due (%v)", len(ids), err)
		}
	})
}

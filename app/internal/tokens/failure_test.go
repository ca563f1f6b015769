// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestNetworkNeverNeedsTheUser: however long the provider is away, and
// whatever may have been sent.
func TestNetworkNeverNeedsTheUser(t *testing.T) {
	for name, err := range map[string]error{
		"unsent":             unavailable(),
		"cut in the middle":  &hub.ProviderError{Class: hub.ProviderTemporary, Message: "connection reset"},
		"500":                &hub.ProviderError{Class: hub.ProviderTemporary, ProviderCode: "server_error"},
		"plugin not to have": &hub.Error{Code: hub.CodePluginUnavailable, Message: "the plugin is missing"},
		"plugin not started": &hub.ProviderError{Class: hub.ProviderGone, Message: "in backoff", Unsent: true},
		"nonsense":           &hub.ProviderError{Class: hub.ProviderBug, Message: "no access token"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.connect("c", -time.Minute)
				h.provider.before = always(err)
				for range 30 {
					if _, err := h.vend("c"); err == nil || err.Code == hub.CodeNeedsReauthorization {
						t.Fatalf("got %v", err)
					}
					time.Sleep(maxDelay)
				}
				h.provider.script(func(p *provider) { p.before = nil })
				h.mustVend("c")
				if h.bus.count(hub.EventNeedsReauthorization) != 0 {
					t.Error("the user was called")
				}
			})
		})
	}
}

// TestAnswerLostByTheNetwork is told as what it is.
func TestAnswerLostByTheNetwork(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.after = func(_ context.Context, call int) error {
			return &hub.ProviderError{Class: hub.ProviderTemporary, Message: "connection reset"}
		}
		h.mustFail("c", hub.CodeProviderUnavailable)
		time.Sleep(maxDelay)
		if e := h.mustFail("c", hub.CodeNeedsReauthorization); e.Reason != hub.ReasonAnswerLost {
			t.Errorf("reason %s", e.Reason)
		}
	})
}

func TestWrongClientIsNotTheUsersFault(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", 5*time.Minute)
		h.provider.before = always(&hub.ProviderError{Class: hub.ProviderMisconfigured, Field: "client_secret", ProviderCode: "invalid_client", Message: "unknown client"})
		v, err := h.vendReq(hub.VendRequest{Connection: "c", MinTTL: 20 * time.Minute})
		if err != nil || v.Warning.Code != hub.CodeProviderMisconfigured {
			t.Errorf("while the token lives: %+v, %v", v, err)
		}
		if hl := h.Health("c"); hl == nil || hl.Code != hub.CodeProviderMisconfigured {
			t.Errorf("health %+v", hl)
		}
		time.Sleep(5 * time.Minute)
		if e := h.mustFail("c", hub.CodeProviderMisconfigured); e.Field != "client_secret" {
			t.Errorf("field %q", e.Field)
		}
		h.wantState("c", hub.StateConnected, "")
		h.provider.script(func(p *provider) { p.before = nil })
		h.mustFail("c", hub.CodeProviderMisconfigured) // a known failure, until its time
		h.IntegrationChanged("other")
		h.mustFail("c", hub.CodeProviderMisconfigured)
		h.IntegrationChanged("acme") // or until somebody mends it
		h.mustVend("c")
	})
}

func TestAnotherClientNeedsTheUser(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.resolver.err = &hub.Error{Code: hub.CodeNeedsReauthorization, Reason: hub.ReasonClientInvalid}
		h.mustFail("c", hub.CodeNeedsReauthorization)
		h.wantState("c", hub.StateNeedsReauthorization, hub.ReasonClientInvalid)
		h.connect("d", -time.Minute)
		h.resolver.err = &hub.Error{Code: hub.CodePluginUnavailable, Message: "no plugin serves it"}
		h.mustFail("d", hub.CodePluginUnavailable)
		h.wantState("d", hub.StateConnected, "")
	})
}

func TestBackoffGrowsAndObeysTheProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = always(unavailable())
		for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			err := h.mustFail("c", hub.CodeProviderUnavailable)
			if w := err.Wait(); w > want || w < want*3/4 {
				t.Errorf("a wait of %v, want at most %v and a quarter less", w, want)
			}
			asked := h.provider.asked()
			time.Sleep(err.Wait() - time.Second)
			h.mustFail("c", hub.CodeProviderUnavailable)
			if h.provider.asked() != asked {
				t.Error("tried before its time")
			}
			time.Sleep(time.Second)
		}
		if since := h.Health("c").Since; time.Since(since) < 30*time.Minute {
			t.Errorf("unwell since %v", since)
		}

		h.provider.script(func(p *provider) {
			p.before = always(&hub.ProviderError{Class: hub.ProviderTemporary, RetryAfter: time.Hour, ProviderCode: "slow"})
		})
		if err := h.mustFail("c", hub.CodeRateLimited); err.Wait() != time.Hour {
			t.Errorf("Retry-After became %v", err.Wait())
		}
		asked := h.provider.asked()
		time.Sleep(time.Hour - time.Second)
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Force: true}); err == nil || err.Code != hub.CodeRateLimited {
			t.Errorf("forced: %v", err)
		}
		if h.provider.asked() != asked {
			t.Error("the provider was asked while it had asked to wait")
		}
	})
}

// TestRecoveryIsTold: each failure and the recovery are an event, and nothing
// more is when there is nothing to tell.
func TestRecoveryIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = always(unavailable())
		for range 2 {
			h.mustFail("c", hub.CodeProviderUnavailable)
			h.mustFail("c", hub.CodeProviderUnavailable) // known: it is not tried again
			time.Sleep(maxDelay)
		}
		h.provider.script(func(p *provider) { p.before = nil })
		h.mustVend("c")
		h.mustVend("c")
		var told []string
		h.bus.mu.Lock()
		defer h.bus.mu.Unlock()
		for _, ev := range h.bus.all {
			if ev.Type == hub.EventHealth && ev.Connection == "c" {
				told = append(told, ev.Detail)
			}
		}
		if want := []string{string(hub.CodeProviderUnavailable), string(hub.CodeProviderUnavailable), ""}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

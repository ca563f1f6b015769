// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// told is the history of a connection, oldest first: "cause", or "cause: code".
func (h *house) told(id string) []string {
	h.t.Helper()
	moments, err := h.conns.History(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	out := []string{}
	for _, m := range slices.Backward(moments) {
		s := string(m.Cause)
		if m.Token != "" {
			s += " " + m.Token
		}
		if m.Code != "" {
			s += ": " + string(m.Code)
		}
		if m.Reason != "" {
			s += fmt.Sprintf(" (%s)", m.Reason)
		}
		out = append(out, s)
	}
	return out
}

func (h *house) wantTold(id string, want ...string) {
	h.t.Helper()
	if got := h.told(id); !slices.Equal(got, want) {
		h.t.Errorf("the history of %s is %q, want %q", id, got, want)
	}
}

// TestHistoryTellsWhatTheBackgroundDid: each renewal with its cause, an outage
// once, and what ended it.
func TestHistoryTellsWhatTheBackgroundDid(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		stop := h.run()
		time.Sleep(time.Hour)
		h.wantTold("c", "ahead")
		h.provider.script(func(p *provider) { p.before = always(unavailable()) })
		time.Sleep(3 * time.Hour)
		h.wantTold("c", "ahead", "ahead: provider_unavailable")
		h.provider.script(func(p *provider) { p.before = nil })
		time.Sleep(maxDelay)
		h.wantTold("c", "ahead", "ahead: provider_unavailable", "ahead")
		stop()
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Force: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * life)
		v := h.mustVend("c")
		time.Sleep(refusedPause)
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Refused: v.AccessToken}); err != nil {
			t.Fatal(err)
		}
		h.provider.script(func(p *provider) { p.before = always(invalidGrant()) })
		time.Sleep(2 * life)
		h.mustFail("c", hub.CodeNeedsReauthorization)
		h.wantTold("c", "ahead", "ahead: provider_unavailable", "ahead", "asked", "draw", "refused", "draw: needs_reauthorization (revoked_by_user)")
	})
}

// TestHistoryOfOtherTroubles: what is nobody's failure is none.
func TestHistoryOfOtherTroubles(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.offline.Store(true)
		h.provider.before = always(unavailable())
		h.mustFail("c", hub.CodeProviderUnavailable)
		h.wantTold("c")
		time.Sleep(offlineDelay)
		h.offline.Store(false) // and now it is the provider
		h.mustFail("c", hub.CodeProviderUnavailable)
		h.wantTold("c", "draw: provider_unavailable")
		time.Sleep(maxDelay)
		h.resolver.err = &hub.Error{Code: hub.CodePluginUnavailable, Message: "its plugin is missing"}
		h.mustFail("c", hub.CodePluginUnavailable)
		h.wantTold("c", "draw: provider_unavailable", "draw: plugin_unavailable")
		h.resolver.err = nil
		h.provider.script(func(p *provider) { p.before = nil })
		time.Sleep(maxDelay)
		h.store.failWith(func(kind hub.Kind, _ string) error {
			if kind == hub.KindHistory {
				return fmt.Errorf("disk full")
			}
			return nil
		})
		h.mustFail("c", hub.CodeStorage)
		h.store.failWith(nil)
		time.Sleep(maxStorage)
		h.mustVend("c") // the answer was kept
		h.wantTold("c", "draw: provider_unavailable", "draw: plugin_unavailable", "draw")
		if n := h.provider.asked(); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestHistoryOfFurtherTokensAndSharedGrants(t *testing.T) {
	same := func(c *hub.Connection, s *hub.TokenSet) {
		c.Account.Subject = "octocat"
		access, refresh := "access", "refresh"
		s.Named = map[string]hub.NamedToken{"user": {
			AccessToken: secret.New(access), RefreshToken: secret.New(refresh), IssuedAt: s.IssuedAt.Add(-life), Expiry: s.IssuedAt, Scopes: []string{"u"},
		}}
	}
	inBubble(t, func(t *testing.T, h *house) {
		h.resolver.descriptor.Revoke, h.resolver.descriptor.RevokesGrant = hub.ReachGrant, true
		h.connect("c", time.Hour, same)
		h.connect("other", time.Hour, same)
		if _, err := h.vendReq(hub.VendRequest{Connection: "other", Token: "user"}); err == nil || err.Code != hub.CodeNeedsReauthorization {
			t.Fatalf("got %v", err) // the provider never saw that one
		}
		h.disconnect("c", hub.GrantRevoke)
		h.wantTold("other", "draw user: needs_reauthorization (revoked_by_user)", "disconnect: needs_reauthorization (revoked_by_user)")
		h.wantTold("c")
	})
}

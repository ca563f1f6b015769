// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func TestFreshTokenComesFromTheStoreAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Minute)
		gets := h.store.gets
		v := h.mustVend("c")
		if h.provider.asked()+h.resolver.calls != 0 {
			t.Error("a fresh token needed the provider or its plugin")
		}
		if n := h.store.gets - gets; n != 2 {
			t.Errorf("it took %d reads of the store, want 2", n)
		}
		if v.TokenType != "Bearer" || v.Generation != 1 || v.Warning != nil || v.Connection.ID != "c" || !v.Expiry.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("got %+v", v)
		}
		e := h.auditor.last()
		if e.Action != hub.AuditVend || e.Decision != hub.AuditAllowed || e.App != "app_1" || e.Connection != "c" || e.Generation != 1 || e.Fingerprint == "" {
			t.Errorf("audited as %+v", e)
		}
	})
}

func TestTwoHundredCallersOfAnExpiredTokenShareOneRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = taking(200 * time.Millisecond)
		begin := time.Now()
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		for range 200 {
			wg.Go(func() {
				v := h.mustVend("c")
				mu.Lock()
				defer mu.Unlock()
				got[v.AccessToken.Reveal()]++
			})
		}
		wg.Wait()
		if len(got) != 1 || h.provider.asked() != 1 {
			t.Errorf("%d refreshes, tokens %v", h.provider.asked(), got)
		}
		if d := time.Since(begin); d != 200*time.Millisecond {
			t.Errorf("it took %v, the provider took 200ms", d)
		}
	})
}

func TestForcedRefreshDoesNotJoinAnOrdinaryOne(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = taking(time.Second)
		var wg sync.WaitGroup
		var ordinary, forced [3]*hub.Vended
		for i := range 3 {
			wg.Go(func() { ordinary[i], _ = h.vend("c") })
		}
		synctest.Wait() // the ordinary refresh is under way
		for i := range 3 {
			wg.Go(func() { forced[i], _ = h.vendReq(hub.VendRequest{Connection: "c", Force: true}) })
		}
		wg.Wait()
		if h.provider.asked() != 2 {
			t.Fatalf("%d refreshes, want an ordinary and a forced one", h.provider.asked())
		}
		for i := range 3 {
			if ordinary[i].Generation != 2 || forced[i].Generation != 3 {
				t.Errorf("generations %d (ordinary), %d (forced)", ordinary[i].Generation, forced[i].Generation)
			}
		}
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Force: true}); err != nil || h.provider.asked() != 3 {
			t.Errorf("a later forced refresh of a fresh token: %v, %d calls", err, h.provider.asked())
		}
	})
}

func TestCallersCancellationDoesNotCancelTheRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = taking(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Vend(ctx, hub.VendRequest{Connection: "c"})
		if hub.AsError(err).Code != hub.CodeProviderUnavailable {
			t.Errorf("the caller that gave up got %v", err)
		}
		time.Sleep(10 * time.Second)
		if v := h.mustVend("c"); v.Generation != 2 || h.provider.asked() != 1 {
			t.Errorf("generation %d after %d calls", v.Generation, h.provider.asked())
		}
	})
}

func TestHungProviderDelaysNobodyElse(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("hung", -time.Minute)
		h.connect("stale", -time.Minute)
		h.connect("fresh", time.Hour)
		h.provider.before = func(ctx context.Context, call int) error {
			if call > 1 {
				return nil
			}
			return taking(time.Hour)(ctx, call)
		}
		done := make(chan *hub.Error)
		begin := time.Now()
		go func() {
			_, err := h.vend("hung")
			done <- err
		}()
		synctest.Wait()
		h.mustVend("fresh")
		h.mustVend("stale")
		if d := time.Since(begin); d != 0 {
			t.Errorf("the others waited %v", d)
		}
		if err := <-done; err.Code != hub.CodeProviderUnavailable {
			t.Errorf("the hung one: %v", err)
		}
		if d := time.Since(begin); d > refreshTimeout {
			t.Errorf("the hung one was answered after %v", d)
		}
	})
}

func TestEarlyFailureServesTheTokenThatLives(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", 5*time.Minute)
		h.provider.before = always(unavailable())
		req := hub.VendRequest{Connection: "c", MinTTL: 10 * time.Minute}
		for range 3 {
			v, err := h.vendReq(req)
			if err != nil || v.Generation != 1 || v.Warning == nil || v.Warning.Code != hub.CodeProviderUnavailable {
				t.Fatalf("got %+v, %v", v, err)
			}
		}
		if h.provider.asked() != 1 {
			t.Errorf("a known outage was tried %d times", h.provider.asked())
		}
		health := h.Health("c")
		if health == nil || health.Code != hub.CodeProviderUnavailable || !health.NextTry.After(time.Now()) {
			t.Errorf("health %+v", health)
		}
		h.wantState("c", hub.StateConnected, "")
		if v := h.mustVend("c"); v.Warning != nil {
			t.Errorf("a caller content with what is there got the warning %v", v.Warning)
		}

		time.Sleep(5 * time.Minute) // now it is expired, and the provider is still away
		err := h.mustFail("c", hub.CodeProviderUnavailable)
		begin := time.Now()
		again := h.mustFail("c", hub.CodeProviderUnavailable)
		if time.Since(begin) != 0 || err.Wait() <= 0 || again.Wait() > err.Wait() {
			t.Errorf("the second answer took %v; wait %v, then %v", time.Since(begin), err.Wait(), again.Wait())
		}

		h.provider.script(func(p *provider) { p.before = nil })
		time.Sleep(again.Wait())
		if v := h.mustVend("c"); v.Generation != 2 || v.Warning != nil {
			t.Errorf("after the outage: %+v", v)
		}
		if h.Health("c") != nil {
			t.Error("it is still unwell")
		}
	})
}

func TestMinTTLIsBoundedByHalfOfALife(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", 29*time.Minute)
		req := hub.VendRequest{Connection: "c", MinTTL: 24 * time.Hour}
		for range 3 {
			if _, err := h.vendReq(req); err != nil {
				t.Fatal(err)
			}
		}
		if h.provider.asked() != 1 {
			t.Errorf("%d refreshes for a min_ttl beyond a token's life", h.provider.asked())
		}
		h.connect("d", 9*time.Second)
		if v := h.mustVend("d"); v.Generation != 2 {
			t.Error("a token about to expire was handed out")
		}
	})
}

func TestTokenThatNothingCanRenew(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", 5*time.Second, func(_ *hub.Connection, s *hub.TokenSet) { s.RefreshToken = secret.Value{} })
		if v := h.mustVend("c"); v.Warning == nil {
			t.Error("no warning that this one is short and the last")
		}
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Force: true}); err == nil || err.Code != hub.CodeProviderRefused {
			t.Errorf("forced: %v", err)
		}
		h.wantState("c", hub.StateConnected, "")
		time.Sleep(5 * time.Second)
		if err := h.mustFail("c", hub.CodeNeedsReauthorization); err.Reason != hub.ReasonRefreshMissing || err.Remedy == "" {
			t.Errorf("got %+v", err)
		}
		h.wantState("c", hub.StateNeedsReauthorization, hub.ReasonRefreshMissing)
		h.connect("never", 0, func(_ *hub.Connection, s *hub.TokenSet) {
			s.RefreshToken, s.Expiry, s.ExpirySource = secret.Value{}, time.Time{}, hub.ExpiryNever
		})
		if v := h.mustVend("never"); v.Warning != nil {
			t.Errorf("a token that never expires: %v", v.Warning)
		}
		if h.provider.asked() != 0 {
			t.Error("the provider was asked without a refresh token")
		}
	})
}

func TestNoAuditNoToken(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("fresh", time.Hour)
		h.connect("stale", -time.Hour)
		h.auditor.failWith(errors.New("disk full"))
		h.mustFail("fresh", hub.CodeAudit)
		h.mustFail("stale", hub.CodeAudit)
		h.mustFail("unknown", hub.CodeAudit)
		if _, err := h.DisconnectAs(t.Context(), "user", "fresh", hub.GrantKeep); hub.AsError(err).Code != hub.CodeAudit {
			t.Errorf("disconnect: %v", err)
		}
		h.wantState("fresh", hub.StateConnected, "")
		h.auditor.failWith(nil)
		h.mustVend("fresh")
		if v := h.mustVend("stale"); v.Generation != 2 {
			t.Error("what was renewed is lost")
		}
		h.mustFail("unknown", hub.CodeNotInstalled)
		if e := h.auditor.last(); e.Decision != hub.AuditFailed || e.Code != hub.CodeNotInstalled || e.Fingerprint != "" {
			t.Errorf("the refusal was audited as %+v", e)
		}
	})
}

func TestMissingScopesAreThoseOfTheToken(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Hour)
		h.resolver.wanted = []string{"a", "b", "c"}
		h.provider.answer = func(a *hub.TokenAnswer) { a.Tokens.Scopes = []string{"b"} }
		v := h.mustVend("c")
		if !slices.Equal(v.Scopes, []string{"b"}) || !slices.Equal(v.MissingScopes, []string{"a", "c"}) {
			t.Errorf("scopes %v, missing %v", v.Scopes, v.MissingScopes)
		}
		h.wantState("c", hub.StateConnected, "")
		h.provider.script(func(p *provider) { p.answer = nil }) // it says nothing of scopes: as before
		time.Sleep(life)
		if v := h.mustVend("c"); !slices.Equal(v.Scopes, []string{"b"}) {
			t.Errorf("scopes %v", v.Scopes)
		}
	})
}

func TestExpiredOnArrival(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Hour)
		h.provider.answer = func(a *hub.TokenAnswer) { a.Tokens.Expiry = time.Now().Add(-time.Second) }
		h.mustFail("c", hub.CodeProviderRefused)
	})
}

// TestExpiredOnTheWay: a machine that was too busy for a short-lived token does
// not blame its clock, and the next call gets one.
func TestExpiredOnTheWay(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Hour)
		h.provider.answer = func(a *hub.TokenAnswer) {
			a.Tokens.IssuedAt, a.Tokens.Expiry = time.Now(), time.Now().Add(2*time.Second)
			time.Sleep(3 * time.Second)
		}
		err := h.mustFail("c", hub.CodeProviderUnavailable)
		if err.RetryAfter <= 0 || strings.Contains(err.Remedy, "clock") {
			t.Errorf("the caller is told %+v", err)
		}
		h.wantState("c", hub.StateConnected, "")
		h.provider.script(func(p *provider) { p.answer = nil })
		time.Sleep(err.RetryAfter)
		if v := h.mustVend("c"); v.Generation != 3 {
			t.Errorf("generation %d after two refreshes", v.Generation)
		}
	})
}

func TestDamagedAndMissingRecords(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		err := h.store.Update(t.Context(), func(tx hub.Tx) error { return tx.Delete(hub.Ref{Kind: hub.KindTokens, ID: "c"}) })
		if err != nil {
			t.Fatal(err)
		}
		h.mustFail("c", hub.CodeIntegrity)
		h.mustFail("d", hub.CodeNotInstalled)
	})
}

func BenchmarkFreshVend(b *testing.B) {
	h := newHouse(b)
	defer h.close()
	h.connect("c", time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Vend(b.Context(), hub.VendRequest{Connection: "c", Caller: "app_1"}); err != nil {
			b.Fatal(err)
		}
	}
}

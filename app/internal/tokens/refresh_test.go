// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func TestIntentIsStoredBeforeTheProviderIsAsked(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = func(context.Context, int) error {
			if _, toks := h.stored("c"); toks.Intent == nil || toks.Intent.Retried || toks.Generation != 1 {
				t.Errorf("when the provider is asked, the store holds %+v", toks.Intent)
			}
			return nil
		}
		v := h.mustVend("c")
		conn, toks := h.stored("c")
		if toks.Intent != nil || toks.Generation != 2 || !toks.Current.AccessToken.Equal(v.AccessToken) {
			t.Errorf("stored: generation %d, intent %v", toks.Generation, toks.Intent)
		}
		if !conn.LastRefresh.Equal(time.Now()) || !conn.Expiry.Equal(v.Expiry) {
			t.Errorf("the connection shows refresh %v, expiry %v", conn.LastRefresh, conn.Expiry)
		}
	})
}

func TestNothingIsAskedThatCannotBeAnnounced(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", 5*time.Minute)
		h.store.failWith(func(hub.Kind, string) error { return errors.New("disk full") })
		v, err := h.vendReq(hub.VendRequest{Connection: "c", MinTTL: 20 * time.Minute})
		if err != nil || v.Warning == nil || v.Warning.Code != hub.CodeStorage {
			t.Errorf("while the token lives: %+v, %v", v, err)
		}
		time.Sleep(5 * time.Minute)
		h.mustFail("c", hub.CodeStorage)
		if h.provider.asked() != 0 {
			t.Error("a refresh token was spent that could not be replaced in the store")
		}
		h.store.failWith(nil)
		time.Sleep(maxStorage)
		h.mustVend("c")
	})
}

// TestAnswerThatCannotBeStored: nobody gets a token that is not on disk, and
// the only copy of the new refresh token is not thrown away.
func TestAnswerThatCannotBeStored(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.store.failWith(func(_ hub.Kind, value string) error {
			if strings.Contains(value, "access-2") {
				return errors.New("disk full")
			}
			return nil
		})
		for range 5 {
			h.mustFail("c", hub.CodeStorage)
			time.Sleep(maxStorage)
		}
		if h.provider.asked() != 1 {
			t.Errorf("the provider was asked %d times", h.provider.asked())
		}
		if _, toks := h.stored("c"); toks.Intent == nil || toks.Generation != 1 {
			t.Error("the store does not know that an answer is missing")
		}
		h.store.failWith(nil)
		if v := h.mustVend("c"); v.AccessToken.Reveal() != "access-2" || h.provider.asked() != 1 {
			t.Errorf("after the disk has room: %s, %d calls", v.AccessToken.Reveal(), h.provider.asked())
		}
		time.Sleep(life)
		h.mustVend("c")
		if h.provider.reuse != 0 {
			t.Error("a spent refresh token was used")
		}
	})
}

func TestPermanentRefusalIsToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = always(invalidGrant())
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if e := h.mustFail("c", hub.CodeNeedsReauthorization); e.Reason != hub.ReasonRevoked || e.Remedy == "" {
					t.Errorf("got %+v", e)
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Hour)
		h.mustFail("c", hub.CodeNeedsReauthorization)
		if n := h.bus.count(hub.EventNeedsReauthorization); n != 1 || h.provider.asked() != 1 {
			t.Errorf("%d events, %d calls", n, h.provider.asked())
		}
		h.wantState("c", hub.StateNeedsReauthorization, hub.ReasonRevoked)
	})
}

// TestRefusalOfAReplacedToken is D3 of the requirements: invalid_grant says
// nothing of tokens that came after the one that was refused.
func TestRefusalOfAReplacedToken(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = func(context.Context, int) error {
			h.connect("c", time.Hour) // reauthorized meanwhile
			return invalidGrant()
		}
		if v := h.mustVend("c"); v.Generation != 2 || v.AccessToken.Reveal() != "access-2" {
			t.Errorf("got generation %d", v.Generation)
		}
		h.wantState("c", hub.StateConnected, "")
		if h.bus.count(hub.EventNeedsReauthorization) != 0 {
			t.Error("the user was called for nothing")
		}
	})
}

func TestLateAnswerDoesNotOverwriteAReauthorization(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.after = func(context.Context, int) error {
			h.connect("c", time.Hour)
			return nil
		}
		v := h.mustVend("c")
		_, toks := h.stored("c")
		if v.AccessToken.Reveal() != "access-3" || toks.Current.RefreshToken.Reveal() != "refresh-3" || toks.Generation != 2 {
			t.Errorf("vended %s, stored %s, generation %d", v.AccessToken.Reveal(), toks.Current.RefreshToken.Reveal(), toks.Generation)
		}
	})
}

// TestUnfinishedIntent is the state a crash leaves, and what the next use makes
// of it.
func TestUnfinishedIntent(t *testing.T) {
	for _, c := range []struct {
		name     string
		spent    bool // the lost answer had spent the stored refresh token
		retried  bool // and it was tried again already
		left     time.Duration
		rotation hub.Rotation
		grace    time.Duration
		previous bool // the previous refresh token is stored and still works
		code     hub.Code
		reason   hub.Reason
		calls    int
	}{
		{name: "never sent", calls: 1},
		{name: "answer lost", spent: true, code: hub.CodeNeedsReauthorization, reason: hub.ReasonAnswerLost, calls: 1},
		{name: "answer lost, while the token lives", spent: true, left: time.Minute, code: "", calls: 0},
		{name: "lost again", spent: true, retried: true, code: hub.CodeNeedsReauthorization, reason: hub.ReasonAnswerLost, calls: 0},
		{name: "lost again, within the grace", retried: true, grace: time.Hour, calls: 1},
		{name: "lost again, rotation unknown", retried: true, rotation: hub.RotationUnknown, calls: 1},
		{name: "refused, no rotation", spent: true, rotation: hub.RotationNone, code: hub.CodeNeedsReauthorization, reason: hub.ReasonRevoked, calls: 1},
		{name: "the previous one works within the grace", spent: true, grace: time.Hour, previous: true, calls: 2},
		{name: "the previous one after the grace", spent: true, grace: time.Second, previous: true, code: hub.CodeNeedsReauthorization, reason: hub.ReasonAnswerLost, calls: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				if c.left == 0 {
					c.left = -time.Minute
				}
				h.connect("c", c.left)
				h.resolver.descriptor.GraceWindow = c.grace
				h.resolver.descriptor.Rotation = hub.RotationSingle
				if c.rotation != "" || c.name == "lost again, rotation unknown" {
					h.resolver.descriptor.Rotation = c.rotation
				}
				h.edit("c", func(toks *hub.Tokens) {
					if c.previous {
						_, refresh := h.provider.issue()
						toks.Previous = &hub.TokenSet{RefreshToken: secret.New(refresh)}
						toks.RotatedAt = time.Now().Add(-time.Minute)
					}
					if c.spent {
						delete(h.provider.refresh, toks.Current.RefreshToken.Reveal())
					}
					toks.Intent = &hub.RefreshIntent{StartedAt: time.Now().Add(-time.Minute), Retried: c.retried}
				})
				retried := false
				h.provider.before = func(context.Context, int) error {
					_, toks := h.stored("c")
					retried = toks.Intent != nil && toks.Intent.Retried
					return nil
				}
				h.close()
				h.start()
				if c.code == "" {
					h.mustVend("c")
				} else if e := h.mustFail("c", c.code); e.Reason != c.reason {
					t.Errorf("reason %s, want %s", e.Reason, c.reason)
				}
				if h.provider.asked() != c.calls {
					t.Errorf("%d calls, want %d", h.provider.asked(), c.calls)
				}
				if c.calls > 0 && !retried {
					t.Error("that it is the second try was not noted before it began")
				}
				if c.code != "" {
					h.wantState("c", hub.StateNeedsReauthorization, c.reason)
					h.mustFail("c", c.code)
					if h.provider.asked() != c.calls {
						t.Error("a refused token is tried again and again")
					}
				}
			})
		})
	}
}

// TestPluginThatDiesWhileTheProviderAnswers: one more try, then the user.
func TestPluginThatDiesWhileTheProviderAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = always(crashed()) // the hub cannot know that the token is unspent
		h.mustFail("c", hub.CodePluginUnavailable)
		if _, toks := h.stored("c"); toks.Intent == nil || toks.Intent.Retried {
			t.Errorf("intent %+v", toks.Intent)
		}
		time.Sleep(maxDelay)
		h.mustFail("c", hub.CodePluginUnavailable)
		time.Sleep(maxDelay)
		if e := h.mustFail("c", hub.CodeNeedsReauthorization); e.Reason != hub.ReasonAnswerLost {
			t.Errorf("reason %s", e.Reason)
		}
		if h.provider.asked() != 2 {
			t.Errorf("%d calls, want 2", h.provider.asked())
		}
	})
}

func TestPluginThatDiesOnceCostsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = func(_ context.Context, call int) error {
			if call == 1 {
				return crashed()
			}
			return nil
		}
		h.mustFail("c", hub.CodePluginUnavailable)
		time.Sleep(maxDelay)
		if v := h.mustVend("c"); v.Generation != 2 {
			t.Errorf("generation %d", v.Generation)
		}
		if _, toks := h.stored("c"); toks.Intent != nil {
			t.Error("the intent outlived its outcome")
		}
	})
}

// TestRefreshOfReplacedTokens: who looked before another's refresh ended, and
// comes to refresh after it, has nothing left to do.
func TestRefreshOfReplacedTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.mustVend("c")
		f := h.refresh("c", 1, hub.CauseDraw)
		<-f.done
		if f.outcome.err != nil || f.outcome.tokens.Generation != 2 || h.provider.asked() != 1 {
			t.Errorf("%+v after %d calls", f.outcome, h.provider.asked())
		}
	})
}

func TestFailureEndsWithTheTokensItWasOf(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = func(_ context.Context, call int) error {
			if call == 1 {
				return unavailable()
			}
			return nil
		}
		h.mustFail("c", hub.CodeProviderUnavailable)
		h.connect("c", -time.Minute) // reauthorized, and soon expired
		h.mustVend("c")
	})
}

// TestAnswerAfterTheDeadline is kept all the same: the provider has spent the
// old refresh token.
func TestAnswerAfterTheDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.after = func(context.Context, int) error {
			time.Sleep(refreshTimeout + time.Second)
			return nil
		}
		if v := h.mustVend("c"); v.Generation != 2 {
			t.Errorf("generation %d", v.Generation)
		}
	})
}

func TestForcedRefreshKeepsTheOldSetUntilItSucceeds(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		h.provider.before = always(unavailable())
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Force: true}); err == nil {
			t.Error("who asked for another token got the same")
		}
		if v := h.mustVend("c"); v.Generation != 1 {
			t.Error("the old set is gone")
		}
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Force: true}); err == nil || h.provider.asked() != 2 {
			t.Error("the user could not try again before the backoff ended")
		}
	})
}

func TestRotationKeepsThePreviousForTheGraceWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute, func(_ *hub.Connection, s *hub.TokenSet) {
			s.Metadata = map[string]string{"team": "T1"}
			s.IDToken = secret.New("id-1")
		})
		h.resolver.descriptor.GraceWindow = 10 * time.Minute
		h.mustVend("c")
		_, toks := h.stored("c")
		if toks.Previous == nil || toks.Previous.RefreshToken.Reveal() != "refresh-1" || !toks.RotatedAt.Equal(time.Now()) || !toks.Previous.AccessToken.IsZero() {
			t.Errorf("previous %+v", toks.Previous)
		}
		if toks.Current.Metadata["team"] != "T1" || toks.Current.IDToken.Reveal() != "id-1" {
			t.Error("what the answer does not mention was lost")
		}
		h.provider.script(func(p *provider) { p.keepToken = true })
		time.Sleep(life)
		h.mustVend("c")
		_, toks = h.stored("c")
		if toks.Previous != nil || toks.Current.RefreshToken.Reveal() != "refresh-2" {
			t.Errorf("kept: previous %v, current %v", toks.Previous, toks.Current.RefreshToken.Reveal())
		}
		h.provider.script(func(p *provider) {
			p.answer = func(a *hub.TokenAnswer) { a.RefreshToken = hub.RefreshNone }
		})
		time.Sleep(life)
		h.mustVend("c")
		if _, toks = h.stored("c"); !toks.Current.RefreshToken.IsZero() {
			t.Error("a spent refresh token was kept")
		}
	})
}

func TestCloseWaitsForTheAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.connect("d", -time.Minute)
		h.provider.before = taking(5 * time.Second)
		go func() { _, _ = h.vend("c") }()
		synctest.Wait()
		begin := time.Now()
		h.close()
		if time.Since(begin) != 5*time.Second {
			t.Errorf("closed after %v", time.Since(begin))
		}
		if _, toks := h.stored("c"); toks.Generation != 2 {
			t.Error("the answer was lost")
		}
		h.mustFail("d", hub.CodePluginUnavailable)
	})
}

func TestCloseCutsShortWhatDoesNotEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = taking(time.Hour)
		go func() { _, _ = h.vend("c") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if err := h.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// withUser stores a connection with a bot token and a user token beside it.
func (h *house) withUser(id string, left time.Duration) {
	h.connect(id, left, func(c *hub.Connection, set *hub.TokenSet) {
		access, refresh := h.provider.issue()
		set.Name, set.Scopes = "bot", []string{"chat"}
		set.Named = map[string]hub.NamedToken{"user": {
			AccessToken: secret.New(access), RefreshToken: secret.New(refresh), IssuedAt: set.IssuedAt, Expiry: set.Expiry,
			ExpirySource: hub.ExpiryDeclared, Scopes: []string{"user:read"},
		}}
		c.Scopes = []string{"chat", "user:read"}
	})
}

func user(id string) hub.VendRequest { return hub.VendRequest{Connection: id, Token: "user"} }

// TestNamedTokens: the main token by default and by its name, the other one by
// its own, an unknown name is told.
func TestNamedTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.withUser("c", time.Hour)
		bot := h.mustVend("c")
		named, err := h.vendReq(hub.VendRequest{Connection: "c", Token: "bot"})
		if err != nil || !named.AccessToken.Equal(bot.AccessToken) {
			t.Errorf("the main token by its name: %v", err)
		}
		u, err := h.vendReq(user("c"))
		if err != nil || u.AccessToken.Equal(bot.AccessToken) || !slices.Equal(u.Scopes, []string{"user:read"}) || !slices.Equal(bot.Scopes, []string{"chat"}) {
			t.Errorf("bot %q, user %+v, %v", bot.Scopes, u, err)
		}
		if h.provider.asked() != 0 {
			t.Error("fresh tokens were renewed")
		}
		if _, err := h.vendReq(hub.VendRequest{Connection: "c", Token: "admin"}); err == nil || err.Code != hub.CodeNotFound {
			t.Errorf("an unknown name: %v", err)
		}
	})
}

// TestNamedTokensAreRenewedApart: many callers of both at once cause one refresh
// of each, and neither answer takes the other's place.
func TestNamedTokensAreRenewedApart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.withUser("c", -time.Minute)
		h.provider.script(func(p *provider) { p.before = taking(time.Second) })
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if v, err := h.vend("c"); err != nil || !h.provider.accepts(v.AccessToken.Reveal()) {
					t.Errorf("the main token: %v", err)
				}
			})
			wg.Go(func() {
				if v, err := h.vendReq(user("c")); err != nil || !h.provider.accepts(v.AccessToken.Reveal()) {
					t.Errorf("the user's token: %v", err)
				}
			})
		}
		wg.Wait()
		if n := h.provider.asked(); n != 2 {
			t.Errorf("%d refreshes of two tokens", n)
		}
		_, toks := h.stored("c")
		n := toks.Current.Named["user"]
		for what, token := range map[string]secret.Value{"main": toks.Current.AccessToken, "user": n.AccessToken} {
			if !h.provider.accepts(token.Reveal()) {
				t.Errorf("the stored %s token is dead", what)
			}
		}
		if h.provider.reuse != 0 || n.Generation != 1 || !n.Asked.IsZero() || toks.Current.RefreshToken.Equal(n.RefreshToken) {
			t.Errorf("reused %d times, generation %d, asked %v", h.provider.reuse, n.Generation, n.Asked)
		}
		if conn, _ := h.stored("c"); !slices.Equal(conn.Scopes, []string{"chat", "user:read"}) {
			t.Errorf("after both refreshes the connection has %q", conn.Scopes)
		}
	})
}

// TestNamedTokenRefused: what is refused for one token leaves the connection and
// the others as they are.
func TestNamedTokenRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.withUser("c", -time.Minute)
		h.edit("c", func(toks *hub.Tokens) {
			n := toks.Current.Named["user"]
			n.RefreshToken = secret.New("never issued")
			toks.Current.Named["user"] = n
		})
		for range 2 {
			if _, err := h.vendReq(user("c")); err == nil || err.Code != hub.CodeNeedsReauthorization || err.Reason != hub.ReasonRevoked {
				t.Errorf("the user's token: %v", err)
			}
		}
		if n := h.provider.asked(); n != 1 {
			t.Errorf("a refusal was asked for %d times", n)
		}
		h.mustVend("c")
		h.wantState("c", hub.StateConnected, "")
	})
}

// TestNamedTokenBacksOff: trouble of one token is answered at once afterwards,
// with the token as long as it lives, and without holding up the other.
func TestNamedTokenBacksOff(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.withUser("c", 5*time.Second) // alive, but not for ten seconds
		h.provider.script(func(p *provider) {
			p.before = func(context.Context, int) error {
				return &hub.ProviderError{Class: hub.ProviderTemporary, Message: "down", ProviderCode: "internal_error"}
			}
		})
		for range 3 {
			v, err := h.vendReq(user("c"))
			if err != nil || v.Warning == nil {
				t.Fatalf("a token that lives: %+v, %v", v, err)
			}
		}
		if n := h.provider.asked(); n != 1 {
			t.Errorf("%d calls", n)
		}
		h.provider.script(func(p *provider) { p.before = nil })
		time.Sleep(time.Minute)
		if v, err := h.vendReq(user("c")); err != nil || v.Warning != nil {
			t.Errorf("after the trouble: %+v, %v", v, err)
		}
	})
}

// TestNamedAnswerLost: a crash between question and answer is told as what it is.
func TestNamedAnswerLost(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.withUser("c", -time.Minute)
		h.provider.script(func(p *provider) { p.after = func(context.Context, int) error { return crashed() } })
		if _, err := h.vendReq(user("c")); err == nil || err.Code == hub.CodeNeedsReauthorization {
			t.Errorf("a plugin that died: %v", err)
		}
		h.provider.script(func(p *provider) { p.after = nil })
		time.Sleep(time.Minute)
		if _, err := h.vendReq(user("c")); err == nil || err.Reason != hub.ReasonAnswerLost {
			t.Errorf("the refusal of a spent token: %v", err)
		}
	})
}

// TestNamedTokensAheadOfTime: they are renewed together with the main one.
func TestNamedTokensAheadOfTime(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.withUser("c", time.Hour)
		stop := h.run()
		time.Sleep(59 * time.Minute)
		stop()
		if n := h.provider.asked(); n != 2 {
			t.Fatalf("%d refreshes ahead of time, want one of each", n)
		}
		if v, err := h.vendReq(user("c")); err != nil || v.Expiry.Sub(h.clock.now()) < 30*time.Minute {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestReportedAsRefused: a token that the provider refuses is renewed once, however
// many report it; one that was replaced meanwhile, or issued just now, is not.
func TestReportedAsRefused(t *testing.T) {
	for _, name := range []string{"", "user"} {
		t.Run("token "+name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.withUser("c", 50*time.Minute)
				ask := hub.VendRequest{Connection: "c", Token: name}
				first, err := h.vendReq(ask)
				if err != nil {
					t.Fatal(err)
				}
				report := ask
				report.Refused = first.AccessToken
				h.provider.script(func(p *provider) { p.before = taking(time.Second) })
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						if v, err := h.vendReq(report); err != nil || v.AccessToken.Equal(first.AccessToken) {
							t.Errorf("the answer to a report: %v", err)
						}
					})
				}
				wg.Wait()
				if n := h.provider.asked(); n != 1 {
					t.Fatalf("%d refreshes for ten reports of one token", n)
				}
				if v, err := h.vendReq(report); err != nil || v.Warning != nil || h.provider.asked() != 1 {
					t.Errorf("a late report of the old token: %+v, %v", v, err)
				}
				second, err := h.vendReq(ask)
				if err != nil {
					t.Fatal(err)
				}
				report.Refused = second.AccessToken
				if v, err := h.vendReq(report); err != nil || v.Warning == nil || h.provider.asked() != 1 {
					t.Errorf("a report of a token of a second ago: %+v, %v", v, err)
				}
				time.Sleep(refusedPause)
				if v, err := h.vendReq(report); err != nil || v.AccessToken.Equal(second.AccessToken) || h.provider.asked() != 2 {
					t.Errorf("a report of a token of some age: %+v, %v", v, err)
				}
			})
		})
	}
}

// TestNamedTokenThatCouldNotBeWritten: what is in memory only is waited for by a
// move, revoked by a disconnect, and of no use to another authorization.
func TestNamedTokenThatCouldNotBeWritten(t *testing.T) {
	unsaved := func(t *testing.T, h *house) {
		t.Helper()
		h.withUser("c", -time.Minute)
		h.provider.script(func(p *provider) {
			p.after = func(context.Context, int) error {
				h.store.failWith(func(hub.Kind, string) error { return errors.New("disk full") })
				return nil
			}
		})
		if _, err := h.vendReq(user("c")); err == nil || err.Code != hub.CodeStorage {
			t.Fatalf("on a full disk: %v", err)
		}
		h.provider.script(func(p *provider) { p.after = nil })
	}
	t.Run("disconnect", func(t *testing.T) {
		inBubble(t, func(t *testing.T, h *house) {
			unsaved(t, h)
			h.store.failWith(nil)
			h.disconnect("c", hub.GrantKeep)
			if n := h.provider.live([]int{1, 2}); n != 0 {
				t.Errorf("%d refresh tokens live on", n)
			}
			if len(h.slots) != 0 {
				t.Errorf("%d slots of what is gone", len(h.slots))
			}
		})
	})
	t.Run("move", func(t *testing.T) {
		inBubble(t, func(t *testing.T, h *house) {
			unsaved(t, h)
			h.store.failWith(nil)
			h.mark("c", hub.ReasonMoved)
			if err := h.Quiesce(t.Context(), []string{"c"}); err == nil || hub.AsError(err).Code != hub.CodeStorage {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("reauthorize", func(t *testing.T) {
		inBubble(t, func(t *testing.T, h *house) {
			unsaved(t, h)
			h.store.failWith(nil)
			h.withUser("c", -time.Second)
			h.reauthorized("c") // as the background does that hears of it
			v, err := h.vendReq(user("c"))
			if err != nil || !h.provider.accepts(v.AccessToken.Reveal()) {
				t.Fatalf("the new authorization: %v", err)
			}
			if f := h.provider.familyOf(h.provider.last().RefreshToken.Reveal()); f != 4 {
				t.Errorf("a token of authorization %d was renewed", f)
			}
		})
	})
}

// TestQuiesceWaitsForNamedTokens, as for the main one.
func TestQuiesceWaitsForNamedTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.withUser("c", -time.Minute)
		h.provider.after = taking(7 * time.Second)
		go func() { _, _ = h.vendReq(user("c")) }()
		synctest.Wait()
		h.mark("c", hub.ReasonMoved)
		begin := time.Now()
		if err := h.Quiesce(t.Context(), []string{"c"}); err != nil || time.Since(begin) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		_, toks := h.stored("c")
		if n := toks.Current.Named["user"]; n.Generation != 1 || !n.Asked.IsZero() {
			t.Errorf("stored: generation %d, asked %v", n.Generation, n.Asked)
		}
	})
}

// TestReauthorizedNamedTokenIsTriedAtOnce: the trouble of an earlier one is not
// its own.
func TestReauthorizedNamedTokenIsTriedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		defer h.run()()
		h.withUser("c", -time.Minute)
		h.provider.script(func(p *provider) { p.before = always(unavailable()) })
		if _, err := h.vendReq(user("c")); err == nil {
			t.Fatal("the provider is away")
		}
		h.provider.script(func(p *provider) { p.before = nil })
		h.withUser("c", -time.Second)
		h.bus.Publish(hub.Event{Type: hub.EventConnected, Connection: "c"})
		synctest.Wait()
		if _, err := h.vendReq(user("c")); err != nil {
			t.Errorf("it still waits: %v", err)
		}
	})
}

// TestNamedTokenReplacedMeanwhile: who waits for a refresh that the user was
// quicker than gets the token of the new authorization, or hears that there is
// none; never an empty one.
func TestNamedTokenReplacedMeanwhile(t *testing.T) {
	for name, again := range map[string]func(*house){
		"with it":    func(h *house) { h.withUser("c", time.Hour) },
		"without it": func(h *house) { h.connect("c", time.Hour) },
		"expired":    func(h *house) { h.withUser("c", -time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.withUser("c", -time.Minute)
				h.provider.script(func(p *provider) { p.before = taking(10 * time.Second) })
				done := make(chan struct{})
				var v *hub.Vended
				var err *hub.Error
				go func() {
					defer close(done)
					v, err = h.vendReq(user("c"))
				}()
				time.Sleep(time.Second)
				again(h)
				<-done
				_, toks := h.stored("c")
				switch n, ok := toks.Current.Named["user"]; {
				case name == "with it" && (err != nil || !v.AccessToken.Equal(n.AccessToken)):
					t.Errorf("got %+v, %v", v, err)
				case name == "without it" && (ok || err == nil || err.Code != hub.CodeNotFound):
					t.Errorf("got %+v, %v", v, err)
				case name == "expired" && (err == nil || err.Message == ""):
					t.Errorf("got %+v", v)
				}
			})
		})
	}
}

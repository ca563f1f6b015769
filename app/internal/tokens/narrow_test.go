// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"encoding/base64"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// narrows makes the provider of a house one that narrows tokens.
func (h *house) narrows() {
	h.resolver.descriptor.NarrowsScopes, h.resolver.descriptor.Rotation = true, hub.RotationNone
	h.provider.keepToken = true
	h.connect("c", time.Hour)
}

func (h *house) vendNarrow(scopes ...string) (*hub.Vended, *hub.Error) {
	return h.vendReq(hub.VendRequest{Connection: "c", Scopes: scopes, Caller: "app_1"})
}

func TestNarrowedTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.narrows()
		whole := h.mustVend("c")
		h.provider.before = taking(time.Second)
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]bool{}
		for range 50 {
			wg.Go(func() {
				v, err := h.vendNarrow("a")
				if err != nil || !slices.Equal(v.Scopes, []string{"a"}) {
					t.Errorf("got %+v, %v", v, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got[v.AccessToken.Reveal()] = true
			})
		}
		wg.Wait()
		if h.provider.asked() != 1 || len(got) != 1 || got[whole.AccessToken.Reveal()] {
			t.Errorf("%d calls for tokens %v", h.provider.asked(), got)
		}
		if e := h.auditor.last(); e.Scope != "a" || e.Decision != hub.AuditAllowed {
			t.Errorf("audited %+v", e)
		}
		if v, err := h.vendNarrow("b"); err != nil || got[v.AccessToken.Reveal()] || h.provider.asked() != 2 {
			t.Errorf("other scopes are another token: %+v, %v", v, err)
		}
		if again := h.mustVend("c"); !again.AccessToken.Equal(whole.AccessToken) || !slices.Equal(again.Scopes, []string{"a", "b"}) {
			t.Error("the connection's own token was touched")
		}
		time.Sleep(life) // it has to be renewed
		if v, err := h.vendNarrow("a"); err != nil || got[v.AccessToken.Reveal()] {
			t.Errorf("an old one was served: %v", err)
		}
	})
}

func TestWhatIsNotNarrowedDoesNotLeave(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*house)
		code hub.Code
	}{
		"the provider ignores the scopes": {func(h *house) {
			h.provider.answer = func(a *hub.TokenAnswer) { a.Tokens.Scopes = []string{"a", "b"} }
		}, hub.CodeProviderRefused},
		"it is not one that narrows": {func(h *house) { h.resolver.descriptor.NarrowsScopes = false }, hub.CodeProviderRefused},
		"nothing to renew with": {func(h *house) {
			h.edit("c", func(t *hub.Tokens) { t.Current.RefreshToken = secret.Value{} })
		}, hub.CodeProviderRefused},
		"it is away": {func(h *house) {
			h.provider.before = func(context.Context, int) error { return unavailable() }
		}, hub.CodeProviderUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.narrows()
				c.set(h)
				for range 5 {
					if _, err := h.vendNarrow("a"); err == nil || err.Code != c.code {
						t.Errorf("got %v, want %s", err, c.code)
					}
				}
				if h.provider.asked() > 1 {
					t.Errorf("a known failure was tried %d times", h.provider.asked())
				}
				h.wantState("c", hub.StateConnected, "")
				h.mustVend("c")
			})
		})
	}
}

// TestUnexpectedRotation: a refresh token that came unannounced is not lost.
func TestUnexpectedRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.narrows()
		h.provider.keepToken = false
		if _, err := h.vendNarrow("a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(life)
		h.mustVend("c")
	})
}

func TestPauseForgetsNarrowedTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.narrows()
		h.provider.before = taking(time.Second)
		done := make(chan *hub.Error, 1)
		go func() { _, err := h.vendNarrow("a"); done <- err }()
		time.Sleep(100 * time.Millisecond)
		h.Pause(t.Context())
		if err := <-done; err != nil {
			t.Errorf("who was being served got %v", err)
		}
		if len(h.narrowed) != 0 {
			t.Error("tokens are left in memory")
		}
		if _, err := h.vendNarrow("a"); err == nil || err.Code != hub.CodeLocked {
			t.Errorf("while paused: %v", err)
		}
		h.connect("old", -time.Minute)
		if _, err := h.vend("old"); err == nil || err.Code != hub.CodeLocked {
			t.Errorf("a refresh while paused: %v", err)
		}
		h.Resume()
		if _, err := h.vendNarrow("a"); err != nil {
			t.Error(err)
		}
		h.mustVend("old")
	})
}

func TestTokensForOneAudience(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.narrows()
		h.resolver.descriptor.NarrowsAudience = true
		jwt := func(aud string) secret.Value {
			return secret.New("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":`+aud+`}`)) + ".sig")
		}
		vend := func(audience string, scopes ...string) (*hub.Vended, *hub.Error) {
			return h.vendReq(hub.VendRequest{Connection: "c", Audience: audience, Scopes: scopes, Caller: "app_1"})
		}
		whole := h.mustVend("c")
		x, err := vend("https://x")
		if err != nil || x.Audience != "https://x" || h.provider.last().Audience != "https://x" {
			t.Fatalf("got %+v, %v", x, err)
		}
		y, err := vend("https://y")
		if err != nil || y.AccessToken.Equal(x.AccessToken) || y.AccessToken.Equal(whole.AccessToken) {
			t.Errorf("another audience: %+v, %v", y, err)
		}
		if less, err := vend("https://x", "a"); err != nil || less.AccessToken.Equal(x.AccessToken) || !slices.Equal(less.Scopes, []string{"a"}) {
			t.Errorf("fewer scopes for the same audience: %+v, %v", less, err)
		}
		if again, err := vend("https://x"); err != nil || !again.AccessToken.Equal(x.AccessToken) {
			t.Errorf("again: %v", err)
		}
		if again := h.mustVend("c"); !again.AccessToken.Equal(whole.AccessToken) || again.Audience != "" {
			t.Error("the connection's own token was touched")
		}
		for i, aud := range []string{`"https://x"`, `["https://x","https://y"]`, `"https://y"`, `["https://y"]`} {
			h.provider.answer = func(a *hub.TokenAnswer) { a.Tokens.AccessToken = jwt(aud) }
			_, err := h.vendReq(hub.VendRequest{Connection: "c", Audience: "https://x", Caller: "app_1", Force: true})
			if (err == nil) != (i == 0) {
				t.Errorf("a token for %s when asked for x: %v", aud, err)
			}
			time.Sleep(narrowPause)
		}
		h.provider.answer = nil
		h.provider.before = taking(time.Second)
		late := make(chan *hub.Error)
		go func() { _, err := vend("https://z"); late <- err }()
		time.Sleep(100 * time.Millisecond)
		if _, err := h.DisconnectAs(t.Context(), "user", "c", hub.GrantKeep); err != nil {
			t.Fatal(err)
		}
		if err := <-late; err == nil {
			t.Error("a token came after the connection had ended")
		}
		if len(h.narrowed) != 0 {
			t.Error("tokens of a connection that ended are left in memory")
		}
	})
}

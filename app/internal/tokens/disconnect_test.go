// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func (h *house) disconnect(id string, grant hub.GrantChoice) hub.Revocation {
	h.t.Helper()
	rev, err := h.DisconnectAs(context.Background(), "user", id, grant)
	if err != nil {
		h.t.Fatal(err)
	}
	return rev
}

func (h *house) wantGone(id string) {
	h.t.Helper()
	if _, err := h.conns.Get(context.Background(), id); !errors.Is(err, hub.ErrNotFound) {
		h.t.Errorf("the connection is still there (%v)", err)
	}
	if _, err := h.conns.Tokens(context.Background(), id); !errors.Is(err, hub.ErrNotFound) {
		h.t.Errorf("its tokens are still there (%v)", err)
	}
}

func TestDisconnectRevokesTheRefreshTokenFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour, func(_ *hub.Connection, s *hub.TokenSet) {
			s.Named = map[string]hub.NamedToken{"user": {AccessToken: secret.New("named-access")}}
		})
		rev := h.disconnect("c", hub.GrantKeep)
		if rev.Reach != hub.ReachToken || !strings.Contains(rev.Message, "revoked at Acme") {
			t.Errorf("got %+v", rev)
		}
		if !slices.Equal(h.provider.revocations(), []string{"refresh-1", "access-1", "named-access"}) {
			t.Errorf("revoked %v", h.provider.revocations())
		}
		h.wantGone("c")
		h.mustFail("c", hub.CodeNotInstalled)
		if n := h.bus.count(hub.EventDisconnected); n != 1 {
			t.Errorf("%d events", n)
		}
		if e := h.auditor.entries; e[0].Action != hub.AuditDisconnect || e[1].Action != hub.AuditRevoke || e[1].Reach != hub.ReachToken {
			t.Errorf("audited %+v", e[:2])
		}
		if _, err := h.DisconnectAs(t.Context(), "user", "c", hub.GrantKeep); hub.AsError(err).Code != hub.CodeNotFound {
			t.Errorf("again: %v", err)
		}
	})
}

func TestRevokeReachesNoOtherConnection(t *testing.T) {
	same := func(c *hub.Connection, _ *hub.TokenSet) { c.Account.Subject = "octocat" }
	for _, c := range []struct {
		name    string
		other   func(*hub.Connection, *hub.TokenSet)
		allow   hub.GrantChoice
		revoked bool
	}{
		{"another account", func(*hub.Connection, *hub.TokenSet) {}, hub.GrantKeep, true},
		{"same account", same, hub.GrantKeep, false},
		{"same account, allowed", same, hub.GrantRevoke, true},
		{"same account, other client", func(c *hub.Connection, s *hub.TokenSet) { same(c, s); c.ClientID = "other" }, hub.GrantKeep, true},
		{"same account, other integration", func(c *hub.Connection, s *hub.TokenSet) { same(c, s); c.Integration = "other" }, hub.GrantKeep, false},
		{"same account, not in use", func(c *hub.Connection, s *hub.TokenSet) { same(c, s); c.State = hub.StateNeedsReauthorization }, hub.GrantKeep, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.resolver.descriptor.Revoke, h.resolver.descriptor.RevokesGrant = hub.ReachGrant, true
				h.connect("c", time.Hour, same)
				h.connect("other", time.Hour, c.other)
				rev := h.disconnect("c", c.allow)
				if got := rev.Reach == hub.ReachGrant && len(h.provider.revocations()) == 1; got != c.revoked {
					t.Errorf("revoked %v: %+v", h.provider.revocations(), rev)
				}
				if !c.revoked && (len(h.provider.revocations()) > 0 || !strings.Contains(rev.Message, "another connection")) {
					t.Errorf("revoked %v: %+v", h.provider.revocations(), rev)
				}
				h.wantGone("c")
			})
		})
	}
}

// TestSharedGrantIsAQuestion: nothing happens before it is answered.
func TestSharedGrantIsAQuestion(t *testing.T) {
	same := func(c *hub.Connection, _ *hub.TokenSet) { c.Account.Subject, c.Account.Login = "octocat", "octocat" }
	ask := func(t *testing.T, prepare func(*house), then func(*house, hub.Revocation, *hub.Error)) {
		inBubble(t, func(t *testing.T, h *house) {
			h.resolver.descriptor.Revoke, h.resolver.descriptor.RevokesGrant = hub.ReachGrant, true
			h.connect("c", time.Hour, same)
			h.connect("other", time.Hour, same)
			prepare(h)
			rev, err := h.DisconnectAs(t.Context(), "user", "c", hub.GrantAsk)
			then(h, rev, hub.AsError(err))
		})
	}
	t.Run("asked", func(t *testing.T) {
		ask(t, func(*house) {}, func(h *house, _ hub.Revocation, err *hub.Error) {
			if err == nil || err.Code != hub.CodeGrantShared || len(err.Choices) != 1 || err.Choices[0] != (hub.Choice{Connection: "other", Account: "octocat"}) || err.Remedy == "" {
				t.Fatalf("got %+v", err)
			}
			if conn, _ := h.stored("c"); conn.State != hub.StateConnected || len(h.provider.revocations()) != 0 || len(h.auditor.entries) != 0 {
				t.Errorf("it is %s before anybody said so; revoked %v", conn.State, h.provider.revocations())
			}
			h.mustVend("c")
		})
	})
	for name, prepare := range map[string]func(*house){
		"nobody shares it": func(h *house) { h.disconnect("other", hub.GrantKeep) },
		"a narrower one":   func(h *house) { h.resolver.descriptor.Revoke = hub.ReachToken },
		"none at all":      func(h *house) { h.resolver.descriptor.Revoke = hub.ReachNone },
	} {
		t.Run(name, func(t *testing.T) {
			ask(t, prepare, func(h *house, _ hub.Revocation, err *hub.Error) {
				if err != nil {
					t.Fatalf("asked: %v", err)
				}
				h.wantGone("c")
			})
		})
	}
}

// TestGrantEndedForAll: the others need their user at once, and give no token.
func TestGrantEndedForAll(t *testing.T) {
	same := func(c *hub.Connection, _ *hub.TokenSet) { c.Account.Subject = "octocat" }
	for name, narrowest := range map[string]hub.Reach{"the only way": hub.ReachGrant, "asked for": hub.ReachToken} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.resolver.descriptor.Revoke, h.resolver.descriptor.RevokesGrant = narrowest, true
				h.connect("c", time.Hour, same)
				h.connect("other", time.Hour, same)
				h.connect("stranger", time.Hour)
				if rev := h.disconnect("c", hub.GrantRevoke); rev.Reach != hub.ReachGrant {
					t.Fatalf("revoked %+v", rev)
				}
				if conn, _ := h.stored("other"); conn.State != hub.StateNeedsReauthorization || conn.Reason != hub.ReasonRevoked {
					t.Errorf("the other one is %s (%s)", conn.State, conn.Reason)
				}
				h.mustFail("other", hub.CodeNeedsReauthorization)
				h.mustVend("stranger")
				if n := h.bus.count(hub.EventNeedsReauthorization); n != 1 {
					t.Errorf("%d events", n)
				}
			})
		})
	}
}

// TestGrantEndedDuringARefresh: whatever the other connection's refresh does
// meanwhile, what it brings is of the authorization that has ended.
func TestGrantEndedDuringARefresh(t *testing.T) {
	same := func(c *hub.Connection, _ *hub.TokenSet) { c.Account.Subject = "octocat" }
	prepare := func(h *house) {
		h.resolver.descriptor.Revoke, h.resolver.descriptor.RevokesGrant = hub.ReachGrant, true
		h.connect("c", time.Hour, same)
		h.connect("other", time.Hour, same)
	}
	t.Run("it lands in between", func(t *testing.T) {
		inBubble(t, func(t *testing.T, h *house) {
			prepare(h)
			var reading atomic.Bool
			h.store.afterReading(func(ref hub.Ref) {
				if ref == (hub.Ref{Kind: hub.KindTokens, ID: "other"}) && reading.CompareAndSwap(false, true) {
					defer reading.Store(false)
					h.edit("other", func(t *hub.Tokens) { t.Generation++ })
				}
			})
			h.disconnect("c", hub.GrantRevoke)
			h.wantState("other", hub.StateNeedsReauthorization, hub.ReasonRevoked)
		})
	})
	t.Run("it lands afterwards", func(t *testing.T) {
		inBubble(t, func(t *testing.T, h *house) {
			prepare(h)
			h.provider.after = taking(5 * time.Second)
			go func() { _, _ = h.vendReq(hub.VendRequest{Connection: "other", Caller: "app_1", Force: true}) }()
			synctest.Wait()
			h.disconnect("c", hub.GrantRevoke)
			time.Sleep(10 * time.Second)
			h.wantState("other", hub.StateNeedsReauthorization, hub.ReasonRevoked)
			h.mustFail("other", hub.CodeNeedsReauthorization)
			if n := h.bus.count(hub.EventNeedsReauthorization); n != 1 {
				t.Errorf("%d events", n)
			}
		})
	})
	t.Run("a new authorization", func(t *testing.T) {
		inBubble(t, func(t *testing.T, h *house) {
			prepare(h)
			h.provider.revoke = func(hub.RevokeRequest) (hub.Reach, error) {
				time.Sleep(time.Second)
				h.provider.mu.Unlock() // it answers while the user is at it
				h.connect("other", time.Hour, same, func(_ *hub.Connection, s *hub.TokenSet) { s.IssuedAt = h.clock.now().Round(0) })
				h.provider.mu.Lock()
				return hub.ReachGrant, nil
			}
			h.disconnect("c", hub.GrantRevoke)
			h.wantState("other", hub.StateConnected, "")
			h.mustVend("other")
		})
	})
}

// TestGrantEndedInTheBackground: the others live until the provider has ended
// the authorization, and no longer.
func TestGrantEndedInTheBackground(t *testing.T) {
	same := func(c *hub.Connection, _ *hub.TokenSet) { c.Account.Subject = "octocat" }
	inBubble(t, func(t *testing.T, h *house) {
		h.resolver.descriptor.Revoke, h.resolver.descriptor.RevokesGrant = hub.ReachGrant, true
		h.connect("c", time.Hour, same)
		h.connect("other", time.Hour, same)
		h.provider.revoke = func(hub.RevokeRequest) (hub.Reach, error) { return "", unavailable() }
		if rev := h.disconnect("c", hub.GrantRevoke); !rev.Pending {
			t.Fatalf("got %+v", rev)
		}
		h.mustVend("other")
		h.close()
		h.start() // also after a restart
		h.provider.script(func(p *provider) { p.revoke = nil })
		defer h.run()()
		time.Sleep(2 * time.Minute)
		h.wantState("other", hub.StateNeedsReauthorization, hub.ReasonRevoked)
		if n := h.bus.count(hub.EventNeedsReauthorization); n != 1 || h.bus.count(hub.EventRevoked) != 1 {
			t.Errorf("events %+v", h.bus.all)
		}
	})
}

func TestDisconnectWhenTheProviderCannot(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*house)
		says string
	}{
		"refuses": {func(h *house) {
			h.provider.revoke = func(hub.RevokeRequest) (hub.Reach, error) { return "", invalidGrant() }
		}, "did not revoke"},
		"refresh tokens only": {func(h *house) {
			h.provider.revoke = func(r hub.RevokeRequest) (hub.Reach, error) {
				if !r.Refresh {
					return "", &hub.ProviderError{Class: hub.ProviderUnsupported}
				}
				return hub.ReachToken, nil
			}
		}, "its token was revoked"},
		"no revocation": {func(h *house) { h.resolver.descriptor.Revoke = hub.ReachNone }, "no way to revoke"},
		"no revocation, why": {func(h *house) {
			h.resolver.descriptor.Capabilities, h.resolver.descriptor.RevokeNote = nil, "See acme.example/apps."
		}, "See acme.example/apps."},
		"no plugin": {func(h *house) {
			h.resolver.err = &hub.Error{Code: hub.CodeIntegrationNotConfigured, Message: "it is not set up any more"}
		}, "it is not set up any more"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.connect("c", time.Hour)
				c.set(h)
				if rev := h.disconnect("c", hub.GrantKeep); !strings.Contains(rev.Message, c.says) {
					t.Errorf("it says %q", rev.Message)
				}
				h.wantGone("c")
			})
		})
	}
}

// TestDisconnectDuringARefresh: what the refresh brings is revoked, and the
// connection stays gone.
// TestRefusalIsNotHiddenByAnotherKind: where the provider refuses to revoke one
// token, the other kinds that it does not revoke at all do not make that good.
func TestRefusalIsNotHiddenByAnotherKind(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour, func(_ *hub.Connection, s *hub.TokenSet) {
			s.Named = map[string]hub.NamedToken{"user": {AccessToken: secret.New("named-access"), RefreshToken: secret.New("named-refresh")}}
		})
		h.provider.revoke = func(r hub.RevokeRequest) (hub.Reach, error) {
			switch {
			case !r.Refresh:
				return "", &hub.ProviderError{Class: hub.ProviderUnsupported}
			case r.Token.Reveal() == "named-refresh":
				return "", &hub.ProviderError{Class: hub.ProviderMisconfigured, Message: "the client may not"}
			}
			return hub.ReachToken, nil
		}
		if rev := h.disconnect("c", hub.GrantKeep); !strings.Contains(rev.Message, "revoked a part of its tokens") {
			t.Errorf("got %+v", rev)
		}
	})
}

func TestDisconnectDuringARefresh(t *testing.T) {
	for name, takes := range map[string]time.Duration{"soon over": 2 * time.Second, "hung": 35 * time.Second} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.connect("c", -time.Minute)
				h.provider.after = taking(takes)
				failed := make(chan *hub.Error)
				go func() {
					_, err := h.vend("c")
					failed <- err
				}()
				synctest.Wait()
				begin := time.Now()
				h.disconnect("c", hub.GrantKeep)
				if d := time.Since(begin); d != min(takes, flightPatience) {
					t.Errorf("the disconnect took %v", d)
				}
				h.mustFail("c", hub.CodeNotInstalled)
				if err := <-failed; err == nil || err.Code != hub.CodeNotInstalled {
					t.Errorf("the caller of the refresh got %v", err)
				}
				synctest.Wait()
				h.wantGone("c")
				if h.provider.accepts("access-2") || !slices.Contains(h.provider.revocations(), "refresh-2") {
					t.Errorf("revoked only %v; what came late still works", h.provider.revocations())
				}
				if h.bus.count(hub.EventRefreshed)+h.bus.count(hub.EventNeedsReauthorization) != 0 || h.bus.count(hub.EventDisconnected) != 1 {
					t.Errorf("events %+v", h.bus.all)
				}
			})
		})
	}
}

// TestRefusalDuringADisconnect must not bring the connection back to ask for
// its user.
func TestRefusalDuringADisconnect(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.before = func(ctx context.Context, call int) error {
			_ = taking(2*time.Second)(ctx, call)
			return invalidGrant()
		}
		go func() { _, _ = h.vend("c") }()
		synctest.Wait()
		h.disconnect("c", hub.GrantKeep)
		h.wantGone("c")
		if h.bus.count(hub.EventNeedsReauthorization) != 0 {
			t.Error("the user was called for a connection that he ended")
		}
	})
}

func TestUnusedTokensOfALiveAccountKeepItsGrant(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		conn, _ := h.stored("c")
		h.resolver.descriptor.Revoke = hub.ReachGrant
		h.RevokeUnused(t.Context(), conn, hub.TokenSet{AccessToken: secret.New("unused")})
		if len(h.provider.revocations()) != 0 {
			t.Errorf("revoked %v, and with it the live connection", h.provider.revocations())
		}
		h.resolver.descriptor.Revoke = hub.ReachToken
		h.RevokeUnused(t.Context(), conn, hub.TokenSet{AccessToken: secret.New("unused")})
		if !slices.Equal(h.provider.revocations(), []string{"unused"}) {
			t.Errorf("revoked %v", h.provider.revocations())
		}
	})
}

func TestDisconnectCutShortIsFinishedByTheNextRun(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		if _, err := h.condemn(t.Context(), "user", "c", false); err != nil {
			t.Fatal(err)
		}
		h.mustFail("c", hub.CodeNotInstalled)
		stop := h.run()
		defer stop()
		time.Sleep(2 * time.Minute)
		h.wantGone("c")
		if h.provider.accepts("access-1") {
			t.Error("it was not revoked")
		}
	})
}

// TestRevocationOutlivesOutageAndRestart: the account is gone at once, its
// tokens are revoked when the provider is back, the refresh token first.
func TestRevocationOutlivesOutageAndRestart(t *testing.T) {
	for name, trouble := range map[string]func(*house){
		"provider down": func(h *house) {
			h.provider.revoke = func(hub.RevokeRequest) (hub.Reach, error) { return "", unavailable() }
		},
		"plugin missing": func(h *house) {
			h.resolver.err = &hub.Error{Code: hub.CodePluginUnavailable, Message: "its plugin is missing"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *house) {
				h.connect("c", time.Hour)
				trouble(h)
				rev := h.disconnect("c", hub.GrantKeep)
				if !rev.Pending || rev.Reach != hub.ReachNone || !strings.Contains(rev.Message, "as soon as") {
					t.Errorf("got %+v", rev)
				}
				h.wantGone("c")
				stop := h.run()
				time.Sleep(24 * time.Hour)
				stop()
				if n := len(h.provider.revocations()); n > 2*40 {
					t.Errorf("%d tries in a day", n)
				}
				h.close()
				h.start() // the hub is started again, and all is well
				h.provider.script(func(p *provider) { p.revoke, p.revoked = nil, nil })
				h.resolver.err = nil
				defer h.run()()
				time.Sleep(maxRevokeDelay + 2*revokeLookEvery)
				if !slices.Equal(h.provider.revocations(), []string{"refresh-1", "access-1"}) {
					t.Errorf("revoked %v", h.provider.revocations())
				}
				if e := h.auditor.last(); e.Action != hub.AuditRevoke || e.Decision != hub.AuditAllowed || e.Reach != hub.ReachToken || e.App != "user" || e.Connection != "c" {
					t.Errorf("audited as %+v", e)
				}
				if h.bus.count(hub.EventDisconnected) != 1 || h.bus.count(hub.EventRevoked) != 1 {
					t.Errorf("events %+v", h.bus.all)
				}
				time.Sleep(24 * time.Hour)
				if n := len(h.provider.revocations()); n != 2 {
					t.Errorf("revoked again: %v", h.provider.revocations())
				}
			})
		})
	}
}

func TestWhatWasRevokedIsNotRevokedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		h.provider.revoke = func(r hub.RevokeRequest) (hub.Reach, error) {
			if r.Refresh {
				return hub.ReachToken, nil
			}
			return "", unavailable()
		}
		if rev := h.disconnect("c", hub.GrantKeep); !rev.Pending {
			t.Errorf("got %+v", rev)
		}
		h.provider.script(func(p *provider) { p.revoke, p.revoked = nil, nil })
		defer h.run()()
		time.Sleep(2 * time.Minute)
		if !slices.Equal(h.provider.revocations(), []string{"access-1"}) {
			t.Errorf("revoked %v", h.provider.revocations())
		}
	})
}

func TestRevocationGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		h.provider.revoke = func(hub.RevokeRequest) (hub.Reach, error) { return "", unavailable() }
		h.disconnect("c", hub.GrantKeep)
		defer h.run()()
		time.Sleep(revokeGivesUp + maxRevokeDelay)
		if e := h.auditor.last(); e.Action != hub.AuditRevoke || e.Decision != hub.AuditFailed || e.Code != hub.CodeProviderUnavailable {
			t.Errorf("audited as %+v", e)
		}
		tries := len(h.provider.revocations())
		time.Sleep(revokeGivesUp)
		if len(h.provider.revocations()) != tries || h.bus.count(hub.EventRevoked) != 1 {
			t.Errorf("it goes on: %d tries, then %d", tries, len(h.provider.revocations()))
		}
	})
}

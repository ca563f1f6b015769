// SPDX-License-Identifier: Apache-2.0

package connect_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

var (
	notYet   = &hub.ProviderError{Class: hub.ProviderTemporary, ProviderCode: "authorization_pending"}
	slowDown = &hub.ProviderError{Class: hub.ProviderTemporary, ProviderCode: "slow_down", SlowDown: true}
	offline  = &hub.ProviderError{Class: hub.ProviderTemporary, Message: "no network"}
)

// script answers polls one after the other, the last one for ever, and notes
// when each came.
func (h *house) script(answers ...any) *[]time.Duration {
	began := time.Now()
	var at []time.Duration
	h.poll = func(r hub.PollDeviceRequest) (hub.TokenAnswer, error) {
		if r.DeviceCode.Reveal() != "device" {
			h.t.Error("the device code is not the provider's")
		}
		at = append(at, time.Since(began))
		next := answers[min(len(at), len(answers))-1]
		if err, failed := next.(error); failed {
			return hub.TokenAnswer{}, err
		}
		return next.(hub.TokenAnswer), nil
	}
	return &at
}

func device(access string) hub.TokenAnswer {
	return hub.TokenAnswer{Tokens: hub.TokenSet{AccessToken: secret.New(access), RefreshToken: secret.New("rt-" + access), Scopes: []string{"read", "write"}}}
}

// TestDeviceFlow: pending, a network that fails and slow_down are waited
// through, each slow_down for five seconds more.
func TestDeviceFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		at := h.script(notYet, offline, slowDown, notYet, device("at-device"))
		f, _ := h.start(hub.StartFlow{Device: true})
		if f.Kind != hub.FlowDevice || f.Device.UserCode != "WDJB-MJHT" || f.AuthorizationURL != "" || !f.ExpiresAt.Equal(h.now.Add(5*time.Minute)) {
			t.Fatalf("the flow is %+v, %+v", f, f.Device)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second, 25 * time.Second, 35 * time.Second}
		if len(*at) != len(want) {
			t.Fatalf("polled at %v, want %v", *at, want)
		}
		for i := range want {
			if (*at)[i] != want[i] {
				t.Errorf("poll %d at %v, want %v", i+1, (*at)[i], want[i])
			}
		}
		f, err := h.Get(context.Background(), f.ID)
		if err != nil || f.State != hub.FlowConfirm || f.Account.Login != "ada" || f.Device != nil || len(f.MissingScopes) != 0 {
			t.Fatalf("after the answer: %+v, %v", f, err)
		}
		if _, err := h.Confirm(context.Background(), f.ID, hub.InitiatorUI, false); err != nil {
			t.Fatal(err)
		}
		if c := h.connected(); len(c) != 1 || c[0].Account.Subject != "1" {
			t.Errorf("connections: %+v", c)
		}
	})
}

// TestDeviceFlowEnds: a refusal, a cancel and an expired code end the polling,
// and what comes too late is revoked.
func TestDeviceFlowEnds(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			at := h.script(&hub.ProviderError{Class: hub.ProviderDenied})
			f, _ := h.start(hub.StartFlow{Device: true})
			time.Sleep(time.Minute)
			f, err := h.Get(context.Background(), f.ID)
			if err != nil || f.State != hub.FlowFailed || f.Error.Code != hub.CodeUserDenied || len(*at) != 1 {
				t.Errorf("%+v, %v after %d polls", f, err, len(*at))
			}
		})
	})
	t.Run("cancelled during a poll", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			id := make(chan string, 1)
			h.poll = func(hub.PollDeviceRequest) (hub.TokenAnswer, error) {
				if err := h.Cancel(context.Background(), <-id); err != nil {
					t.Error(err)
				}
				return device("at-late"), nil
			}
			f, _ := h.start(hub.StartFlow{Device: true})
			id <- f.ID
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(h.revoked) != 1 || h.revoked[0] != "at-late" || len(h.connected()) != 0 {
				t.Errorf("revoked %q, connected %d", h.revoked, len(h.connected()))
			}
		})
	})
	t.Run("the hub stops", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			at := h.script(notYet)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- h.Run(ctx) }()
			h.start(hub.StartFlow{Device: true})
			time.Sleep(6 * time.Second)
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			if len(*at) != 1 {
				t.Errorf("polled %d times, the last ones after Run had ended", len(*at))
			}
		})
	})
}

// TestPaste: the address that a user carries over is checked as the callback is.
func TestPaste(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	mine, q := h.start(hub.StartFlow{})
	_, other := h.start(hub.StartFlow{})
	redirect := q.Get("redirect_uri")
	for _, bad := range []string{
		"", "nonsense", redirect, "http://127.0.0.1:4780/connected/x?state=" + q.Get("state"),
		"https://evil.test/callback/p?code=c&state=" + q.Get("state"),
		"http://127.0.0.1:4780/callback/q?code=c&state=" + q.Get("state"),
		redirect + "?code=c&state=guess", redirect + "?code=c&state=" + other.Get("state"),
	} {
		if _, err := h.Paste(ctx, mine.ID, bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
	if len(h.exchanged) != 0 {
		t.Fatal("a wrong address reached the provider")
	}
	address := redirect + "?code=c0de&state=" + q.Get("state")
	f, err := h.Paste(ctx, mine.ID, "  \""+address+"\"\n")
	if err != nil || f.State != hub.FlowConfirm {
		t.Fatalf("%+v, %v", f, err)
	}
	if _, err := h.Paste(ctx, mine.ID, address); err == nil {
		t.Error("the same address worked twice")
	}
}

// TestUpgrade: a reauthorization may ask for more, keeps asking for it, and
// keeps the refresh token where the provider gives no new one.
func TestUpgrade(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	connect := func(r hub.StartFlow) *hub.Connection {
		t.Helper()
		f, q := h.start(r)
		if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
			t.Fatal(err)
		}
		f, err := h.Confirm(ctx, f.ID, hub.InitiatorUI, false)
		if err != nil {
			t.Fatal(err)
		}
		c, err := h.conns.Get(ctx, f.Connection)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := connect(hub.StartFlow{})
	if !h.asked[0].NeedRefreshToken {
		t.Error("a first connect does not ask for a refresh token")
	}
	if _, err := h.Start(ctx, hub.StartFlow{Integration: "p", Owner: hub.Me, Initiator: hub.InitiatorUI, Scopes: []string{"a b"}}); err == nil {
		t.Error("a scope with a space was accepted")
	}
	h.noRefresh = true
	up := connect(hub.StartFlow{Connection: first.ID, Scopes: []string{"admin"}})
	last := h.asked[len(h.asked)-1]
	if up.ID != first.ID || last.NeedRefreshToken || len(last.Scopes) != 3 || last.Scopes[2] != "admin" {
		t.Errorf("the upgrade asked with %+v", last)
	}
	tokens, err := h.conns.Tokens(ctx, up.ID)
	if err != nil || tokens.Current.RefreshToken.Reveal() != "rt-1" || tokens.Current.AccessToken.Reveal() != "at-2" {
		t.Errorf("after the upgrade: %v, %v", tokens.Current.RefreshToken.Reveal(), err)
	}
	if again := connect(hub.StartFlow{Connection: first.ID}); len(again.Requested) != 3 {
		t.Errorf("a further reauthorization asks for %q", again.Requested)
	}
	h.account.Subject = "2" // the refresh token of one account is never another's
	f, q := h.start(hub.StartFlow{Connection: first.ID})
	if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Confirm(ctx, f.ID, hub.InitiatorUI, true); err != nil {
		t.Fatal(err)
	}
	if tokens, err = h.conns.Tokens(ctx, first.ID); err != nil || !tokens.Current.RefreshToken.IsZero() {
		t.Errorf("another account got the refresh token: %v", err)
	}
}

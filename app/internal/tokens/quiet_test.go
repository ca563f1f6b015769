// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// mark takes a connection out of use as a move does.
func (h *house) mark(id string, reason hub.Reason) {
	h.t.Helper()
	err := h.conns.Update(context.Background(), func(tx *hub.ConnectionsTx) error {
		conn, err := tx.Connection(id)
		if err != nil {
			return err
		}
		conn.State, conn.Reason = hub.StateNeedsReauthorization, reason
		return tx.PutConnection(conn)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestQuiesce: what a refresh under way brings is stored when Quiesce returns,
// and none begins afterwards.
func TestQuiesce(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.after = taking(7 * time.Second)
		go func() { _, _ = h.vend("c") }()
		synctest.Wait()
		h.mark("c", hub.ReasonMoved)
		begin := time.Now()
		if err := h.Quiesce(t.Context(), []string{"c", "unknown"}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d != 7*time.Second {
			t.Errorf("it took %v", d)
		}
		toks, err := h.conns.Tokens(t.Context(), "c")
		if err != nil || toks.Current.RefreshToken.Reveal() != "refresh-2" || toks.Intent != nil {
			t.Errorf("stored: %+v, %v", toks, err)
		}
		conn, err := h.conns.Get(t.Context(), "c")
		if err != nil || conn.Reason != hub.ReasonMoved {
			t.Errorf("the connection: %+v, %v", conn, err)
		}
		h.mustFail("c", hub.CodeNeedsReauthorization)
		stop := h.run()
		time.Sleep(2 * life)
		stop()
		if n := h.provider.asked(); n != 1 {
			t.Errorf("the provider was asked %d times", n)
		}
	})
}

func TestQuiesceGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		h.provider.after = taking(30 * time.Second)
		go func() { _, _ = h.vend("c") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Quiesce(ctx, []string{"c"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestTokensElsewhereAreNotRevoked: whoever disconnects what was moved away
// must not end the access of the machine that has it now.
func TestTokensElsewhereAreNotRevoked(t *testing.T) {
	for _, reason := range []hub.Reason{hub.ReasonMoved, hub.ReasonRestored} {
		inBubble(t, func(t *testing.T, h *house) {
			h.connect("c", time.Hour)
			h.mark("c", reason)
			rev := h.disconnect("c", hub.GrantRevoke)
			if rev.Reach != hub.ReachNone || !strings.Contains(rev.Message, "another machine") || len(h.provider.revocations()) != 0 {
				t.Errorf("%s: %+v, revoked %v", reason, rev, h.provider.revocations())
			}
			h.wantGone("c")
		})
	}
}

// TestDisconnectElsewhereCutShort: the one that finishes a disconnect knows
// too.
func TestDisconnectElsewhereCutShort(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.connect("c", time.Hour)
		h.mark("c", hub.ReasonMoved)
		if _, err := h.condemn(t.Context(), "user", "c", false); err != nil {
			t.Fatal(err)
		}
		stop := h.run()
		defer stop()
		time.Sleep(2 * time.Minute)
		h.wantGone("c")
		if !h.provider.accepts("access-1") {
			t.Error("it was revoked")
		}
	})
}

// TestGrantInUseElsewhereIsKept: the connection of the same account that was
// moved away stands on the same grant.
func TestGrantInUseElsewhereIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		same := func(c *hub.Connection, _ *hub.TokenSet) { c.Account.Subject = "octocat" }
		h.resolver.descriptor.Revoke = hub.ReachGrant
		h.connect("moved", time.Hour, same)
		h.mark("moved", hub.ReasonMoved)
		h.connect("c", time.Hour, same)
		if rev := h.disconnect("c", hub.GrantKeep); len(h.provider.revocations()) != 0 {
			t.Errorf("revoked %v: %+v", h.provider.revocations(), rev)
		}
	})
}

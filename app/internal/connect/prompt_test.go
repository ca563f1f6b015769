// SPDX-License-Identifier: Apache-2.0

package connect_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// newAsking is a house whose plugin talks with the user while it exchanges.
func newAsking(t *testing.T, talk func(context.Context, hub.Prompter) error) *house {
	t.Helper()
	h := newHouse(t)
	h.onExchange = func(ctx context.Context, r hub.ExchangeRequest) error { return talk(ctx, r.Prompt) }
	return h
}

// TestPrompt: what a plugin asks lets the browser go, is shown to who began
// the flow, and its answer reaches the plugin.
func TestPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got hub.PromptAnswer
		h := newAsking(t, func(ctx context.Context, ask hub.Prompter) (err error) {
			if _, err = ask(ctx, hub.Prompt{Kind: hub.PromptMessage, Text: "wait"}); err == nil {
				got, err = ask(ctx, hub.Prompt{Kind: hub.PromptAsk, Text: "which?", Label: "Shop", Secret: true})
			}
			return err
		})
		_, q := h.start(hub.StartFlow{})
		f, err := h.back("/callback/p", code(q.Get("state")))
		if err != nil || f.State != hub.FlowWaiting || len(f.Prompts) != 2 || f.Prompts[1].Label != "Shop" || !f.Prompts[1].Secret {
			t.Fatalf("while the plugin asks: %+v, %v", f, err)
		}
		if f, err = h.Answer(t.Context(), f.ID, f.Prompts[1].ID, hub.PromptAnswer{Value: secret.New("mine")}); err != nil || len(f.Prompts) != 1 {
			t.Fatalf("after the answer: %+v, %v", f, err)
		}
		if _, err := h.Answer(t.Context(), f.ID, "prompt_other", hub.PromptAnswer{}); hub.AsError(err).Code != hub.CodeNotFound {
			t.Errorf("an answer to nothing: %v", err)
		}
		synctest.Wait()
		if f, err = h.Get(t.Context(), f.ID); err != nil || f.State != hub.FlowConfirm || len(f.Prompts) != 0 || got.Value.Reveal() != "mine" {
			t.Errorf("at the end: %+v, %v; the plugin got %q", f, err, got.Value.Reveal())
		}
	})
}

// TestPromptCancelled: cancelling the flow declines for the user, and what the
// provider gave all the same is revoked.
func TestPromptCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got hub.PromptAnswer
		h := newAsking(t, func(ctx context.Context, ask hub.Prompter) (err error) {
			got, err = ask(ctx, hub.Prompt{Kind: hub.PromptOpen, Text: "look", URL: "https://p.test/"})
			return err
		})
		_, q := h.start(hub.StartFlow{})
		f, err := h.back("/callback/p", code(q.Get("state")))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Cancel(t.Context(), f.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !got.Declined || len(h.revoked) != 1 {
			t.Errorf("answer %+v, revoked %v", got, h.revoked)
		}
	})
}

// TestPromptBounds: a plugin does not flood the user, and asks nobody who has
// no page to answer on.
func TestPromptBounds(t *testing.T) {
	var err error
	h := newAsking(t, func(ctx context.Context, ask hub.Prompter) error {
		for range 8 {
			if _, err := ask(ctx, hub.Prompt{Kind: hub.PromptMessage, Text: "hello"}); err != nil {
				t.Error(err)
			}
		}
		_, err = ask(ctx, hub.Prompt{Kind: hub.PromptMessage, Text: "once more"})
		return nil
	})
	_, q := h.start(hub.StartFlow{})
	if _, failed := h.back("/callback/p", code(q.Get("state"))); failed != nil || hub.AsError(err).Code != hub.CodePluginFailed {
		t.Errorf("the ninth prompt: %v, %v", err, failed)
	}
	var prompter hub.Prompter
	h = newHouse(t)
	h.onExchange = func(_ context.Context, r hub.ExchangeRequest) error { prompter = r.Prompt; return nil }
	_, q = h.start(hub.StartFlow{Initiator: hub.InitiatorLink})
	if _, err := h.back("/callback/p", code(q.Get("state"))); err != nil || prompter != nil {
		t.Errorf("the end user of a link is asked: %v, %v", prompter != nil, err)
	}
}

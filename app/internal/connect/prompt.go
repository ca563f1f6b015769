// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxPrompts bounds what a plugin may show and ask during one flow.
const maxPrompts = 8

// prompter lets the plugin of a flow talk with who began it. The end user of a
// connect link has no page of ours that could ask him.
func (e *Engine) prompter(f *flow) hub.Prompter {
	if f.Initiator == hub.InitiatorLink {
		return nil
	}
	return func(ctx context.Context, p hub.Prompt) (hub.PromptAnswer, error) {
		answer, err := e.put(f, p)
		if err != nil || p.Kind == hub.PromptMessage {
			return hub.PromptAnswer{}, err
		}
		select {
		case a := <-answer:
			return a, nil
		case <-f.over:
			// The call itself goes on: what the provider gave must be revoked.
			return hub.PromptAnswer{Declined: true}, nil
		case <-ctx.Done():
			return hub.PromptAnswer{}, context.Cause(ctx)
		}
	}
}

// put shows a prompt. The channel yields its answer.
func (e *Engine) put(f *flow, p hub.Prompt) (<-chan hub.PromptAnswer, error) {
	answer := make(chan hub.PromptAnswer, 1)
	e.mu.Lock()
	switch {
	case f.State != hub.FlowWaiting:
		e.mu.Unlock()
		return nil, expired()
	case f.prompted == maxPrompts:
		e.mu.Unlock()
		return nil, hub.Errorf(hub.CodePluginFailed, "the plugin asks too much: %d prompts are the limit of one flow", maxPrompts).
			WithRemedy("This is a bug of the plugin.")
	}
	f.prompted++
	p.ID = e.cfg.NewID("prompt")
	f.Prompts = append(slices.Clone(f.Prompts), p)
	if f.answers == nil {
		f.answers = map[string]chan hub.PromptAnswer{}
	}
	f.answers[p.ID] = answer
	if p.Kind != hub.PromptMessage {
		f.askOnce.Do(func() { close(f.asking) })
	}
	// Whoever is asked has the time of a new flow.
	f.ExpiresAt = e.cfg.Now().Add(flowLife)
	ev := e.changed(f)
	e.mu.Unlock()
	e.cfg.Publisher.Publish(ev)
	return answer, nil
}

// Answer takes what the user says to a prompt of a flow, and returns the flow
// as it left it, before the plugin went on. A message is taken away with it. An
// answer to a prompt that is not there any more is an error.
func (e *Engine) Answer(_ context.Context, id, prompt string, answer hub.PromptAnswer) (*hub.Flow, error) {
	f, err := e.lookup(id)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	to, ok := f.answers[prompt]
	if !ok {
		e.mu.Unlock()
		return nil, hub.Errorf(hub.CodeNotFound, "the plugin does not wait for this answer: it was given before, or the flow is over").
			WithRemedy("Look at the flow again; what is asked now stands there.")
	}
	delete(f.answers, prompt)
	f.Prompts = slices.DeleteFunc(slices.Clone(f.Prompts), func(p hub.Prompt) bool { return p.ID == prompt })
	to <- answer // buffered, and taken out of the map: it cannot block
	ev, now := e.changed(f), f.shown()
	e.mu.Unlock()
	e.cfg.Publisher.Publish(ev)
	return now, nil
}

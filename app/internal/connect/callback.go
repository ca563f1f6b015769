// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"crypto/sha256"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Expecting reports whether a flow waits for a callback on path. While none
// does, the path does not exist.
func (e *Engine) Expecting(path string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.states {
		if f.path == path && !f.spent {
			return true
		}
	}
	return false
}

// Callback takes the answer that the browser brought back from the provider
// and returns the id of the page that tells how it went. An error means that
// the answer belongs to no flow; nothing was sent to any provider then.
//
// The browser going away does not stop the exchange: the code is spent with
// the first try. Where the plugin asks the user for something, the browser is
// let go before the flow is over: what is asked stands where it was begun.
func (e *Engine) Callback(ctx context.Context, path string, q url.Values) (result string, err error) {
	f, err := e.claim(path, q)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flowLife)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		if failed := e.complete(ctx, f, q); failed != nil {
			e.cfg.Logger.Info("connect failed", "integration", f.Integration, "flow", f.ID, "code", failed.Code)
			e.fail(f, failed)
		}
	}()
	select {
	case <-done:
	case <-f.asking:
	}
	return f.result, nil
}

// claim finds the flow of a state parameter and spends the state.
func (e *Engine) claim(path string, q url.Values) (*flow, error) {
	if len(q["state"]) != 1 || len(q["code"]) > 1 || len(q["iss"]) > 1 || len(q["error"]) > 1 {
		return nil, hub.Errorf(hub.CodeFlowMismatch, "this answer does not belong to any attempt to connect").
			WithRemedy("Start again with Connect.")
	}
	e.mu.Lock()
	key := sha256.Sum256([]byte(q.Get("state")))
	f, ok := e.states[key]
	if !ok || f.spent || e.cfg.Now().After(f.ExpiresAt) {
		e.mu.Unlock()
		return nil, hub.Errorf(hub.CodeFlowMismatch, "this answer does not belong to any attempt to connect: it was used before, or is too old").
			WithRemedy("Start again with Connect.")
	}
	f.spent = true
	delete(e.states, key)
	if f.path == path {
		e.mu.Unlock()
		return f, nil
	}
	// The state of one integration came back on the path of another: that is
	// how a hostile authorization server makes a hub carry an honest server's
	// code to it (COAT). The flow is over.
	ev := e.failLocked(f, hub.Errorf(hub.CodeFlowMismatch, "the answer came back on the redirect URI of another integration").
		WithRemedy("Check which integration asked for it before you try again."))
	e.mu.Unlock()
	e.cfg.Publisher.Publish(ev)
	return nil, f.Error
}

// complete carries a claimed flow from the answer to its confirmation.
func (e *Engine) complete(ctx context.Context, f *flow, q url.Values) *hub.Error {
	name := f.resolved.Descriptor.Name
	// RFC 9207 section 2.4: before anything else, an error answer included.
	if iss := q.Get("iss"); f.issuer != "" && (iss != "" || f.issuerRequired) && iss != f.issuer {
		return hub.Errorf(hub.CodeFlowMismatch, "the answer names another issuer than %s", name).
			WithRemedy("Check which integration asked for it before you try again.")
	}
	if code := q.Get("error"); code != "" {
		return answerError(code, q.Get("error_description"), name)
	}
	if q.Get("code") == "" {
		return hub.Errorf(hub.CodeProviderRefused, "%s sent the browser back without a code", name).
			WithRemedy("Start again with Connect.")
	}
	params := map[string]string{}
	for k, v := range q {
		if len(v) == 1 && k != "code" && k != "state" && len(params) < 32 {
			params[k] = v[0]
		}
	}
	answer, err := e.cfg.Providers.Exchange(ctx, f.resolved.Target, hub.ExchangeRequest{
		Code: secret.New(q.Get("code")), CodeVerifier: secret.New(f.verifier), RedirectURI: f.resolved.RedirectURI,
		Nonce: f.nonce, Scopes: f.resolved.Scopes, Params: params, Prompt: e.prompter(f),
	})
	if err != nil {
		return public(err, name)
	}
	return e.received(ctx, f, answer)
}

// received carries a flow from its tokens to its confirmation.
func (e *Engine) received(ctx context.Context, f *flow, answer hub.TokenAnswer) *hub.Error {
	p := &pending{tokens: answer.Tokens, granted: answer.Tokens.Granted()}
	if failed := e.identify(ctx, f, &answer, p); failed != nil {
		e.discard(ctx, f, p)
		return failed
	}
	if p.granted == nil {
		p.granted = slices.Clone(f.resolved.Scopes) // RFC 6749 section 5.1: not said means as asked
	}
	if err := e.savePending(ctx, f, p); err != nil {
		e.discard(ctx, f, p)
		return hub.AsError(err)
	}
	return e.arrived(ctx, f, p)
}

// identify finds out whose tokens came back.
func (e *Engine) identify(ctx context.Context, f *flow, answer *hub.TokenAnswer, p *pending) *hub.Error {
	if answer.Account != nil {
		p.account = *answer.Account
		return nil
	}
	if !f.resolved.Descriptor.Can(hub.CanIdentify) {
		return nil
	}
	id, err := e.cfg.Providers.Identify(ctx, f.resolved.Target, hub.IdentifyRequest{
		AccessToken: answer.Tokens.AccessToken, IDToken: answer.Tokens.IDToken, Metadata: maps.Clone(answer.Tokens.Metadata), Prompt: e.prompter(f),
	})
	if err != nil {
		return public(err, f.resolved.Descriptor.Name)
	}
	p.account = id.Account
	if id.Scopes != nil && p.granted == nil {
		p.granted = id.Scopes
	}
	return nil
}

// arrived shows the account to the initiator, or finishes where the initiator
// confirms by itself.
func (e *Engine) arrived(ctx context.Context, f *flow, p *pending) *hub.Error {
	e.mu.Lock()
	if f.State != hub.FlowWaiting { // cancelled meanwhile
		e.mu.Unlock()
		e.discard(ctx, f, p)
		return nil
	}
	f.State, f.pending, f.verifier = hub.FlowConfirm, p, ""
	f.Prompts, f.answers = nil, nil
	account := p.account // a pointer into p would keep its tokens in memory as long as the flow
	f.Account, f.Scopes = &account, p.granted
	f.MissingScopes = hub.MissingScopes(f.resolved.Scopes, p.granted)
	f.ExpiresAt = e.cfg.Now().Add(flowLife)
	if f.target != nil && !f.target.Account.Same(p.account) {
		f.Replaces = &f.target.Account
	}
	selfConfirm := f.Initiator == hub.InitiatorCLI && f.Replaces == nil
	ev := e.changed(f)
	e.mu.Unlock()
	e.cfg.Publisher.Publish(ev)
	if !selfConfirm {
		return nil
	}
	if _, err := e.Confirm(ctx, f.ID, hub.InitiatorCLI, false); err != nil {
		return hub.AsError(err)
	}
	return nil
}

// answerError puts an error answer of RFC 6749 section 4.1.2.1 into words. The
// provider's text is shown, cut and without control characters.
func answerError(code, description, provider string) *hub.Error {
	code, description = clean(code, 64), clean(description, 200)
	if code == "access_denied" {
		return hub.Errorf(hub.CodeUserDenied, "the access was refused at %s", provider).
			WithRemedy("Connect again and confirm at the provider.")
	}
	text := code
	if description != "" {
		text += ": " + description
	}
	err := hub.Errorf(hub.CodeProviderRefused, "%s answered with an error: %s", provider, text)
	switch code {
	case "temporarily_unavailable", "server_error":
		return err.WithRemedy("Try again in a while.")
	case "redirect_uri_mismatch", "invalid_scope", "unauthorized_client", "invalid_request":
		return err.WithRemedy("Check the integration's settings: its redirect URI and scopes must be registered at %s.", provider)
	}
	return err.WithRemedy("Start again with Connect.")
}

// clean cuts text from outside and takes its control characters away.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ' {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return s
}

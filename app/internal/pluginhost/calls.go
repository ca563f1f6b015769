// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
	"github.com/standpipe/standpipe/sdk/wire"
)

// How a call finds out that a process hangs rather than its provider.
const (
	watchEvery = 5 * time.Second
	aliveLimit = 2 * time.Second
)

// Authorize implements hub.Providers. It sends the client secret where it is
// asked to, for a request that is pushed, and no secret otherwise.
func (h *Host) Authorize(ctx context.Context, t hub.Target, r hub.AuthorizeRequest) (hub.AuthorizeResponse, error) {
	req := &sdk.AuthorizeRequest{
		Target: h.sdkTarget(t), RedirectURI: r.RedirectURI, State: r.State, Nonce: r.Nonce, CodeChallenge: r.CodeChallenge,
		Scopes: r.Scopes, LoginHint: r.LoginHint, SelectAccount: r.SelectAccount, Reconnect: r.Reconnect, NeedRefreshToken: r.NeedRefreshToken,
		Audiences: r.Audiences,
	}
	var secrets []secret.Value
	if r.WithSecret {
		req.ClientSecret = t.ClientSecret
		secrets = append(secrets, t.ClientSecret)
	}
	return call(ctx, h, t, "authorize", secrets, func(ctx context.Context, api *wire.Client) (*sdk.AuthorizeResponse, error) {
		return api.Authorize(ctx, req)
	}, func(resp *sdk.AuthorizeResponse, _ time.Time) (hub.AuthorizeResponse, error) {
		return checkAuthorize(t, resp)
	})
}

// Exchange implements hub.Providers. It sends client secret, code and verifier.
func (h *Host) Exchange(ctx context.Context, t hub.Target, r hub.ExchangeRequest) (hub.TokenAnswer, error) {
	req := &sdk.ExchangeRequest{
		Target: h.sdkTarget(t), ClientSecret: t.ClientSecret, Code: r.Code, CodeVerifier: r.CodeVerifier,
		RedirectURI: r.RedirectURI, Nonce: r.Nonce, Scopes: r.Scopes, Params: r.Params,
	}
	secrets := []secret.Value{t.ClientSecret, r.Code, r.CodeVerifier}
	return call(withPrompter(ctx, r.Prompt), h, t, "exchange", secrets, func(ctx context.Context, api *wire.Client) (*sdk.ExchangeResponse, error) {
		return api.Exchange(ctx, req)
	}, func(resp *sdk.ExchangeResponse, began time.Time) (hub.TokenAnswer, error) {
		return exchangeAnswer(&resp.Tokens, resp.Account, began)
	})
}

// Refresh implements hub.Providers. It sends client secret and refresh token,
// once: it never repeats a request, since a refresh token may be good for one
// use only.
func (h *Host) Refresh(ctx context.Context, t hub.Target, r hub.RefreshRequest) (hub.TokenAnswer, error) {
	req := &sdk.RefreshRequest{
		Target: h.sdkTarget(t), ClientSecret: t.ClientSecret, RefreshToken: r.RefreshToken,
		Scopes: r.Scopes, RedirectURI: r.RedirectURI, Name: r.Name, Audience: r.Audience,
	}
	secrets := []secret.Value{t.ClientSecret, r.RefreshToken}
	return call(ctx, h, t, "refresh", secrets, func(ctx context.Context, api *wire.Client) (*sdk.RefreshResponse, error) {
		return api.Refresh(ctx, req)
	}, refreshAnswer)
}

// Revoke implements hub.Providers. It sends client secret and the token.
func (h *Host) Revoke(ctx context.Context, t hub.Target, r hub.RevokeRequest) (hub.Reach, error) {
	req := &sdk.RevokeRequest{
		Target: h.sdkTarget(t), ClientSecret: t.ClientSecret, Token: r.Token, Kind: sdk.AccessToken, Reach: sdk.Reach(r.Reach),
	}
	if r.Refresh {
		req.Kind = sdk.RefreshToken
	}
	return call(ctx, h, t, "revoke", []secret.Value{t.ClientSecret, r.Token}, func(ctx context.Context, api *wire.Client) (*sdk.RevokeResponse, error) {
		return api.Revoke(ctx, req)
	}, func(resp *sdk.RevokeResponse, _ time.Time) (hub.Reach, error) {
		reach := known(hub.Reach(resp.Revoked), hub.ReachNone, hub.ReachToken, hub.ReachGrant)
		if reach == "" {
			return "", bug("the answer does not say what was revoked")
		}
		return reach, nil
	})
}

// Identify implements hub.Providers. It sends the access token and, where there
// is one, the id token.
func (h *Host) Identify(ctx context.Context, t hub.Target, r hub.IdentifyRequest) (hub.Identity, error) {
	req := &sdk.IdentifyRequest{Target: h.sdkTarget(t), AccessToken: r.AccessToken, IDToken: r.IDToken, Metadata: r.Metadata}
	return call(withPrompter(ctx, r.Prompt), h, t, "identify", []secret.Value{r.AccessToken, r.IDToken}, func(ctx context.Context, api *wire.Client) (*sdk.IdentifyResponse, error) {
		return api.Identify(ctx, req)
	}, func(resp *sdk.IdentifyResponse, _ time.Time) (hub.Identity, error) {
		who, err := account(&resp.Account)
		if err != nil {
			return hub.Identity{}, err
		}
		return hub.Identity{Account: *who, Scopes: scopeNames(resp.Scopes)}, nil
	})
}

// call makes one call of a provider's plugin: it has the plugin started, gives
// it a ticket to dial with, watches over it, and turns what comes back into the
// hub's types. accept also gets when the call began, on the hub's clock.
func call[Resp, Out any](ctx context.Context, h *Host, t hub.Target, op string, secrets []secret.Value,
	do func(context.Context, *wire.Client) (*Resp, error), accept func(*Resp, time.Time) (Out, error),
) (out Out, err error) {
	p, err := h.serving(ctx, t)
	if err != nil {
		return out, err
	}
	proc, err := p.acquire(ctx)
	if err != nil {
		return out, err
	}
	defer p.release(proc)
	if t.Draft == nil && !p.serves(t.Provider) {
		return out, gone(0, "the plugin %s does not serve %q", p.name, t.Provider)
	}
	prompter, _ := ctx.Value(prompterKey{}).(hub.Prompter)
	callCtx, clock, cancel := callContext(ctx, h.cfg.CallTimeout, prompter != nil)
	defer cancel()
	ticket := proc.dial.issue(callCtx, t.AllowedHosts, t.PrivateNetwork)
	defer ticket.drop()
	ticket.prompter, ticket.clock, ticket.redact = prompter, clock, proc.redact
	proc.redact.remember(append(secrets, ticket.secret())...)

	type result struct {
		resp *Resp
		err  error
	}
	request := rand.Text()[:10]
	began := h.cfg.Now()
	answer := make(chan result, 1)
	faults.Point("plugin.calling")
	go func() {
		resp, err := do(wire.WithDial(wire.WithRequest(callCtx, request), wire.Dial{Socket: proc.socket, Ticket: ticket.secret()}), proc.api)
		answer <- result{resp, err}
	}()
	go p.watchCall(callCtx, proc)

	var r result
	select {
	case r = <-answer:
	case <-proc.done():
		// The answer may have been sent with the last breath.
		select {
		case r = <-answer:
		case <-time.After(100 * time.Millisecond):
			r.err = errProcessEnded
		}
	case <-callCtx.Done():
		r.err = context.Cause(callCtx)
	}
	faults.Point("plugin.answered")
	if r.err != nil {
		if cause := context.Cause(callCtx); errors.Is(r.err, context.Canceled) && ctx.Err() == nil && cause != nil {
			r.err = cause // the clock of the call ran out, which gRPC cannot tell from being cancelled
		}
		failure := p.callFailed(ctx, proc, r.err)
		if host := ticket.wantedClear(); host != "" {
			failure = &hub.ProviderError{
				Class:   hub.ProviderMisconfigured,
				Message: fmt.Sprintf("%s is called without TLS, which is allowed in a private network only", host),
			}
		}
		failure.Unsent = ticket.neverConnected()
		if failure.Class == hub.ProviderBug {
			p.log.Error("the plugin failed", "call", op, "request", request, "error", proc.redact.clean(r.err.Error(), maxText))
		}
		return out, failure
	}
	if out, err = accept(r.resp, began); err != nil {
		p.log.Error("the plugin broke the contract", "call", op, "request", request, "error", err)
	}
	return out, err
}

var errProcessEnded = errors.New("the process ended")

// watchCall ends a process that hangs while a call is being made, so that the
// caller need not wait for the end of his patience.
func (p *plugin) watchCall(ctx context.Context, proc *process) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !proc.alive(aliveLimit) {
				p.discard(proc, "it stopped answering")
				return
			}
		case <-ctx.Done():
			return
		case <-proc.done():
			return
		}
	}
}

// callFailed gives a failed call its class. A process that died, or does not
// answer any more, is given up before the caller hears of it, so that his next
// call finds another one.
func (p *plugin) callFailed(ctx context.Context, proc *process, err error) *hub.ProviderError {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return providerError(e)
	}
	if ctx.Err() != nil {
		// The caller gave up. Whether he was right to is found out without him.
		p.host.inBackground(func() { p.discardIfHung(proc) })
		return &hub.ProviderError{Class: hub.ProviderTemporary, Message: "the provider had not answered when the call was given up"}
	}
	select {
	case <-proc.done():
	case <-time.After(100 * time.Millisecond):
	}
	if p.discardIfHung(proc) {
		return &hub.ProviderError{Class: hub.ProviderGone, Message: "the plugin ended or hung during the call"}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &hub.ProviderError{Class: hub.ProviderTemporary, Message: "the provider did not answer in time"}
	}
	return bug("the plugin's answer cannot be used")
}

// discardIfHung gives a process up that is dead or does not answer.
func (p *plugin) discardIfHung(proc *process) bool {
	select {
	case <-proc.done():
		p.discard(proc, exitText(proc.run.err, ""))
		return true
	default:
	}
	if proc.alive(aliveLimit) {
		return false
	}
	p.discard(proc, "it stopped answering")
	return true
}

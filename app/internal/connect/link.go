// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxLinks bounds the connect links that wait to be opened.
const maxLinks = 1024

// link lets one browser begin one flow for an owner who never logs in.
type link struct {
	req     hub.StartFlow
	expires time.Time
}

// Link makes a one-time connect link and returns its token. The integration is
// checked now, so that the caller learns of a wrong one and not the end user.
func (e *Engine) Link(ctx context.Context, req hub.StartFlow) (token string, err error) {
	if err := req.Owner.Validate(); err != nil {
		return "", err
	}
	if _, err := e.cfg.Catalog.Resolve(ctx, req.Integration, req.Config); err != nil {
		return "", err
	}
	req.Initiator = hub.InitiatorLink
	token = random(24)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.links) >= maxLinks {
		return "", &hub.Error{
			Code: hub.CodeTooManyRequests, Message: "too many connect links wait to be opened",
			Remedy: fmt.Sprintf("Try again later: a link that nobody opens is dropped after %d minutes.", int(flowLife.Minutes())), RetryAfter: time.Minute,
		}
	}
	e.links[sha256.Sum256([]byte(token))] = &link{req: req, expires: e.cfg.Now().Add(flowLife)}
	return token, nil
}

// PeekLink says what a connect link would connect, without using it.
func (e *Engine) PeekLink(ctx context.Context, token string) (hub.StartFlow, *hub.Resolved, error) {
	e.mu.Lock()
	l, ok := e.links[sha256.Sum256([]byte(token))]
	e.mu.Unlock()
	if !ok || e.cfg.Now().After(l.expires) {
		return hub.StartFlow{}, nil, linkExpired()
	}
	r, err := e.cfg.Catalog.Resolve(ctx, l.req.Integration, l.req.Config)
	return l.req, r, err
}

// OpenLink uses a connect link up and begins its flow. binding is a secret for
// the browser that opened it: only who presents it can finish the flow.
func (e *Engine) OpenLink(ctx context.Context, token string) (authorizationURL, binding string, err error) {
	key := sha256.Sum256([]byte(token))
	e.mu.Lock()
	l, ok := e.links[key]
	delete(e.links, key)
	e.mu.Unlock()
	if !ok || e.cfg.Now().After(l.expires) {
		return "", "", linkExpired()
	}
	binding = random(32)
	f, err := e.begin(ctx, l.req)
	if err != nil {
		return "", "", err
	}
	e.mu.Lock()
	f.binding = sha256.Sum256([]byte(binding))
	url := f.AuthorizationURL
	e.mu.Unlock()
	return url, binding, nil
}

// FinishLink confirms the flow of a connect link for the browser that opened it.
func (e *Engine) FinishLink(ctx context.Context, result, binding string) (*hub.Flow, error) {
	e.mu.Lock()
	f, ok := e.results[result]
	h := sha256.Sum256([]byte(binding))
	ok = ok && f.Initiator == hub.InitiatorLink && subtle.ConstantTimeCompare(h[:], f.binding[:]) == 1
	e.mu.Unlock()
	if !ok {
		return nil, hub.Errorf(hub.CodeForbidden, "this browser did not begin the connection, so it cannot finish it").
			WithRemedy("Open the connect link again in the browser in which you want to sign in.")
	}
	return e.Confirm(ctx, f.ID, hub.InitiatorLink, false)
}

// Result returns the flow of a result page.
func (e *Engine) Result(_ context.Context, result string) (*hub.Flow, error) {
	e.mu.Lock()
	f, ok := e.results[result]
	e.mu.Unlock()
	if !ok {
		return nil, expired()
	}
	return e.snapshot(f), nil
}

func linkExpired() *hub.Error {
	return hub.Errorf(hub.CodeFlowExpired, "this link was used before, or is older than %d minutes", int(flowLife.Minutes())).
		WithRemedy("Ask the app that gave it to you for a new one.")
}

// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"net/url"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Paste takes the address on which the browser ended, where it could not reach
// the hub, and returns the flow. It is worth no more than the callback itself:
// the address must be this flow's redirect URI, with this flow's state.
func (e *Engine) Paste(ctx context.Context, id, address string) (*hub.Flow, error) {
	f, err := e.lookup(id)
	if err != nil {
		return nil, err
	}
	invalid := func(format string, args ...any) error {
		err := hub.Errorf(hub.CodeInvalid, format, args...).
			WithRemedy("Copy all of the browser's address line, after you agreed at the provider.")
		err.Field = "url"
		return err
	}
	u, err := url.Parse(strings.Trim(strings.TrimSpace(address), `"'<>`))
	want, parsed := url.Parse(f.resolved.RedirectURI)
	if err != nil || parsed != nil || u.Scheme != want.Scheme || u.Host != want.Host || u.Path != want.Path {
		return nil, invalid("this is not the address on which the browser ended: that one begins with %s", f.resolved.RedirectURI)
	}
	if u.Query().Get("state") == "" {
		return nil, invalid("this is not the whole address on which the browser ended: it has no state parameter")
	}
	e.mu.Lock()
	waiting, state := f.State == hub.FlowWaiting && !f.spent, f.state
	e.mu.Unlock()
	if !waiting {
		return nil, expired()
	}
	if u.Query().Get("state") != state {
		return nil, hub.Errorf(hub.CodeFlowMismatch, "this address belongs to another attempt to connect").
			WithRemedy("Paste the address of the attempt that was begun here, or start again with Connect.")
	}
	if _, err := e.Callback(ctx, u.Path, u.Query()); err != nil {
		return nil, err
	}
	return e.snapshot(f), nil
}

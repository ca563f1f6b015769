// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"errors"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Quiesce returns when no refresh is under way any more, so that the stored
// tokens are the last ones that the provider issued. It is for connections that
// were taken out of use before; the others go on being refreshed. The error
// says that a provider's answer could not be written yet.
func (e *Engine) Quiesce(ctx context.Context, connections []string) error {
	for _, id := range connections {
		for f := e.aloft(id); f != nil; f = e.aloft(id) {
			select {
			case <-f.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		missing, err := e.missing(ctx, id)
		if err != nil {
			return err
		}
		if missing {
			return hub.Errorf(hub.CodeStorage, "a new token of connection %s could not be written yet", id).
				WithRemedy("See that the disk is not full or read-only, and try again.")
		}
	}
	return nil
}

// missing reports whether the store lacks an answer of the provider. One of which
// it was said that it could not be written may have arrived since.
func (e *Engine) missing(ctx context.Context, id string) (bool, error) {
	e.mu.Lock()
	known := false
	for _, s := range e.slotsOf(id) {
		known = known || s.unsaved != nil
	}
	e.mu.Unlock()
	if !known {
		return false, nil
	}
	toks, err := e.cfg.Connections.Tokens(ctx, id)
	if errors.Is(err, hub.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	missing := e.unsaved(id, toks.Generation) != nil
	for name, n := range toks.Current.Named {
		missing = e.unsavedNamed(id, name, n) != nil || missing
	}
	return missing, nil
}

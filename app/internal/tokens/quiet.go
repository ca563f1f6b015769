// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"cmp"
	"context"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Quiesce returns when no refresh is under way any more, so that the stored
// tokens are the last ones that the provider issued. It is for connections that
// were taken out of use before; the others go on being refreshed. The error
// says that a provider's answer could not be written yet.
func (e *Engine) Quiesce(ctx context.Context, connections []string) error {
	for _, id := range connections {
		for {
			e.mu.Lock()
			var running *flight
			var unsaved *answer
			for _, s := range e.slotsOf(id) {
				running, unsaved = cmp.Or(running, s.running), cmp.Or(unsaved, s.unsaved)
			}
			e.mu.Unlock()
			if running == nil && unsaved != nil {
				return hub.Errorf(hub.CodeStorage, "a new token of connection %s could not be written yet", id).
					WithRemedy("See that the disk is not full or read-only, and try again.")
			}
			if running == nil {
				break
			}
			select {
			case <-running.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

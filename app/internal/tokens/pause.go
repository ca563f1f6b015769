// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Pause begins no refresh any more, and waits for those under way until ctx
// ends: when it returns in time, no answer of a provider is outstanding that a
// locked store could not take. Callers get CodeLocked.
func (e *Engine) Pause(ctx context.Context) {
	e.mu.Lock()
	e.paused = true
	var flights []*flight
	for _, s := range e.slots {
		if s.running != nil {
			flights = append(flights, s.running)
		}
		if s.next != nil {
			flights = append(flights, s.next)
		}
	}
	e.mu.Unlock()
	for _, f := range flights {
		select {
		case <-f.done:
		case <-ctx.Done():
			return
		}
	}
}

// Resume undoes Pause. The background refresh looks at everything anew when it
// hears hub.EventLock.
func (e *Engine) Resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paused = false
}

func (e *Engine) isPaused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.paused
}

func lockedMeanwhile() *hub.Error {
	return hub.Errorf(hub.CodeLocked, "the hub is locked").WithRemedy("Unlock it in the window, or with `standpipe unlock`.")
}

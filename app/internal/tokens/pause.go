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
	waits := make([]<-chan struct{}, 0, len(flights)+len(e.narrowed))
	for _, f := range flights {
		waits = append(waits, f.done)
	}
	for _, n := range e.narrowed {
		waits = append(waits, n.done)
	}
	e.narrowed = nil // they are in memory only, and leave it
	e.mu.Unlock()
	for _, done := range waits {
		select {
		case <-done:
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

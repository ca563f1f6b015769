// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestDepart: a refresh is on its way from its begin until its provider was sent
// something, and at the latest until its end.
func TestDepart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		var out, begun atomic.Int32
		h.cfg.Depart = func() func() {
			begun.Add(1)
			out.Add(1)
			return sync.OnceFunc(func() { out.Add(-1) })
		}
		sends := true
		h.provider.script(func(p *provider) {
			p.before = func(ctx context.Context, _ int) error {
				if out.Load() != 1 {
					t.Errorf("before it is sent, %d are on their way", out.Load())
				}
				if sends {
					hub.Sent(ctx)
					if out.Load() != 0 {
						t.Error("it was sent and is on its way")
					}
				}
				return nil
			}
		})
		h.connect("a", -time.Minute)
		h.mustVend("a")
		sends = false
		h.connect("b", -time.Minute)
		h.mustVend("b")
		synctest.Wait() // for the flight, of which the caller had its outcome
		if begun.Load() != 2 || out.Load() != 0 {
			t.Errorf("%d set out, %d are on their way afterwards", begun.Load(), out.Load())
		}
	})
}

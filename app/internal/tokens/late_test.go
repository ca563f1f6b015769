// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The disk may take a write after its caller was told that it did not, see
// badgerstore.

const (
	diskPatience = 10 * time.Second // until the caller is told
	diskTakes    = 25 * time.Second
)

// lateStore takes writes in which late finds something as a slow disk does: they
// are refused, and arrive all the same. Until then nobody sees them, and the next
// write waits.
type lateStore struct {
	*store
	late func(kind hub.Kind, value string) bool
}

func (s *lateStore) Update(ctx context.Context, f func(hub.Tx) error) error {
	ran, done := make(chan bool, 1), make(chan error, 1)
	go func() {
		ctx := &begun{Context: ctx}
		done <- s.store.Update(ctx, func(tx hub.Tx) error {
			w := &watchedTx{Tx: tx, of: s}
			err := f(w)
			late := err == nil && w.late
			ctx.committing = late
			ran <- late
			if late {
				time.Sleep(diskTakes)
			}
			return err
		})
	}()
	select {
	case err := <-done:
		return err
	case late := <-ran:
		if !late {
			return <-done
		}
	}
	time.Sleep(diskPatience)
	return hub.Errorf(hub.CodeStorage, "the disk did not take a write; it may still arrive")
}

// begun is a context that is not looked at any more once the commit began.
type begun struct {
	context.Context
	committing bool
}

func (b *begun) Err() error {
	if b.committing {
		return nil
	}
	return b.Context.Err()
}

type watchedTx struct {
	hub.Tx
	of   *lateStore
	late bool
}

func (t *watchedTx) Put(ref hub.Ref, expect uint64, value []byte) (uint64, error) {
	t.late = t.late || t.of.late(ref.Kind, string(value))
	return t.Tx.Put(ref, expect, value)
}

// onSlowDisk is inBubble with a disk that is slow for what late finds.
func onSlowDisk(t *testing.T, late func(kind hub.Kind, value string) bool, f func(t *testing.T, h *house)) {
	t.Helper()
	inBubble(t, func(t *testing.T, h *house) {
		h.close()
		h.open(&lateStore{h.store, late})
		h.start()
		defer time.Sleep(2 * diskTakes) // nothing is left behind
		f(t, h)
	})
}

// TestAnswerThatIsWrittenLate: what the provider issued is there once the disk has
// taken it, is not written again or asked for again, and holds nobody up.
func TestAnswerThatIsWrittenLate(t *testing.T) {
	slow := false
	late := func(_ hub.Kind, value string) bool { return slow && strings.Contains(value, `"access-2"`) }
	for name, meanwhile := range map[string]func(t *testing.T, h *house){
		"nobody asks":    func(*testing.T, *house) { time.Sleep(diskTakes) },
		"somebody asks":  func(_ *testing.T, h *house) { h.mustFail("c", hub.CodeStorage); time.Sleep(diskTakes) },
		"somebody waits": func(_ *testing.T, h *house) { time.Sleep(storageDelay); h.mustVend("c") },
	} {
		t.Run(name, func(t *testing.T) {
			onSlowDisk(t, late, func(t *testing.T, h *house) {
				h.connect("c", -time.Minute)
				slow = true
				h.mustFail("c", hub.CodeStorage)
				meanwhile(t, h)
				slow = false
				if err := h.Quiesce(t.Context(), []string{"c"}); err != nil {
					t.Errorf("who waits for the last tokens to be stored: %v", err)
				}
				if v := h.mustVend("c"); v.AccessToken.Reveal() != "access-2" || h.provider.asked() != 1 {
					t.Errorf("drew %s, after %d calls", v.AccessToken.Reveal(), h.provider.asked())
				}
				if _, toks := h.stored("c"); toks.Generation != 2 || toks.Intent != nil {
					t.Errorf("stored: generation %d, intent %+v", toks.Generation, toks.Intent)
				}
				time.Sleep(life)
				h.mustVend("c")
				if h.provider.asked() != 2 || h.provider.reuse != 0 {
					t.Errorf("the next refresh: %d calls, %d with a spent token", h.provider.asked(), h.provider.reuse)
				}
				if len(h.slots) != 0 {
					t.Errorf("the engine still remembers %d connections", len(h.slots))
				}
			})
		})
	}
}

// TestTroubleEndsWhenTheWriteArrives: what the disk has taken is no trouble any
// more, though nobody has asked for the connection since.
func TestTroubleEndsWhenTheWriteArrives(t *testing.T) {
	slow := false
	late := func(_ hub.Kind, value string) bool { return slow && strings.Contains(value, `"access-2"`) }
	onSlowDisk(t, late, func(t *testing.T, h *house) {
		h.connect("c", -time.Minute)
		defer h.run()()
		slow = true
		h.mustFail("c", hub.CodeStorage)
		if h.Health("c") == nil {
			t.Error("nothing is told of the trouble")
		}
		time.Sleep(diskTakes + maxStorage)
		if got := h.Health("c"); got != nil {
			t.Errorf("when the write has arrived: %+v", got)
		}
		if n := h.bus.count(hub.EventHealth); n != 2 {
			t.Errorf("told of its health %d times, want of its begin and end", n)
		}
		if len(h.slots) != 0 || h.provider.asked() != 1 {
			t.Errorf("the engine remembers %d connections, after %d calls", len(h.slots), h.provider.asked())
		}
	})
}

// TestIntentThatIsWrittenLate: nobody was asked, so no answer was lost.
func TestIntentThatIsWrittenLate(t *testing.T) {
	slow := true
	late := func(kind hub.Kind, value string) bool {
		return slow && kind == hub.KindTokens && strings.Contains(value, `"intent"`)
	}
	onSlowDisk(t, late, func(t *testing.T, h *house) {
		h.resolver.descriptor.Rotation = hub.RotationSingle
		h.connect("c", -time.Minute)
		for range 3 {
			h.mustFail("c", hub.CodeStorage)
			time.Sleep(diskTakes + maxStorage)
			if h.provider.asked() != 0 {
				t.Fatal("the provider is asked although that was not announced")
			}
		}
		slow = false
		h.mustVend("c")
		if h.provider.asked() != 1 || h.provider.reuse != 0 {
			t.Errorf("%d calls, %d with a spent token", h.provider.asked(), h.provider.reuse)
		}
	})
}

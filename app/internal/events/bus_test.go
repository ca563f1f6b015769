// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func event(i int) hub.Event { return hub.Event{Type: hub.EventRefreshed, Connection: fmt.Sprint(i)} }

func TestEverySubscriberGetsEveryEventInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus events.Bus
		bus.Publish(event(-1)) // before anybody listens
		ctx, cancel := context.WithCancel(t.Context())
		a, b := bus.Subscribe(ctx), bus.Subscribe(t.Context())
		for i := range 10 {
			bus.Publish(event(i))
		}
		for i := range 10 {
			if got := (<-a).Connection + (<-b).Connection; got != fmt.Sprintf("%d%d", i, i) {
				t.Fatalf("event %d came as %q", i, got)
			}
		}
		cancel()
		synctest.Wait()
		bus.Publish(event(10))
		if ev, open := <-a; open {
			t.Errorf("a subscription that ended got %v", ev)
		}
		if (<-b).Connection != "10" {
			t.Error("another subscription ended with it")
		}
	})
}

func TestSlowSubscriberIsToldToResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus events.Bus
		slow := bus.Subscribe(t.Context())
		const n = 1000
		for i := range n {
			bus.Publish(event(i)) // would deadlock the bubble if it blocked
		}
		last, resyncs := -1, 0
		for len(slow) > 0 {
			ev := <-slow
			switch {
			case ev.Type == hub.EventResync:
				resyncs++
			case resyncs > 0:
				t.Fatalf("%v came after the marker, though it was before", ev)
			default:
				last++
				if ev.Connection != fmt.Sprint(last) {
					t.Fatalf("got %v, want %d", ev, last)
				}
			}
		}
		if resyncs != 1 || last < 10 {
			t.Errorf("%d markers after %d events", resyncs, last+1)
		}
		bus.Publish(event(n))
		if ev := <-slow; ev.Connection != fmt.Sprint(n) {
			t.Errorf("after the marker came %v", ev)
		}
	})
}

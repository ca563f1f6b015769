// SPDX-License-Identifier: Apache-2.0

// Package events carries events inside the process: from whoever changes
// something to the page, the scheduler and whoever else listens.
package events

import (
	"context"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// buffer is how many events a subscriber may be behind.
const buffer = 64

// New returns a Bus.
func New() *Bus { return &Bus{} }

// Bus is a hub.Bus. The zero Bus is ready to use. Safe for concurrent use.
type Bus struct {
	mu   sync.Mutex
	subs map[*subscription]struct{}
}

var _ hub.Bus = (*Bus)(nil)

type subscription struct {
	// ch has one place more than buffer, for the marker that tells of a loss.
	ch     chan hub.Event
	missed bool
}

// Publish sends an event to all subscribers. It never blocks: whoever is too
// far behind gets an EventResync in place of what it missed.
func (b *Bus) Publish(ev hub.Event) {
	if ev.Time.IsZero() {
		ev.Time = time.Now()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs {
		// Only Publish sends, and it holds the lock: between looking at the
		// length and sending the channel can only become emptier.
		if s.missed && len(s.ch) > 0 {
			continue // the marker is still unread, and covers this event too
		}
		s.missed = false
		if len(s.ch) < buffer {
			s.ch <- ev
			continue
		}
		s.missed = true
		s.ch <- hub.Event{Type: hub.EventResync, Time: ev.Time}
	}
}

// Subscribe returns the events from now on; the channel is closed when ctx
// ends.
func (b *Bus) Subscribe(ctx context.Context) <-chan hub.Event {
	s := &subscription{ch: make(chan hub.Event, buffer+1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[*subscription]struct{}{}
	}
	b.subs[s] = struct{}{}
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, s)
		close(s.ch)
	})
	return s.ch
}

// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// watchAgain is how long to wait before the session is asked again that was not
// there, or went.
const watchAgain = 30 * time.Second

// Run locks the hub by itself, as the settings say, until ctx ends.
func (l *Lock) Run(ctx context.Context) error {
	if l.cfg.Session != nil {
		go l.watch(ctx)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		case <-timer.C:
		}
		timer.Reset(l.idle(ctx))
	}
}

// idle locks the hub when its time has come, and returns when to look again.
func (l *Lock) idle(ctx context.Context) time.Duration {
	const never = 24 * time.Hour
	l.mu.Lock()
	limit := l.settings.Idle
	l.mu.Unlock()
	if limit == 0 || l.Locked() {
		return never
	}
	// By the wall clock, which goes on while the machine sleeps.
	left := limit - l.cfg.Now().Sub(time.Unix(0, l.used.Load()))
	if left > 0 {
		return min(left, limit)
	}
	l.Lock(ctx, hub.LockedByIdle)
	return never
}

// watch follows the session, and finds it again when it comes back.
func (l *Lock) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.cfg.Session.Watch(ctx, func() { l.watches(true) }, func(cause hub.LockCause) { l.happened(ctx, cause) })
		l.watches(false)
		if ctx.Err() != nil {
			return
		}
		l.cfg.Logger.Debug("nobody tells of screen lock and sleep", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(watchAgain):
		}
	}
}

func (l *Lock) watches(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watching = on
}

func (l *Lock) happened(ctx context.Context, cause hub.LockCause) {
	l.mu.Lock()
	s := l.settings
	l.mu.Unlock()
	if cause == hub.LockedByScreen && !s.Screen || cause == hub.LockedBySuspend && !s.Suspend {
		return
	}
	l.Lock(ctx, cause)
}

// SPDX-License-Identifier: Apache-2.0

package access

import "time"

// How many wrong keys are answered as such, and in which time.
const (
	maxFailures   = 10
	failureWindow = time.Minute
)

// limiter counts failures in a sliding window.
type limiter struct {
	at   [maxFailures]time.Time // when the last ones happened; a ring
	next int
}

// note counts a failure, or returns how long to wait when there were too many.
// One that has to wait is not counted, so that who keeps trying comes through
// once a window.
func (l *limiter) note(now time.Time) (wait time.Duration) {
	oldest := l.at[l.next]
	if since := now.Sub(oldest); !oldest.IsZero() && since >= 0 && since < failureWindow {
		return failureWindow - since
	}
	l.at[l.next] = now
	l.next = (l.next + 1) % maxFailures
	return 0
}

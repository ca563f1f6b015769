// SPDX-License-Identifier: Apache-2.0

package lock

import "time"

// delays are how long no passphrase is heard after a wrong one, by how many were
// wrong; the last holds for all that follow.
var delays = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 5 * time.Minute,
}

// backoff counts wrong passphrases.
type backoff struct {
	wrong int
	next  time.Time
}

func (b *backoff) note(now time.Time) {
	b.next = now.Add(delays[min(b.wrong, len(delays)-1)])
	b.wrong++
}

// until is when the next passphrase is heard; zero: now. A clock that was set
// back does not lengthen it.
func (b *backoff) until(now time.Time) time.Time {
	if wait := b.next.Sub(now); wait <= 0 || wait > delays[len(delays)-1] {
		return time.Time{}
	}
	return b.next
}

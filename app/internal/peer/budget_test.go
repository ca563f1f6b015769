// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	b, now := &budget{perSecond: 20}, time.Unix(1e9, 0)
	count := func() (n int) {
		for range 100 {
			if b.take(now) {
				n++
			}
		}
		return n
	}
	if n := count(); n != 20 {
		t.Errorf("%d at once", n)
	}
	now = now.Add(100 * time.Millisecond)
	if n := count(); n != 2 {
		t.Errorf("%d after a tenth of a second", n)
	}
	now = now.Add(time.Hour)
	if n := count(); n != 20 {
		t.Errorf("%d after an hour", n)
	}
}

// SPDX-License-Identifier: Apache-2.0

package api

import (
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	for _, at := range []time.Time{
		time.Date(2026, 11, 23, 14, 0, 0, 0, zone), time.Date(2026, 1, 2, 3, 4, 5, 6_789_000, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 999_999_999, time.UTC),
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
	} {
		if got, want := stampOf(at), at.UTC().Format("2006-01-02T15:04:05.000Z07:00"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

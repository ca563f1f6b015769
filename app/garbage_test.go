// SPDX-License-Identifier: Apache-2.0

package app

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbageIsCollectedLessOftenWhileBusy(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	now := time.Now()
	c := &collector{last: now, percent: 100}
	for _, step := range []struct {
		after time.Duration
		live  uint64
		want  int
	}{
		{time.Minute, 8 << 20, 100},           // idle
		{10 * time.Millisecond, 8 << 20, 300}, // busy: 8 MB may become 32
		{10 * time.Millisecond, 10 << 20, 200},
		{time.Second, 8 << 20, 200}, // neither: as it is
		{time.Minute, 8 << 20, 100},
		{10 * time.Millisecond, 100 << 20, 100}, // a large heap doubles as ever
		{10 * time.Millisecond, 1 << 20, 1000},
		{10 * time.Millisecond, 0, 100}, // nobody knows
	} {
		now = now.Add(step.after)
		c.collected(now, step.live)
		if c.percent != step.want {
			t.Errorf("%v later, %d MiB live: %d %%, want %d", step.after, step.live>>20, c.percent, step.want)
		}
		if have := debug.SetGCPercent(c.percent); have != step.want {
			t.Errorf("the runtime has %d %%, want %d", have, step.want)
		}
	}
}

// TestCollectionsAreSeen: a collection is told of, and none after the end.
func TestCollectionsAreSeen(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	stop := tuneGarbage()
	percent := 100
	for end := time.Now().Add(20 * time.Second); percent == 100 && time.Now().Before(end); {
		runtime.GC()
		percent = debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
	}
	if percent == 100 {
		t.Error("a busy heap is collected as an idle one")
	}
	stop()
	runtime.GC()
	runtime.GC()
	if have := debug.SetGCPercent(100); have != 100 {
		t.Errorf("%d %% after the end", have)
	}
}

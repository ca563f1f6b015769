// SPDX-License-Identifier: Apache-2.0

package app

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestHeapMayBeRoomy(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	c := &collector{percent: 100}
	for _, step := range []struct {
		live uint64
		want int
	}{
		{8 << 20, 500}, // 8 MB may become 48
		{10 << 20, 350},
		{100 << 20, 50}, // a large one grows by half
		{1 << 20, 1000},
		{0, 100}, // nobody knows
	} {
		c.collected(step.live)
		if c.percent != step.want {
			t.Errorf("%d MiB live: %d %%, want %d", step.live>>20, c.percent, step.want)
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
		t.Error("a small heap is collected whenever it has doubled")
	}
	stop()
	runtime.GC()
	runtime.GC()
	if have := debug.SetGCPercent(100); have != 100 {
		t.Errorf("%d %% after the end", have)
	}
}

// TestGarbageIsHeld until it is released, unless the environment decides.
func TestGarbageIsHeld(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	release := holdGarbage()
	if p := percent(); p != -1 {
		t.Errorf("%d %% while it is held", p)
	}
	release()
	if p := percent(); p != 100 {
		t.Errorf("%d %% after it was released", p)
	}
	t.Setenv("GOGC", "50")
	defer holdGarbage()()
	if p := percent(); p != 100 {
		t.Errorf("%d %% where the environment decides", p)
	}
}

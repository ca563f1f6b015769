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
		{8 << 20, 400}, // 8 MB may become 40
		{30 << 20, 100},
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
	stop := new(collector).tune()
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

// TestCrowdGetsRoom until the next collection, and only where it lacks it.
func TestCrowdGetsRoom(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	ballast := make([]byte, 64<<20) // a heap of which half is more than enough for a few
	var c collector
	c.crowd(1000)
	if c.percent != 0 {
		t.Error("the runtime is told something by a collector that does not tune")
	}
	stop := c.tune()
	defer stop()
	runtime.GC()
	percent := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.percent
	}
	usual := growth(heapNow().live)
	for end := time.Now().Add(20 * time.Second); percent() != usual && time.Now().Before(end); {
		runtime.GC() // tells of itself a moment later
		usual = growth(heapNow().live)
	}
	c.crowd(1)
	if p := percent(); p != usual {
		t.Errorf("%d %% for one caller, want the usual %d", p, usual)
	}
	filler := make([]byte, heapNow().goal-heapNow().used-4<<20) // 4 MB are left
	c.crowd(1000)
	runtime.KeepAlive(filler)
	h := heapNow()
	if p := percent(); p <= usual || h.goal < h.used+1000*callerRoom {
		t.Errorf("%d %% for a crowd, usually %d; it has %d bytes", p, usual, int64(h.goal)-int64(h.used))
	}
	if h.goal > h.used+2*crowdRoom {
		t.Errorf("a crowd has %d bytes", h.goal-h.used)
	}
	filler = nil
	for end := time.Now().Add(20 * time.Second); percent() != usual && time.Now().Before(end); {
		runtime.GC()
	}
	if p := percent(); p != usual {
		t.Errorf("%d %% after the next collection, want the usual %d", p, usual)
	}
	runtime.KeepAlive(ballast)
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

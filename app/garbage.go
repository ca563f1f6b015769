// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// room is by how much a heap may grow between two collections. A hub's is of some
// megabytes: Go collects when it has doubled, which is thirty times a second in one
// that is busy, and in the middle of what a thousand callers ask at once. One that
// is idle makes no garbage, and what a busy one left is collected after two
// minutes, as Go does in any case.
const room = 32 << 20

// What a crowd is given room for.
const (
	callerRoom = 16 << 10 // bytes for each caller, twice what a draw takes
	crowdRoom  = 32 << 20 // bytes in all, at most
)

// collector sets how much a heap grows between two collections. It is safe for
// concurrent use.
type collector struct {
	mu      sync.Mutex
	percent int // as the runtime was told; 0: it is not tuned
}

// tune begins, unless the environment says how to collect, and returns what ends
// it.
func (c *collector) tune() (stop func()) {
	if tunedOutside() {
		return func() {}
	}
	c.mu.Lock()
	c.percent = 100
	c.mu.Unlock()
	c.collected(heapNow().live)
	c.await()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.percent = 0
		debug.SetGCPercent(100)
	}
}

// await calls collected after the next collection, of which nothing tells but
// that something was collected.
func (c *collector) await() {
	sign := new([16]byte)
	runtime.AddCleanup(sign, func(c *collector) {
		if c.collected(heapNow().live) {
			c.await()
		}
	}, c)
}

// collected is told of each collection and the bytes that it left. It returns
// whether there is something to tune.
func (c *collector) collected(live uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.percent == 0 {
		return false
	}
	c.set(growth(live))
	return true
}

// crowd puts off the next collection for n callers who wait for the same answer:
// among what they are given at once, it would cost each of them as much as the
// answer itself. After it all is as before.
func (c *collector) crowd(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := heapNow(); c.percent != 0 && h.live > 0 {
		if need := h.used + uint64(min(n*callerRoom, crowdRoom)); need > h.goal {
			c.set(int((need-min(need, h.live))*100/h.live) + 1)
		}
	}
}

// set needs c.mu held.
func (c *collector) set(percent int) {
	if percent != c.percent {
		debug.SetGCPercent(percent)
		c.percent = percent
	}
}

// holdGarbage lets nothing be collected until release is called. What the store
// takes for itself, ten megabytes of which it uses little, then comes from memory
// that the process never had, and is there page by page as it is written; where
// something else has been there, Go would write zeros to all of it.
func holdGarbage() (release func()) {
	if tunedOutside() {
		return func() {}
	}
	before := debug.SetGCPercent(-1)
	return func() { debug.SetGCPercent(before) }
}

// tunedOutside reports whether the environment says how to collect.
func tunedOutside() bool { return os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" }

// growth is the percentage by which a heap may grow until it is collected: by room
// where it is small, by half where it is large.
func growth(live uint64) int {
	if live == 0 {
		return 100 // nobody knows
	}
	return int(min(max(100*room/live, 50), 1000)) / 50 * 50 // in steps: a change stops the world for a moment
}

// heap is what Go says of its heap, in bytes; zeros where it says nothing.
type heap struct{ live, used, goal uint64 }

func heapNow() (h heap) {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/goal:bytes"}}
	metrics.Read(s)
	for i, v := range []*uint64{&h.live, &h.used, &h.goal} {
		if s[i].Value.Kind() == metrics.KindUint64 {
			*v = s[i].Value.Uint64()
		}
	}
	return h
}

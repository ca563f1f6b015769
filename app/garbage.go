// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// roomyHeap is to what a heap may grow between two collections. A hub's is of some
// megabytes: Go collects when it has doubled, which is thirty times a second in one
// that is busy, and in the middle of what a thousand callers ask at once. One that
// is idle makes no garbage, and what a busy one left is collected after two
// minutes, as Go does in any case.
const roomyHeap = 48 << 20

// collector sets how much a heap grows between two collections.
type collector struct {
	percent int
	stopped atomic.Bool
}

// tuneGarbage begins, unless the environment says how to collect, and returns
// what ends it.
func tuneGarbage() (stop func()) {
	if tunedOutside() {
		return func() {}
	}
	c := &collector{percent: 100}
	c.collected(liveHeap())
	c.await()
	return func() {
		c.stopped.Store(true)
		debug.SetGCPercent(100)
	}
}

// await calls collected after the next collection, of which nothing tells but
// that something was collected.
func (c *collector) await() {
	sign := new([16]byte)
	runtime.AddCleanup(sign, func(c *collector) {
		if c.stopped.Load() {
			return
		}
		c.collected(liveHeap())
		c.await()
	}, c)
}

// collected is told of each collection and the bytes that it left.
func (c *collector) collected(live uint64) {
	if percent := growth(live); percent != c.percent {
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

// growth is the percentage by which a heap may grow until it is collected: up to
// roomyHeap where it is small, by half where it is large.
func growth(live uint64) int {
	if live == 0 {
		return 100 // nobody knows
	}
	percent := 100 * (roomyHeap - min(live, roomyHeap)) / live
	return int(min(max(percent, 50), 1000)) / 50 * 50 // in steps: a change stops the world for a moment
}

func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}

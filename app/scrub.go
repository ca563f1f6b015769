// SPDX-License-Identifier: Apache-2.0

package app

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// scrub overwrites what memory still holds of what nobody uses any more: Go
// frees, and does not wipe. A collection gives whole pages back to the system;
// places in pages that stay are wiped by being taken once more. What is in use
// is not touched, so this is best effort.
func scrub() {
	// Twice: what a sync.Pool keeps outlives one collection.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) { // each has places of its own
		all.Go(func() {
			for size := 8; size <= largestPlace; size += max(8, size/8&^7) {
				taken := make([][]byte, 0, scrubbed/size)
				for range cap(taken) {
					taken = append(taken, make([]byte, size))
				}
				runtime.KeepAlive(taken)
			}
		})
	}
	all.Wait()
	debug.FreeOSMemory()
}

const (
	largestPlace = 32 << 10 // what is larger has pages of its own
	scrubbed     = 1 << 20  // bytes of each size
)

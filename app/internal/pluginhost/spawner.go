// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"runtime"
	"sync/atomic"
)

// spawner starts each process on an operating system thread of its own, which
// lives as long as the process. On Linux a child can ask to be killed when its
// parent dies, but by parent the kernel means the thread that started it; and
// what a thread may do with files is what its children may do, for good.
type spawner struct {
	warned, warnedNet atomic.Bool // that this system closes files or network to no plugin
}

// do runs f on a new thread and waits for it. The thread goes on until the
// channel that f returns is closed; nil: it ends at once.
func (s *spawner) do(f func() (until <-chan struct{})) {
	ran := make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		until := f()
		close(ran)
		if until != nil {
			<-until
		}
	}()
	<-ran
}

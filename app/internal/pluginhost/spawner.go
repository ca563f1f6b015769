// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"runtime"
	"sync/atomic"
)

// spawner runs functions on one operating system thread. On Linux a child can
// ask to be killed when its parent dies, but by parent the kernel means the
// thread that started it; this one lives as long as the host.
type spawner struct {
	work   chan func()
	warned atomic.Bool // that this system does not let plugins be isolated
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for f := range s.work {
			f()
		}
	}()
	return s
}

// do runs f there and waits for it.
func (s *spawner) do(f func()) {
	done := make(chan struct{})
	s.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// close ends the thread, and with it whatever it started and was not waited for.
func (s *spawner) close() { close(s.work) }

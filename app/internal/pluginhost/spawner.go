// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"log/slog"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// spawner starts each process on an operating system thread of its own, which
// lives as long as the process. On Linux a child can ask to be killed when its
// parent dies, but by parent the kernel means the thread that started it; and
// what a thread may do with files is what its children may do, for good.
type spawner struct {
	shared            bool        // for tests: give no process namespaces of its own
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

// holds are what a process was started with.
type holds struct {
	isolated bool // it has neither a network nor other processes around it
	unixOnly bool // it makes no sockets but Unix ones
	confined bool // the user's files are closed to it
}

// closures say it in the words of the status.
func (h holds) closures() (network, files Closure) {
	network, files = Open, Open
	if h.isolated || h.unixOnly {
		network = Closed
	}
	if h.confined {
		files = Closed
	}
	return network, files
}

// start starts what command makes, once for each attempt, as firmly held as the
// system can. executable may be run and read, the command's folder written. It
// must be called within do: the thread is confined for good.
func (s *spawner) start(log *slog.Logger, executable string, command func() *exec.Cmd) (*exec.Cmd, holds, error) {
	var h holds
	sealDescriptors()
	dropCapabilities()
	like := command()
	err := confine(executable, like.Dir, like.Env)
	if h.confined = err == nil; err != nil && !s.warned.Swap(true) {
		log.Warn("this system does not close the user's files to plugins", "error", err)
	}
	noSockets := closeSockets()
	h.unixOnly = noSockets == nil
	isolate := canIsolate && !s.shared
	cmd, err := startProcess(command, isolate)
	h.isolated = isolate && err == nil
	if err != nil && isolate {
		cmd, err = startProcess(command, false)
	}
	if err == nil && !h.isolated && !h.unixOnly && !s.warnedNet.Swap(true) {
		log.Warn("this system does not let plugins be started without a network; they can reach it without the hub", "error", noSockets)
	}
	return cmd, h, err
}

// busyTime bounds how long a program that is open for writing is waited for.
const busyTime = 5 * time.Second

// startProcess makes the process, on the calling thread.
func startProcess(command func() *exec.Cmd, isolate bool) (*exec.Cmd, error) {
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		cmd := command()
		cmd.SysProcAttr = sysProcAttr(isolate)
		err := cmd.Start()
		if err == nil {
			limitProcess(cmd.Process.Pid)
			return cmd, nil
		}
		// A copy that was just written may still be open for writing in a
		// child that another goroutine is about to exec (golang.org/issue/22315).
		// On a machine that is busy that child takes its time.
		if !errors.Is(err, syscall.ETXTBSY) || time.Since(begin) > busyTime {
			return nil, err
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/ports"
)

// patience is how long anything may take that should take a moment, on a machine
// on which much else runs.
const patience = 90 * time.Second

// Process is a program that runs beside the test.
type Process struct {
	t testing.TB
	*running
}

// running is what the tests that use a Process have in common.
type running struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex
	meant bool     // the test ended it
	lines []string // of standard output
	log   bytes.Buffer
	more  chan struct{} // closed and renewed with each line
}

// start runs a program until the test ends. What it wrote is shown should the
// test fail.
func start(t testing.TB, name string, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t, &running{name: name, cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = writer(func(b []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.log.Write(b)
	})
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
		}
	}()
	go func() {
		<-read
		_ = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		ended := p.ended()
		p.Kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s%s", name, p.Log(), ended)
		}
	})
	return p
}

// In is the same process in a subtest, which fails by itself where the process
// does not do what is asked for.
func (p *Process) In(t testing.TB) *Process { return &Process{t, p.running} }

// ended tells of a process that has ended and that the test did not end, for a
// failing test; otherwise it is empty.
func (p *running) ended() string {
	p.mu.Lock()
	meant := p.meant
	p.mu.Unlock()
	select {
	case <-p.done:
		if !meant {
			return fmt.Sprintf("\n(%s has ended by itself: %v)", p.name, p.cmd.ProcessState)
		}
	default:
	}
	return ""
}

// end notes that the test ends the process.
func (p *running) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meant = true
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// PID is the process id.
func (p *running) PID() int { return p.cmd.Process.Pid }

// Log is all of its standard output and error so far.
func (p *running) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	for _, l := range p.lines {
		fmt.Fprintln(&b, l)
	}
	return b.String() + p.log.String()
}

// Kill ends the process and its group at once, as a power cut does.
func (p *running) Kill() {
	p.end()
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// Killed reports whether the process has ended of SIGKILL.
func (p *running) Killed() bool {
	select {
	case <-p.done:
		return p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	default:
		return false
	}
}

// Stop asks the process to end and waits for it.
func (p *Process) Stop() {
	p.t.Helper()
	p.end()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.Kill()
		p.t.Errorf("%s did not end on SIGTERM", p.name)
	}
}

// Done is closed when the process has ended.
func (p *running) Done() <-chan struct{} { return p.done }

// Line waits for a line of standard output that is JSON and that accept takes.
func (p *Process) Line(accept func(json.RawMessage) bool) {
	p.t.Helper()
	timeout := time.After(patience)
	for next := 0; ; {
		p.mu.Lock()
		lines, more := p.lines, p.more
		p.mu.Unlock()
		for ; next < len(lines); next++ {
			if json.Valid([]byte(lines[next])) && accept(json.RawMessage(lines[next])) {
				return
			}
		}
		select {
		case <-more:
		case <-p.done:
			p.t.Fatalf("%s ended (%v):\n%s", p.name, p.cmd.ProcessState, p.Log())
		case <-timeout:
			p.t.Fatalf("%s did not say what was waited for:\n%s", p.name, p.Log())
		}
	}
}

// Count counts the events of a test server so far.
func (p *running) Count(event string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, l := range p.lines {
		var e struct{ Event string }
		if json.Unmarshal([]byte(l), &e) == nil && e.Event == event {
			n++
		}
	}
	return n
}

// FreePort finds a port on which nobody listens.
func FreePort(t testing.TB) int { t.Helper(); return freePorts(t, 1) }

// freePorts returns the first of n ports in a row on which nobody listens.
func freePorts(t testing.TB, n int) int {
	t.Helper()
	first, err := ports.Take(n)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// Eventually waits until f is true; f is asked again and again, because what it
// asks about is another process.
func Eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	EventuallyFor(t, patience, what, f)
}

// EventuallyFor is Eventually with another patience.
func EventuallyFor(t testing.TB, patience time.Duration, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

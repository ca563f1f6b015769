// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// Process is an executable that was started. Its methods are safe for
// concurrent use.
type Process interface {
	PID() int
	// Wait waits until it has ended.
	Wait() error
	// Kill ends it with everything that it started, and returns when it is gone.
	Kill()
	// Others names the processes that it started and that run now, as far as
	// that can be known.
	Others() []string
}

// startProcess starts cmd, whose files are no writers, the way cfg says. t ends it.
func startProcess(t *T, cfg *Config, cmd *exec.Cmd) (Process, error) {
	start := startPlainly
	if cfg.Start != nil {
		start = cfg.Start
	}
	p, err := start(cmd)
	if err == nil {
		t.Cleanup(p.Kill)
	}
	return p, err
}

// plain is a process that nobody holds.
type plain struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid after done
}

func startPlainly(cmd *exec.Cmd) (Process, error) {
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &plain{cmd: cmd, done: make(chan struct{})}
	go func() { p.err = cmd.Wait(); close(p.done) }()
	return p, nil
}

func (p *plain) PID() int         { return p.cmd.Process.Pid }
func (p *plain) Wait() error      { <-p.done; return p.err }
func (p *plain) Kill()            { killGroup(p.cmd.Process); <-p.done }
func (p *plain) Others() []string { return nil }

// pipes are the two files that a process prints to.
type pipes struct {
	stdout, stderr *os.File // to read
	mine           []*os.File
}

// newPipes gives cmd its files. Close closes both ends, so that nobody reads on
// who waits for what the process left behind.
func newPipes(t *T, cmd *exec.Cmd) *pipes {
	t.Helper()
	stdout, outW, err1 := os.Pipe()
	stderr, errW, err2 := os.Pipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = outW, errW
	t.Cleanup(func() { _, _ = stdout.Close(), stderr.Close() })
	return &pipes{stdout, stderr, []*os.File{outW, errW}}
}

// started closes the process's ends here.
func (p *pipes) started() {
	for _, f := range p.mine {
		_ = f.Close()
	}
}

// hosted is a process as go-plugin wants it.
type hosted struct {
	t   *T
	cfg *Config
	cmd *exec.Cmd
	*pipes
	process Process // once started
	others  []string
	once    sync.Once
}

var _ runner.Runner = (*hosted)(nil)

// Start implements runner.Runner.
func (h *hosted) Start(context.Context) (err error) {
	h.process, err = startProcess(h.t, h.cfg, h.cmd)
	h.started()
	if err != nil {
		return err
	}
	go func() {
		_ = h.process.Wait()
		// What it printed last is read; what it left behind is not waited for.
		time.Sleep(lastWords)
		_, _ = h.stdout.Close(), h.stderr.Close()
	}()
	return nil
}

// lastWords is how long the output of a process that has ended is read on.
const lastWords = 300 * time.Millisecond

// Wait implements runner.AttachedRunner.
func (h *hosted) Wait(context.Context) error { return h.process.Wait() }

// Kill implements runner.AttachedRunner.
func (h *hosted) Kill(context.Context) error { h.process.Kill(); return nil }

// ID implements runner.AttachedRunner; empty: go-plugin has nothing to end.
func (h *hosted) ID() string {
	if h.process == nil {
		return ""
	}
	return strconv.Itoa(h.process.PID())
}

// Stdout, Stderr, Name and Diagnose implement runner.Runner.
func (h *hosted) Stdout() io.ReadCloser           { return h.stdout }
func (h *hosted) Stderr() io.ReadCloser           { return h.stderr }
func (h *hosted) Name() string                    { return h.cmd.Path }
func (h *hosted) Diagnose(context.Context) string { return "" }

// PluginToHost implements runner.AddrTranslator. Which addresses are right is
// looked at elsewhere.
func (h *hosted) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements runner.AddrTranslator.
func (h *hosted) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// end ends the process, by way of shutDown if that leads anywhere.
func (h *hosted) end(shutDown func()) {
	h.once.Do(func() {
		if h.process == nil {
			return
		}
		h.others = h.process.Others()
		done := make(chan struct{})
		go func() { defer close(done); shutDown() }()
		select {
		case <-done:
		case <-time.After(patience): // a frozen one does not answer
			h.process.Kill()
			<-done
		}
		h.process.Kill()
	})
}

// left words what a process started and did not end.
func left(t *T, names []string) {
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	t.Errorf("it started other processes (%s), which run on when it has answered: a host kills them", strings.Join(slices.Compact(names), ", "))
}

// run runs cmd to its end, in time, and returns what it printed.
func run(t *T, cfg *Config, cmd *exec.Cmd) (stdout, stderr string, err error) {
	t.Helper()
	p := newPipes(t, cmd)
	process, err := startProcess(t, cfg, cmd)
	p.started()
	if err != nil {
		return "", "", err
	}
	read := func(f *os.File, into *output) func() {
		return func() { _, _ = io.Copy(into, io.LimitReader(f, 8<<20)) }
	}
	var out, errs output
	var reading sync.WaitGroup
	reading.Go(read(p.stdout, &out))
	reading.Go(read(p.stderr, &errs))
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(startPatience):
		err = fmt.Errorf("it does not end within %s", startPatience)
	}
	process.Kill()
	drained := make(chan struct{})
	go func() { reading.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(lastWords):
	}
	_, _ = p.stdout.Close(), p.stderr.Close()
	<-drained
	return out.String(), errs.String(), err
}

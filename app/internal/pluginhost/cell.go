// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"
)

// Cell is one executable outside of any hub, to be started any number of times,
// each time held as firmly as a plugin of a hub: what `plugin check` runs might
// be anything. It is safe for concurrent use.
type Cell struct {
	// Path is a private copy of the executable. As in a hub, that is what runs,
	// without what lay beside it.
	Path  string
	dir   string
	spawn spawner
	log   *slog.Logger
}

// NewCell makes the copy; Close removes it.
func NewCell(path string, log *slog.Logger) (*Cell, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // who checks a link means what it leads to
	}
	sum, _, err := hashFile(path)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "standpipe-cell-") // mode 0700
	if err != nil {
		return nil, err
	}
	copied, err := privateCopy(dir, path, sum)
	if err == nil {
		// Who writes a plugin reads its name in what it prints.
		named := filepath.Join(dir, filepath.Base(path))
		err = os.Rename(copied, named)
		copied = named
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return &Cell{Path: copied, dir: dir, log: log}, nil
}

// Close removes the copy. What was started must have ended.
func (c *Cell) Close() error { return os.RemoveAll(c.dir) }

// Start starts cmd, which is not started itself: it says path, arguments,
// environment, files (no writers) and the folder, the only one that may be
// written. It is the executable, or a program of the system that runs it.
func (c *Cell) Start(cmd *exec.Cmd) (*Prisoner, error) {
	p := &Prisoner{done: make(chan struct{})}
	for _, e := range cmd.Env {
		if strings.HasPrefix(e, goplugin.EnvUnixSocketDir+"=") {
			p.marker = e
		}
	}
	var err error
	c.spawn.do(func() <-chan struct{} {
		p.cmd, p.holds, err = c.spawn.start(c.log, c.Path, func() *exec.Cmd {
			return &exec.Cmd{Path: cmd.Path, Args: cmd.Args, Env: cmd.Env, Dir: cmd.Dir, Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr}
		})
		if err != nil {
			return nil
		}
		return p.done
	})
	if err != nil {
		return nil, fmt.Errorf("it cannot be executed: %w", err)
	}
	go func() {
		pid := p.cmd.Process.Pid
		if awaitExit(pid) { // its number is still its own
			killTree(pid, p.marker)
		}
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Prisoner is a process in a Cell.
type Prisoner struct {
	cmd    *exec.Cmd
	holds  holds
	marker string
	done   chan struct{} // closed when nothing is left
	err    error         // valid after done
}

// PID is its number.
func (p *Prisoner) PID() int { return p.cmd.Process.Pid }

// Closures say what it is held by.
func (p *Prisoner) Closures() (network, files Closure) { return p.holds.closures() }

// Wait waits until it has ended, and whatever it started was killed.
func (p *Prisoner) Wait() error { <-p.done; return p.err }

// Kill ends it and whatever it started, and returns when that is gone.
func (p *Prisoner) Kill() {
	if err := p.cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		killTree(p.PID(), p.marker)
	}
	<-p.done
}

// Others names the processes that it started and that run now.
func (p *Prisoner) Others() []string {
	select {
	case <-p.done:
		return nil
	default:
		return others(p.PID(), p.marker)
	}
}

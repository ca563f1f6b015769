// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
)

// plugin is one executable over time: it is started when first called, stopped
// when idle, and after failures not started again before some time has passed.
type plugin struct {
	found
	host *Host
	log  *slog.Logger

	// settled is closed when it is known for the first time what the plugin
	// serves, or that it does not work.
	settled     chan struct{}
	settledOnce sync.Once
	recalling   sync.Once // see recall

	mu        sync.Mutex
	proc      *process      // running; nil: not
	starting  chan struct{} // closed at the end of the start in flight; nil: none
	restarts  int           // starts after it died, or did not come up
	refusal   string        // why it may not run; empty: it may
	failures  int           // starts that failed and processes that died, in a row
	retryAt   time.Time
	crashed   bool             // it is in a crash loop
	lastError string           // of the last failure; empty: none since it was last started
	providers []hub.Descriptor // what it said of itself, last
	untried   bool             // that is remembered, and it was not started since
	version   string           // that it named
	untaken   []string         // slugs of the definitions that it was sent and does not serve
	idle      *time.Timer
	closed    bool
}

// graceToStop is how long a plugin may take to end by itself.
const graceToStop = time.Second

// aliveLongEnough is how long a process must live for its end not to count as
// one failure more.
const aliveLongEnough = time.Minute

// crashLoop is how many failures in a row stop a plugin: it is not tried again
// before crashLoopWait, or before it is installed anew.
const (
	crashLoop     = 10
	crashLoopWait = time.Hour
)

// gone is the error of a plugin that cannot be had now. Nothing was sent.
func gone(retry time.Duration, format string, args ...any) *hub.ProviderError {
	return &hub.ProviderError{Class: hub.ProviderGone, Message: fmt.Sprintf(format, args...), RetryAfter: max(retry, 0), Unsent: true}
}

// acquire returns the running process, starting it if need be. Each acquired
// process must be released. An error is at once a *hub.ProviderError with
// Unsent set, and beneath it where the user can do something a *hub.Error.
func (p *plugin) acquire(ctx context.Context) (*process, error) {
	for {
		p.mu.Lock()
		switch {
		case p.closed:
			p.mu.Unlock()
			return nil, gone(0, "the hub is stopping")
		case p.refusal != "":
			err := p.refused()
			p.mu.Unlock()
			return nil, err
		case p.proc != nil:
			proc := p.proc
			proc.calls.Add(1)
			if p.idle != nil {
				p.idle.Stop()
			}
			p.mu.Unlock()
			return proc, nil
		case p.starting == nil:
			if wait := time.Until(p.retryAt); wait > 0 {
				err := gone(wait, "the plugin %s failed and is not started again yet: %s", p.name, p.lastError)
				p.mu.Unlock()
				return nil, err
			}
			p.starting = make(chan struct{})
			if p.lastError != "" {
				p.restarts++
			}
			p.host.background.Go(p.start)
		}
		starting := p.starting
		p.mu.Unlock()
		select {
		case <-starting:
		case <-ctx.Done():
			return nil, gone(0, "the plugin %s was still being started", p.name)
		}
	}
}

// refused is the error of a plugin that may not run. p.mu is held.
func (p *plugin) refused() error {
	return &hub.Error{
		Code:    hub.CodePluginUnavailable,
		Message: fmt.Sprintf("the plugin %s is not started: %s", p.name, p.refusal),
		Remedy:  "`standpipe providers` lists the plugins and what is wrong with them.",
		Err:     gone(0, "the plugin %s is refused: %s", p.name, p.refusal),
	}
}

// release gives a process back.
func (p *plugin) release(proc *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if proc.calls.Add(-1) > 0 || p.proc != proc || p.closed {
		return
	}
	after := p.host.cfg.IdleStop
	if p.idle == nil {
		p.idle = time.AfterFunc(after, func() { p.stopIdle() })
	} else {
		p.idle.Reset(after)
	}
}

// stopIdle ends a process that nobody is calling. The channel is closed when it
// has ended, or when there was none to end.
func (p *plugin) stopIdle() <-chan struct{} {
	ended := make(chan struct{})
	p.mu.Lock()
	proc := p.proc
	if proc == nil || proc.calls.Load() > 0 || p.closed {
		p.mu.Unlock()
		close(ended)
		return ended
	}
	p.proc = nil
	p.host.background.Go(func() {
		defer close(ended)
		proc.stop(graceToStop)
	})
	p.mu.Unlock()
	p.log.Debug("the idle plugin is stopped", "pid", proc.pid())
	p.changed()
	return ended
}

// start launches the plugin, once, and settles the start that acquire began.
func (p *plugin) start() {
	p.changed()
	definitions := p.definitions()
	proc, described, err := p.host.launch.launch(p.host.ctx, p.found, definitions)
	if err == nil {
		if err = p.learn(described); err != nil {
			proc.stop(0)
		} else {
			p.remember(definitions, described) // before anybody knows, so that whoever has heard of it finds it
		}
	}
	p.mu.Lock()
	p.untried = false
	if err == nil && p.closed {
		err = errors.New("the hub is stopping")
		p.host.background.Go(func() { proc.stop(0) })
	}
	if err != nil {
		p.fail(err.Error())
		p.delay(p.failures)
		if changed, ok := errors.AsType[*hashError](err); ok {
			p.refusal = changed.Error()
		}
	} else {
		p.proc, p.lastError, p.crashed = proc, "", false
		p.host.background.Go(func() { p.watch(proc) })
		// Started to be described, and then perhaps never called.
		if p.idle != nil {
			p.idle.Stop()
		}
		p.idle = time.AfterFunc(p.host.cfg.IdleStop, func() { p.stopIdle() })
	}
	close(p.starting)
	p.starting = nil
	closed := p.closed
	p.mu.Unlock()
	p.settledOnce.Do(func() { close(p.settled) })
	switch {
	case err == nil:
		p.log.Info("the plugin is started", "pid", proc.pid(), "took", time.Since(proc.began).Round(time.Millisecond))
	case !closed:
		p.log.Error("the plugin cannot be started", "error", err)
	}
	p.changed()
}

// learn takes in what the plugin says of itself.
func (p *plugin) learn(described *sdk.DescribeResponse) error {
	providers, problems, err := checkDescriptions(p.name, described.Providers)
	for _, problem := range problems {
		p.log.Warn("the plugin's description has a fault", "problem", problem)
	}
	if err != nil {
		return fmt.Errorf("its description is refused: %w", err)
	}
	if err := p.agreed(providers); err != nil {
		return err
	}
	untaken := p.untakenOf(providers)
	providers, refused := p.host.claim(p, providers)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.providers, p.version, p.untaken = providers, clean(described.Version, 64), untaken
	if len(refused) > 0 && len(providers) == 0 {
		return errors.New(refused[0])
	}
	for _, r := range refused {
		p.log.Error("the plugin may not serve a provider", "problem", r)
	}
	return nil
}

// agreed holds an installed plugin to the hosts that were shown when it was.
// The bytes are the same as then, but what they say need not be.
func (p *plugin) agreed(providers []hub.Descriptor) error {
	if p.locked == nil || p.locked.Hosts == nil {
		return nil
	}
	for _, host := range (&Inspection{Providers: providers}).Hosts() {
		if !slices.Contains(p.locked.Hosts, host) {
			return fmt.Errorf("it wants to reach %s, which was not agreed to when it was installed; run `standpipe plugin update %s`", host, p.name)
		}
	}
	return nil
}

// fail notes a failure. p.mu is held.
func (p *plugin) fail(why string) {
	p.lastError = clean(why, 500)
	p.failures++
}

// delay forbids a start for a while, the longer the greater n; none for n = 0.
// p.mu is held.
func (p *plugin) delay(n int) {
	if n == 0 {
		return
	}
	wait := p.host.cfg.BackoffMin << min(n-1, 20)
	if wait <= 0 || wait > p.host.cfg.BackoffMax {
		wait = p.host.cfg.BackoffMax
	}
	if n >= crashLoop {
		wait, p.crashed = crashLoopWait, true
		p.host.background.Go(func() { p.host.cfg.Crashed(p.status()) })
		p.lastError = clean(fmt.Sprintf("it is in a crash loop and was stopped: %d failures in a row, the last one: %s", n, p.lastError), 600)
	}
	// Jitter, so that plugins that failed together do not return together.
	p.retryAt = time.Now().Add(wait/2 + rand.N(wait/2+1))
}

// watch waits for the end of a process and, if nobody meant it to end, notes
// that.
func (p *plugin) watch(proc *process) {
	<-proc.done()
	p.discard(proc, exitText(proc.run.err, ""))
}

// discard gives a process up: the next call starts another. It returns when
// the process is out of the way, which may be before it is gone.
func (p *plugin) discard(proc *process, why string) {
	p.mu.Lock()
	mine := p.proc == proc
	if mine {
		p.proc = nil
		if time.Since(proc.began) >= aliveLongEnough {
			p.failures = 0
		}
		p.fail(why)
		p.delay(p.failures - 1) // the first time, the next call starts it again
	}
	closed := p.closed
	if !closed {
		p.host.background.Go(func() { proc.stop(0) })
	}
	p.mu.Unlock()
	if mine && !closed {
		p.log.Error("the plugin is given up", "pid", proc.pid(), "error", why)
		p.changed()
	}
}

// described starts the plugin if it is not known, nor remembered, what it serves.
func (p *plugin) described(ctx context.Context) []hub.Descriptor {
	p.recall()
	p.mu.Lock()
	known := p.providers
	p.mu.Unlock()
	if known != nil {
		return known
	}
	proc, err := p.acquire(ctx)
	if err != nil {
		return nil
	}
	p.release(proc)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.providers
}

// serves reports whether the plugin is known to serve a provider.
func (p *plugin) serves(slug string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.providers {
		if p.providers[i].Slug == slug {
			return true
		}
	}
	return false
}

// close ends the process for good.
func (p *plugin) close() {
	p.mu.Lock()
	p.closed = true
	proc := p.proc
	p.proc = nil
	if p.idle != nil {
		p.idle.Stop()
	}
	p.mu.Unlock()
	if proc != nil {
		proc.stop(graceToStop)
	}
}

// status is what to tell of the plugin.
func (p *plugin) status() PluginStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PluginStatus{Name: p.name, Path: p.path, State: StateStopped, Restarts: p.restarts, Error: p.lastError, Untaken: p.untaken}
	if p.pin != (digest{}) {
		s.SHA256 = p.pin.String()
	}
	s.Version = p.version
	if p.locked != nil {
		s.Source, s.Development = p.locked.Source, p.locked.Development != ""
		s.Version = cmp.Or(s.Version, p.locked.Version)
	}
	switch {
	case p.refusal != "":
		s.State, s.Error = StateRefused, p.refusal
	case p.proc != nil:
		s.State, s.PID = StateRunning, p.proc.pid()
		s.Network, s.Files = p.proc.run.holds.closures()
	case p.starting != nil:
		s.State = StateStarting
	case time.Now().Before(p.retryAt):
		if s.State = StateBackoff; p.crashed {
			s.State = StateCrashed
		}
	}
	return s
}

// changed tells the world that status differs from before.
func (p *plugin) changed() {
	p.host.cfg.Publisher.Publish(hub.Event{Type: hub.EventPlugin, Slug: p.name, Detail: string(p.status().State), Time: p.host.cfg.Now()})
}

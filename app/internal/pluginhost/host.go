// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/wire"
)

// Host is all plugins of a hub. It implements hub.Providers and is safe for
// concurrent use.
type Host struct {
	cfg         Config
	definitions *definitions
	launch      *launcher
	ctx         context.Context
	cancel      context.CancelFunc
	background  sync.WaitGroup // starts, stops and watches
	closing     sync.Once
	logs        logs

	mu      sync.Mutex
	closed  bool
	plugins []*plugin          // in the order of precedence
	owners  map[string]*plugin // provider slug → who serves it, once known
}

var _ hub.Providers = (*Host)(nil)

// State is what a plugin is doing.
type State string

// The states.
const (
	StateStopped  State = "stopped" // not needed now
	StateStarting State = "starting"
	StateRunning  State = "running"
	StateBackoff  State = "backoff" // it failed and is left alone for a while
	StateCrashed  State = "crashed" // it failed again and again, and was stopped for a long while
	StateRefused  State = "refused" // it may not run; Error says why
)

// Closure says how well something is closed to a plugin.
type Closure string

// The closures.
const (
	Closed Closure = "closed"
	Open   Closure = "open" // this system has no better
)

// PluginStatus is the state of one plugin.
type PluginStatus struct {
	Name    string
	Path    string
	SHA256  string // as pinned; empty where it is not
	Version string // that it names, or that was installed; may be empty
	Source  string // where it was installed from; empty: it came with the program
	// Development marks a plugin that is being written.
	Development bool
	State       State
	PID         int
	// Network and Files are of a running plugin.
	Network  Closure // its way to the network beside the host's socket
	Files    Closure // its way to the user's files
	Restarts int     // starts after it died; not those after a stop for idleness
	Error    string
	Untaken  []string // slugs of the declared providers that it was sent and does not take
}

// New finds the plugins of cfg.Dirs. It starts none of them. What is wrong with
// a plugin is told by Status; what is wrong with a folder is logged.
func New(cfg Config) (*Host, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	defs := &definitions{}
	if err := defs.set(cfg.Definitions); err != nil {
		return nil, err
	}
	copies := filepath.Join(cfg.RunDir, "bin")
	for _, dir := range []string{cfg.RunDir, copies} {
		if err := privateDir(dir); err != nil {
			return nil, fmt.Errorf("run folder: %w", err)
		}
	}
	sockets, err := socketFolder(cfg.RunDir)
	if err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, definitions: defs, owners: map[string]*plugin{}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.launch = &launcher{
		spawn: &spawner{}, serves: wire.Served(wire.ProtocolVersion), copies: copies, sockets: sockets, outbound: cfg.Outbound,
		timeout: cfg.StartTimeout, env: pluginEnv(), log: cfg.Logger, logs: &h.logs,
	}
	all, err := find(cfg.Dirs)
	if err != nil {
		cfg.Logger.Error("a plugin folder is not used", "error", err)
	}
	for _, f := range all {
		h.plugins = append(h.plugins, h.newPlugin(f))
	}
	return h, nil
}

func (h *Host) newPlugin(f found) *plugin {
	p := &plugin{found: f, host: h, log: h.cfg.Logger.With("plugin", f.name), settled: make(chan struct{}), refusal: f.unfit}
	if f.unfit != "" {
		p.log.Error("a plugin is refused", "path", f.path, "reason", f.unfit)
		p.settledOnce.Do(func() { close(p.settled) })
	}
	return p
}

// Close ends every plugin. Calls in flight fail; those to come fail at once.
// When Close returns, no process and no socket of the host is left.
func (h *Host) Close() error {
	h.closing.Do(func() {
		h.mu.Lock()
		h.closed = true
		h.mu.Unlock()
		h.cancel()
		var all sync.WaitGroup
		for _, p := range h.list() {
			all.Go(p.close)
		}
		all.Wait()
		h.background.Wait()
		_ = os.RemoveAll(h.launch.sockets)
	})
	return nil
}

// Rest ends the plugins that nobody is calling, whose memory and whose messages
// hold what they were given last. They start again when they are called.
func (h *Host) Rest() {
	var all []<-chan struct{}
	for _, p := range h.list() {
		all = append(all, p.stopIdle())
	}
	for _, ended := range all {
		<-ended
	}
}

// Try starts the plugins that were not started yet, as it is remembered what they
// serve, so that Status tells whether they work. It waits for that.
func (h *Host) Try(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range h.list() {
		if !p.isUntried() {
			continue
		}
		all.Go(func() {
			if proc, err := p.acquire(ctx); err == nil {
				p.release(proc)
			}
		})
	}
	all.Wait()
}

// Status lists the plugins that were found, in the order of precedence.
func (h *Host) Status() []PluginStatus {
	plugins := h.list()
	out := make([]PluginStatus, 0, len(plugins))
	for _, p := range plugins {
		out = append(out, p.status())
	}
	return out
}

// Describe implements hub.Providers. It starts the plugins of which it is neither
// known nor remembered what they serve, all at a time. A plugin that does not work has no providers, and one
// that failed before is tried again without being waited for.
func (h *Host) Describe(ctx context.Context) ([]hub.Descriptor, error) {
	plugins := h.list()
	lists := make([][]hub.Descriptor, len(plugins))
	var all sync.WaitGroup
	for i, p := range plugins {
		if p.hasFailed() {
			h.inBackground(func() { p.described(h.ctx) })
			continue
		}
		all.Go(func() { lists[i] = p.described(ctx) })
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, &hub.ProviderError{Class: hub.ProviderTemporary, Message: "the plugins were not described in time", Unsent: true}
	}
	out := slices.Concat(lists...)
	slices.SortFunc(out, func(a, b hub.Descriptor) int { return strings.Compare(a.Slug, b.Slug) })
	return out, nil
}

// hasFailed reports whether the plugin was tried and nothing is known of it.
func (p *plugin) hasFailed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures > 0 && p.providers == nil
}

func (p *plugin) isUntried() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.untried
}

// inBackground runs f unless the host is closed.
func (h *Host) inBackground(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.background.Go(f)
	}
}

// find returns the plugin that serves a provider. It waits for no plugin that
// comes after that one: a broken plugin of the user's delays no bundled one.
func (h *Host) find(ctx context.Context, slug string) (*plugin, error) {
	plugins := h.list()
	// A plugin's own name is its own, whatever others say they serve.
	for _, p := range plugins {
		if p.name == slug {
			return p, nil
		}
	}
	if owner := h.owner(slug); owner != nil {
		return owner, nil
	}
	for _, p := range plugins {
		p.recall()
	}
	if owner := h.owner(slug); owner != nil {
		return owner, nil
	}
	for _, p := range plugins {
		select {
		case <-p.settled:
		default:
			h.inBackground(func() { p.described(h.ctx) })
		}
	}
	for _, p := range plugins {
		select {
		case <-p.settled:
		case <-ctx.Done():
			return nil, gone(0, "the plugins were still being started")
		}
		if p.serves(slug) {
			return p, nil
		}
	}
	return nil, &hub.Error{
		Code:    hub.CodePluginUnavailable,
		Message: fmt.Sprintf("no working plugin serves the provider %q", clean(slug, 64)),
		Remedy:  "`standpipe providers` lists the plugins and what is wrong with them.",
		Err:     gone(0, "no plugin serves %q", clean(slug, 64)),
	}
}

// owner is the plugin of which it is known that it serves a provider, or nil.
func (h *Host) owner(slug string) *plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.owners[slug]
}

// claim gives a plugin the providers it describes, but those that belong to
// another: a provider stays with the first plugin that served it, and one that
// has the name of a plugin belongs to that plugin.
func (h *Host) claim(p *plugin, providers []hub.Descriptor) (mine []hub.Descriptor, refused []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mine = []hub.Descriptor{}
	// What it does not serve any more is free for others.
	maps.DeleteFunc(h.owners, func(slug string, owner *plugin) bool {
		return owner == p && !slices.ContainsFunc(providers, func(d hub.Descriptor) bool { return d.Slug == slug })
	})
	for _, d := range providers {
		owner := h.owners[d.Slug]
		for _, other := range h.plugins {
			if other.name == d.Slug {
				owner = other
				break
			}
		}
		if owner != nil && owner != p {
			refused = append(refused, fmt.Sprintf("the provider %q is served by the plugin at %s already", d.Slug, owner.path))
			continue
		}
		h.owners[d.Slug] = p
		mine = append(mine, d)
	}
	return mine, refused
}

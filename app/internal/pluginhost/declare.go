// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
)

// Declaring is the plugin that serves declared providers.
const Declaring = "oauth2"

// definitions are the declared providers. It is safe for concurrent use.
type definitions struct {
	mu     sync.RWMutex
	all    [][]byte
	bySlug map[string][]byte
}

func (d *definitions) set(all [][]byte) error {
	bySlug, err := parseDefinitions(all)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all, d.bySlug = slices.Clone(all), bySlug
	return nil
}

// list is what a plugin is sent when it is asked to describe itself.
func (d *definitions) list() [][]byte {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.all // replaced as a whole, never changed
}

func (d *definitions) of(slug string) []byte {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.bySlug[slug]
}

// slugs are in alphabetical order.
func (d *definitions) slugs() []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Sorted(maps.Keys(d.bySlug))
}

// SetDefinitions replaces the declared providers (Config.Definitions) and, where
// it is known already what the plugin Declaring serves, asks it again. Calls
// under way are not disturbed: each carries the definition it is about. An error
// that is a *hub.ProviderError is the plugin's; the definitions are in place then,
// and are sent when it starts again.
func (h *Host) SetDefinitions(ctx context.Context, all [][]byte) error {
	if err := h.definitions.set(all); err != nil {
		return err
	}
	for _, p := range h.list() {
		if p.name == Declaring && p.isKnown() {
			return p.describeAgain(ctx)
		}
	}
	return nil
}

// isKnown reports whether it was told before what the plugin serves.
func (p *plugin) isKnown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.providers != nil
}

// describeAgain asks a plugin anew what it serves. One that was not running is
// started by it, and was asked then.
func (p *plugin) describeAgain(ctx context.Context) error {
	proc, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.release(proc)
	ctx, cancel := context.WithTimeout(ctx, p.host.cfg.StartTimeout)
	defer cancel()
	definitions := p.definitions()
	described, err := proc.api.Describe(ctx, &sdk.DescribeRequest{Definitions: definitions})
	if err == nil {
		err = p.learn(described)
	}
	if err != nil {
		return &hub.ProviderError{Class: hub.ProviderBug, Message: fmt.Sprintf("the plugin %s does not take the definitions: %s", p.name, clean(err.Error(), maxText)), Unsent: true}
	}
	p.remember(definitions, described)
	return nil
}

// definitions are those that a plugin is sent: all to Declaring, which serves them,
// and none to others, which so have no reason to be asked again when they change.
func (p *plugin) definitions() [][]byte {
	if p.name != Declaring {
		return nil
	}
	return p.host.definitions.list()
}

// untakenOf are the slugs of the definitions that are not among what the plugin
// says to serve: their authors have to be told, as nothing fails. What the parser
// of definitions refuses is sent to no plugin; this is the rest: what the host does
// not believe of a description, and what another version of the plugin refuses.
func (p *plugin) untakenOf(providers []hub.Descriptor) (untaken []string) {
	if p.name != Declaring {
		return nil
	}
	for _, slug := range p.host.definitions.slugs() {
		if !slices.ContainsFunc(providers, func(d hub.Descriptor) bool { return d.Slug == slug }) {
			untaken = append(untaken, slug)
		}
	}
	return untaken
}

// serving is the plugin that a call for a target goes to.
func (h *Host) serving(ctx context.Context, t hub.Target) (*plugin, error) {
	if t.Draft != nil {
		return h.declaring()
	}
	return h.find(ctx, t.Provider)
}

// declaring is the plugin that serves a draft: a definition that is no declared
// provider yet.
func (h *Host) declaring() (*plugin, error) {
	for _, p := range h.list() {
		if p.name == Declaring {
			return p, nil
		}
	}
	return nil, &hub.Error{
		Code: hub.CodePluginUnavailable, Message: fmt.Sprintf("the plugin %s, which serves declared providers, was not found", Declaring),
		Remedy: "`standpipe providers` lists the plugins and what is wrong with them.", Err: gone(0, "no plugin %q", Declaring),
	}
}

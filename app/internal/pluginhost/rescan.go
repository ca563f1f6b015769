// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"maps"
	"reflect"
	"slices"
)

// Change is a plugin that came, was replaced, or went.
type Change struct {
	Name        string
	SHA256      string
	Removed     bool
	Development bool
}

// Rescan looks at the plugin folders again: what was installed is there from
// now on, what was removed is ended, and what was replaced is ended and will be
// started anew when it is called. Calls under way of plugins that stay do not
// notice. It returns what is different, by path.
func (h *Host) Rescan() (changes []Change) {
	all, err := find(h.cfg.Dirs)
	if err != nil {
		h.cfg.Logger.Error("a plugin folder is not used", "error", err)
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	old := map[string]*plugin{}
	for _, p := range h.plugins {
		old[p.path] = p
	}
	var next []*plugin
	for _, f := range all {
		// A refusal that came of running it stays with the bytes it was about.
		if p := old[f.path]; p != nil && p.found.same(f) {
			next = append(next, p)
			delete(old, f.path)
			continue
		}
		next = append(next, h.newPlugin(f))
		changes = append(changes, Change{Name: f.name, SHA256: f.pin.String(), Development: f.locked != nil && f.locked.Development != ""})
	}
	gone := slices.Collect(maps.Values(old))
	for _, p := range gone {
		if !slices.ContainsFunc(next, func(n *plugin) bool { return n.path == p.path }) {
			changes = append(changes, Change{Name: p.name, Removed: true})
		}
		maps.DeleteFunc(h.owners, func(_ string, owner *plugin) bool { return owner == p })
	}
	h.plugins = next
	for _, p := range gone {
		h.background.Go(func() { p.close(); p.changed() })
	}
	h.mu.Unlock()
	return changes
}

// same reports whether two finds are of the same bytes under the same terms.
func (f found) same(o found) bool {
	return f.name == o.name && f.pin == o.pin && f.unfit == o.unfit && reflect.DeepEqual(f.locked, o.locked)
}

// list is the plugins as they are now, in the order of precedence.
func (h *Host) list() []*plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.plugins // replaced as a whole, never changed
}

// SPDX-License-Identifier: Apache-2.0

package pluginhost

// maxAncestors bounds a walk to the first process.
const maxAncestors = 64

// Owns reports whether a process is a plugin, or was started by one: it is in a
// plugin's session, below a plugin, or carries a plugin's mark. A process that
// got rid of all three is not recognised.
func (h *Host) Owns(pid int) bool {
	plugins := map[int]bool{}
	var markers []string
	for _, p := range h.list() {
		p.mu.Lock()
		if p.proc != nil {
			plugins[p.proc.pid()] = true
			markers = append(markers, p.proc.run.marker)
		}
		p.mu.Unlock()
	}
	if len(plugins) == 0 {
		return false
	}
	for _, m := range markers {
		if hasMarker(pid, m) {
			return true
		}
	}
	for at, n := pid, 0; at > 1 && n < maxAncestors; n++ {
		_, parent, session, ok := procStat(at)
		if plugins[at] || ok && plugins[session] {
			return true
		}
		at = parent
	}
	return false
}

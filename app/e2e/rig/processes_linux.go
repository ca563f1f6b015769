// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Helper is a process that another one has started.
type Helper struct {
	PID  int
	Name string // at most 15 bytes
}

// Helpers are the processes that a hub has started and that live: its plugins,
// and those of its window.
func (h *Hub) Helpers() (list []Helper) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", h.PID())) // the pattern is good
	for _, path := range files {
		b, _ := os.ReadFile(path) // a thread that has ended has none
		for _, field := range strings.Fields(string(b)) {
			pid, _ := strconv.Atoi(field) // digits, says proc(5)
			if name, lives := look(pid); lives {
				list = append(list, Helper{pid, name})
			}
		}
	}
	return list
}

// Lives reports whether the process is still there.
func (p Helper) Lives() bool {
	name, lives := look(p.PID)
	return lives && name == p.Name
}

// Lives reports whether the process itself runs: it is not Done before those that
// it started have ended too.
func (p *running) Lives() bool {
	_, lives := look(p.PID())
	return lives
}

// look finds a process; one that only waits to be waited for does not live.
func look(pid int) (name string, lives bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// 4711 (name) S …; a name may hold anything.
	begin, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if err != nil || begin < 0 || end+2 >= len(b) {
		return "", false
	}
	return string(b[begin+1 : end]), b[end+2] != 'Z' && b[end+2] != 'X'
}

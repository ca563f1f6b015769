// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxPlaces bounds what is remembered of one process.
const maxPlaces = 4096

// places remembers where the sockets of the process are that was found last: a
// program that opens connections by the hundred is looked through once. What it
// remembers is held against the kernel's word each time. Safe for concurrent use.
type places struct {
	mu  sync.Mutex
	at  map[uint64]int // the descriptor, by inode
	pid int
}

var seen places

// process finds the process of a socket whose place is remembered.
func (s *places) process(o owner) (hub.Peer, bool) {
	s.mu.Lock()
	pid, fd := s.pid, -1
	if n, ok := s.at[o.inode]; ok {
		fd = n
	}
	s.mu.Unlock()
	if fd < 0 {
		return hub.Peer{}, false
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != o.uid {
		return hub.Peer{}, false
	}
	if at, ok := inode(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); !ok || at != o.inode {
		return hub.Peer{}, false
	}
	return Process(o.uid, pid), true
}

// look looks for a socket among the descriptors of a process, and where it is
// there, remembers its others too.
func (s *places) look(o owner, pid int) (hub.Peer, bool) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return hub.Peer{}, false // a process that lets nobody look
	}
	at := map[uint64]int{}
	found := false
	for _, fd := range fds {
		n, err := strconv.Atoi(fd.Name())
		if err != nil {
			continue
		}
		if i, ok := inode(filepath.Join(dir, fd.Name())); ok && len(at) < maxPlaces {
			at[i] = n
			found = found || i == o.inode
		}
	}
	if !found {
		return hub.Peer{}, false
	}
	s.mu.Lock()
	s.at, s.pid = at, pid
	s.mu.Unlock()
	return Process(o.uid, pid), true
}

// inode is the number of the socket to which a link of /proc/PID/fd leads.
func inode(link string) (uint64, bool) {
	to, err := os.Readlink(link)
	if err != nil {
		return 0, false
	}
	number, ok := strings.CutPrefix(to, "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
	return n, err == nil
}

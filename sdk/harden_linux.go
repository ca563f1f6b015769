// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"log/slog"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// harden closes what the process should not have inherited, and keeps its
// memory from other processes of the user and from core files. What fails is
// logged; a plugin is no less safe than it was.
func harden(log *slog.Logger) {
	// Before the process stops being dumpable: /proc/self is root's after that.
	closeInherited()
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		log.Warn("the memory of the plugin is not protected", "error", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		log.Warn("core files of the plugin are not prevented", "error", err)
	}
}

// closeInherited closes every descriptor from 3 on that lacks FD_CLOEXEC. Those
// that Go opens all have it, so these came from the host, some library of which
// opened them carelessly; whoever reads from such a pipe would wait for us.
func closeInherited() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < 3 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"runtime/debug"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// userUmask and userCore are what the user had set; programs that are not
// part of Standpipe get them back.
var (
	userUmask = 0o022
	userCore  unix.Rlimit
)

// harden keeps secrets in the process. Other processes of the same user cannot
// read its memory or environment, a crash leaves no core file, new files are
// private, and children get no descriptor that this process was started with
// (such as the one of --key passphrase-fd:N). What the system refuses is left
// as it is: it does not happen on kernels of this century.
func harden() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &userCore); err == nil {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: userCore.Max})
	}
	userUmask = syscall.Umask(0o077)
	debug.SetTraceback("none") // GOTRACEBACK in the environment asks for more
	closeOnExec()
}

// unharden gives back the user's settings, before the process becomes another
// program.
func unharden() {
	syscall.Umask(userUmask)
	if userCore.Max > 0 {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &userCore)
	}
}

// closeOnExec keeps children from inheriting descriptors beyond the standard
// three. Descriptors that Go opens are marked already; those that were
// inherited, or opened by C libraries, are not.
func closeOnExec() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

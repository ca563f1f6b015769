// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/internal/api/contract"
)

// checkProcess looks whether the process keeps its memory and files to itself.
func checkProcess() []contract.Finding {
	var loose []string
	if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || d != 0 {
		loose = append(loose, "other processes of this user can read its memory (it is dumpable)")
	}
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 {
		loose = append(loose, "a crash may leave a core file")
	}
	status, _ := os.ReadFile("/proc/self/status")
	if _, after, ok := strings.Cut(string(status), "Umask:\t"); ok && !strings.HasPrefix(after, "0077") {
		loose = append(loose, "it makes files that others can read (umask "+strings.TrimSpace(after[:min(4, len(after))])+")")
	}
	if loose == nil {
		return good("the process is not dumpable, leaves no core file, and makes private files")
	}
	return warn("Report it: the program sets this itself when it starts.", "the process is not hardened: %s", strings.Join(loose, "; "))
}

// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Apart runs a test once more in a process of its own, with the namespaces of
// flags (clone(2)), and reports whether this is that process; in the other one
// there is nothing left to do. It skips the test where the system gives no such
// namespaces.
//
// A thread with namespaces of its own would not do: it has to end with its test,
// and with a thread the kernel kills what any test happened to start on it.
func Apart(t *testing.T, flags uintptr) bool {
	t.Helper()
	const within = "STANDPIPE_E2E_APART"
	if os.Getenv(within) == t.Name() {
		return true
	}
	Build(t) // not there, where there may be no network to fetch what it lacks
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	cmd := exec.Command(self, "-test.run="+run, "-test.timeout=15m", "-test.v")
	cmd.Env = append(os.Environ(), within+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
	if id := os.Geteuid(); id != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN}
	}
	out, err := cmd.CombinedOutput()
	switch _, ran := errors.AsType[*exec.ExitError](err); {
	case err == nil:
		t.Logf("in a process of its own:\n%s", out)
	case ran:
		t.Fatalf("in a process of its own: %v\n%s", err, out)
	default:
		t.Skipf("this system gives no namespaces: %v", err)
	}
	return false
}

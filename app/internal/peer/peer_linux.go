// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// errGone is returned for a socket that has no owner any more: its program has
// closed it, and the kernel names root in its place.
var errGone = errors.New("its program has closed it already")

// lookUp finds the owner of the socket with the address own whose other end is
// other: by asking the kernel for that socket, or, where sock_diag(7) is not
// there, by looking through all of them.
func lookUp(own, other netip.AddrPort) (owner, error) {
	o, err := diagnose(own, other)
	if err != nil && !errors.Is(err, errGone) {
		if o, err = searchProc(own, other); err != nil {
			return owner{}, err
		}
	}
	if err == nil && o.inode == 0 {
		err = errGone
	}
	return o, err
}

// searchProc reads /proc/net/tcp and tcp6 (proc_net_tcp in the kernel's documentation).
func searchProc(own, other netip.AddrPort) (owner, error) {
	file := "/proc/net/tcp"
	if own.Addr().Is6() {
		file = "/proc/net/tcp6"
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return owner{}, err
	}
	want := hexAddr(own) + " " + hexAddr(other) + " "
	for line := range strings.Lines(string(b)) {
		_, rest, _ := strings.Cut(line, ": ")
		if !strings.HasPrefix(rest, want) {
			continue
		}
		// local remote state queues timer retransmits uid timeout inode
		f := strings.Fields(rest)
		if len(f) < 9 {
			break
		}
		uid, err1 := strconv.Atoi(f[6])
		inode, err2 := strconv.ParseUint(f[8], 10, 64)
		return owner{uid, inode}, errors.Join(err1, err2)
	}
	return owner{}, fmt.Errorf("%s does not list it", file)
}

// hexAddr is an address as /proc/net/tcp has it: words in the byte order of the
// machine.
func hexAddr(a netip.AddrPort) string {
	var s strings.Builder
	b := a.Addr().AsSlice()
	for i := 0; i < len(b); i += 4 {
		fmt.Fprintf(&s, "%08X", nativeEndian.Uint32(b[i:]))
	}
	fmt.Fprintf(&s, ":%04X", a.Port())
	return s.String()
}

// processOf finds the process that has a socket open. Of several (a child has
// inherited it), the first. It looks through the processes of that user, which
// takes some milliseconds.
func processOf(o owner) hub.Peer {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return hub.Peer{UID: o.uid}
	}
	for _, proc := range procs {
		pid, err := strconv.Atoi(proc.Name())
		if err != nil {
			continue
		}
		info, err := proc.Info()
		if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != o.uid {
			continue
		}
		if p, ok := seen.look(o, pid); ok {
			return p
		}
	}
	return hub.Peer{UID: o.uid}
}

// executable is the path of a process's program; empty where that is not told,
// as of one that is not dumpable (prctl(2)), which Standpipe's own command is not.
func executable(pid int) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return ""
	}
	return printable(path)
}

// maxComm is how much of a name the kernel keeps (TASK_COMM_LEN).
const maxComm = 15

// nameOf is what a process calls itself: the name of its file at first, and then
// what it likes. Everybody may read it. The rest of a long one is in its arguments.
func nameOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	name := strings.TrimSuffix(string(b), "\n")
	if len(name) == maxComm {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		program, _, _ := strings.Cut(string(line), "\x00")
		if whole := filepath.Base(program); strings.HasPrefix(whole, name) && len(whole) <= unix.NAME_MAX {
			name = whole
		}
	}
	return printable(name)
}

// printable writes out what would reorder or hide text: a program chooses its
// file's name and its own, and both are shown.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(s) {
		quoted := strconv.Quote(s)
		return quoted[1 : len(quoted)-1]
	}
	return s
}

// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// canIsolate says that sysProcAttr knows how to take the network away.
const canIsolate = true

// sysProcAttr gives the plugin a session of its own, so that it has no terminal
// and its group can be killed as a whole, and makes it die with the thread that
// started it. With isolate it also gets a network of its own, in which there is
// nothing: what remains is the host's socket; and it is the first process of a
// world of its own, in which it can signal nobody else, and with whose end the
// kernel kills whatever it started, however that tried to get away. Root may do
// that; an ordinary user in a user namespace, in which he is nobody else than
// before. Not every system allows it.
func sysProcAttr(isolate bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if isolate {
		attr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
	}
	if uid, gid := os.Geteuid(), os.Getegid(); isolate && uid != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
	return attr
}

// limitProcess bounds what a plugin can take of the machine. It is best
// effort: a plugin that lives for a moment without limits harms nobody.
func limitProcess(pid int) {
	set := func(resource int, limit uint64) {
		_ = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil)
	}
	set(unix.RLIMIT_CORE, 0) // a core file would hold tokens
	set(unix.RLIMIT_NOFILE, 256)
	set(unix.RLIMIT_DATA, 1<<30)
	set(unix.RLIMIT_FSIZE, 1<<20)
}

// dropCapabilities leaves a hub that runs as root, as in a container, no
// capability to pass on: whatever the calling thread starts has none. Who has
// none cannot drop any.
func dropCapabilities() {
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
}

// sealDescriptors marks the descriptors that some library opened without
// close-on-exec (WebKit's pipes, for one), so that no plugin inherits them:
// whoever reads from such a pipe would wait for the plugin to exit.
func sealDescriptors() {
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
			unix.CloseOnExec(fd)
		}
	}
}

// awaitExit returns when the process has exited but was not reaped yet: while
// it is a zombie its number, and that of its group, cannot be taken by others.
// It reports false where that cannot be waited for.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// killTree kills a plugin and whatever it started: its process group, its
// descendants, and those that left both but still carry marker in their
// environment. Of a plugin that is the first of its world, the kernel has left
// nothing to be found.
func killTree(pid int, marker string) {
	_ = unix.Kill(-pid, unix.SIGKILL)
	// A process that forks while it is being looked for is found in the next
	// round; what is left after these rounds has got rid of all its marks.
	for range 5 {
		left := descendants(pid, marker)
		if len(left) == 0 {
			return
		}
		for _, p := range left {
			_ = unix.Kill(p, unix.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// descendants lists the living processes, without pid itself, that belong to
// the plugin pid. Whose they are is not asked: a process that forbids to be
// dumped looks like root's.
func descendants(pid int, marker string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	self := os.Getpid()
	parent, mine := map[int]int{}, map[int]bool{pid: true}
	var all []int
	for _, e := range entries {
		p, err := strconv.Atoi(e.Name())
		if err != nil || p == self || p == pid {
			continue
		}
		state, ppid, session, ok := procStat(p)
		if !ok || state == 'Z' || state == 'X' {
			continue
		}
		all = append(all, p)
		parent[p] = ppid
		mine[p] = session == pid || hasMarker(p, marker)
	}
	// Children of ours are ours, however deep.
	for changed := true; changed; {
		changed = false
		for _, p := range all {
			if !mine[p] && mine[parent[p]] {
				mine[p], changed = true, true
			}
		}
	}
	var out []int
	for _, p := range all {
		if mine[p] {
			out = append(out, p)
		}
	}
	return out
}

// procStat reads state, parent and session from /proc/PID/stat (proc(5)).
func procStat(pid int) (state byte, ppid, session int, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, 0, false
	}
	// The name, in parentheses, may hold anything; the rest follows the last one.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 4 {
		return 0, 0, 0, false
	}
	ppid, err1 := strconv.Atoi(string(f[1]))
	session, err2 := strconv.Atoi(string(f[3]))
	return f[0][0], ppid, session, err1 == nil && err2 == nil
}

// nameOf is the name of a process, for people.
func nameOf(pid int) string {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return string(bytes.TrimSpace(b))
}

func hasMarker(pid int, marker string) bool {
	env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil || marker == "" {
		return false
	}
	for v := range bytes.SplitSeq(env, []byte{0}) {
		if string(v) == marker {
			return true
		}
	}
	return false
}

// processAlive reports whether there is a process with this number.
func processAlive(pid int) bool { return unix.Kill(pid, 0) != unix.ESRCH }

// others names what the plugin pid started and what runs now.
func others(pid int, marker string) (names []string) {
	for _, p := range descendants(pid, marker) {
		if name := nameOf(p); name != "" {
			names = append(names, name)
		}
	}
	return names
}

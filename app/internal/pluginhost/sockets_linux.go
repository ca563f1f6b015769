// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditArch are the architectures whose system calls the filter knows: a call of
// another (a 32-bit one, say) would pass under another number.
var auditArch = map[string]uint32{
	"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64, "riscv64": unix.AUDIT_ARCH_RISCV64,
	"loong64": unix.AUDIT_ARCH_LOONGARCH64, "ppc64le": unix.AUDIT_ARCH_PPC64LE,
}

// Offsets in struct seccomp_data, on little-endian machines.
const (
	seccompNumber = 0
	seccompArch   = 4
	seccompDomain = 16 // the low half of the first argument
)

// x32 is the bit of the calls of amd64's other interface.
const x32 = 0x40000000

// closeSockets refuses every socket but Unix ones (seccomp(2)) to the calling
// thread and to whatever it starts, for good: as if the kernel knew no other
// kind. Landlock would close TCP only, and not where it goes by the name of
// MPTCP. io_uring, which makes sockets past the filter, is refused as well.
func closeSockets() error {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("no seccomp filter for %s", runtime.GOARCH)
	}
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	jump := func(op uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	answer := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	filter := []unix.SockFilter{
		load(seccompArch),
		jump(unix.BPF_JEQ, arch, 0, 6), // → refuse
		load(seccompNumber),
		jump(unix.BPF_JGE, x32, 4, 0),                     // → refuse
		jump(unix.BPF_JEQ, unix.SYS_IO_URING_SETUP, 3, 0), // → refuse
		jump(unix.BPF_JEQ, unix.SYS_SOCKET, 0, 3),         // → allow
		load(seccompDomain),
		jump(unix.BPF_JEQ, unix.AF_UNIX, 1, 0), // → allow
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)),
		answer(unix.SECCOMP_RET_ALLOW),
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(filter)
	if errors.Is(err, unix.EINVAL) {
		return errors.New("this kernel has no seccomp filters")
	}
	if err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock (landlock(7)) closes the files of the user to a plugin: it is told
// what may be opened, and all else is refused, to the plugin and to whatever it
// starts. A thread confines itself, and so what it starts from then on; that is
// why each plugin is started on a thread of its own. Nothing of the plugin's
// takes part, so it works on hostile ones and in any language.

// Rights on files, by what they are for.
const (
	mayRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE
	mayList  = unix.LANDLOCK_ACCESS_FS_READ_DIR
	mayWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	mayRun   = unix.LANDLOCK_ACCESS_FS_EXECUTE | mayRead
	// maySocket is what a folder for sockets is for.
	maySocket = mayRead | mayList | mayWrite | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
)

// landlockFiles is every right that a version of the interface knows.
func landlockFiles(abi int) uint64 {
	all := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1) // version 1: all up to this one
	if abi >= 2 {
		all |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		all |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 5 {
		all |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return all
}

// scopes of version 6: no abstract sockets and no signals but among themselves.
const landlockScopes = 1<<0 | 1<<1

// systemFiles are what programs need of a system, and hold nothing of a user.
var systemFiles = map[string]uint64{
	"/usr": mayRun | mayList, "/lib": mayRun | mayList, "/lib64": mayRun | mayList, "/bin": mayRun | mayList,
	"/etc/ssl": mayRead | mayList, "/etc/pki": mayRead | mayList, "/etc/ca-certificates": mayRead | mayList,
	"/etc/ld.so.cache": mayRead, "/etc/localtime": mayRead, "/etc/hosts": mayRead, "/etc/nsswitch.conf": mayRead,
	"/dev/null": mayRead | mayWrite, "/dev/zero": mayRead, "/dev/urandom": mayRead, "/dev/random": mayRead,
	"/sys/devices/system/cpu": mayRead, "/sys/kernel/mm": mayRead, "/sys/fs/cgroup": mayRead,
}

// rightsOnProc are what this thread needs there. To put the child into a user
// namespace it writes its maps; what that opens to the plugin is little, since
// most of other processes is a matter of ptrace, which Landlock refuses. Root
// needs no such namespace, and could do more there: change the kernel's settings.
func rightsOnProc() uint64 {
	if os.Geteuid() == 0 {
		return mayRead | mayList
	}
	return mayRead | mayWrite | mayList
}

// confine closes the files of the user to the calling thread and to whatever
// it starts, but for executable and socketDir. On an error the thread is what it
// was.
func confine(executable, socketDir string, env []string) error {
	abi, err := landlockVersion()
	if err != nil {
		return err
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: landlockFiles(abi)}
	if abi >= 6 {
		attr.Scoped = landlockScopes
	}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	defer unix.Close(int(ruleset))
	if err := allow(int(ruleset), executable, mayRun); err != nil {
		return err
	}
	if err := allow(int(ruleset), socketDir, maySocket); err != nil {
		return err
	}
	if err := allow(int(ruleset), "/proc", rightsOnProc()); err != nil {
		return err
	}
	for path, rights := range systemFiles {
		if err := allow(int(ruleset), path, rights); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, path := range certificates(env) {
		_ = allow(int(ruleset), path, mayRead|mayList) // the plugin will say that it has none
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	return nil
}

// allow adds a rule: rights on path and all beneath it.
func allow(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= mayRun | mayWrite // what concerns folders is refused on files
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("landlock, %s: %w", path, errno)
	}
	return nil
}

// certificates are the files that the environment of a plugin names.
func certificates(env []string) []string {
	var out []string
	for _, e := range env {
		for _, name := range []string{"SSL_CERT_FILE=", "SSL_CERT_DIR="} {
			if len(e) > len(name) && e[:len(name)] == name {
				out = append(out, filepath.SplitList(e[len(name):])...)
			}
		}
	}
	return out
}

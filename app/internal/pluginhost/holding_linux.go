// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"

	"golang.org/x/sys/unix"
)

// landlockVersion is the version of the kernel's interface.
func landlockVersion() (int, error) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
		return int(abi), nil
	case unix.ENOSYS:
		return 0, errors.New("this kernel has no Landlock (Linux 5.13 has)")
	case unix.EOPNOTSUPP:
		return 0, errors.New("the kernel's security modules do not include Landlock (boot option lsm=)")
	}
	return 0, fmt.Errorf("landlock: %w", errno)
}

// tryIsolation makes the namespaces of a plugin for a program that does not
// exist: that it is not found is what comes after them.
func tryIsolation() error {
	cmd := exec.Cmd{Path: "/nonexistent/standpipe", SysProcAttr: sysProcAttr(true)}
	err := cmd.Start()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, unix.ENOSPC):
		return errors.New("this system allows no more user namespaces (sysctl user.max_user_namespaces)")
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return errors.New("this system allows ordinary users no user namespaces (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)")
	}
	return fmt.Errorf("user namespaces: %w", err)
}

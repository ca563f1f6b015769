// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// checkPeer refuses a connection that does not come from this user and from
// the session of the process pid.
func checkPeer(c net.Conn, pid int) error {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("not a Unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	cerr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(cerr, err); err != nil {
		return err
	}
	if int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("user %d is not this user", cred.Uid)
	}
	if int(cred.Pid) == pid {
		return nil
	}
	if sid, err := unix.Getsid(int(cred.Pid)); err != nil || sid != pid {
		return fmt.Errorf("process %d is not the plugin", cred.Pid)
	}
	return nil
}

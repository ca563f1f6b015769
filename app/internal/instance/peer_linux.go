// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who is on the other end (SO_PEERCRED, unix(7)): who
// connected, or, of a listener, who listened.
func peerOf(c *net.UnixConn) (Peer, error) {
	var cred *unix.Ucred
	err := control(c, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	if err != nil {
		return Peer{}, err
	}
	return Peer{UID: int(cred.Uid), PID: int(cred.Pid)}, nil
}

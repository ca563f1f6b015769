// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who is on the other end (LOCAL_PEERCRED, unix(4)).
func peerOf(c *net.UnixConn) (Peer, error) {
	var p Peer
	err := control(c, func(fd int) error {
		cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		if err != nil {
			return err
		}
		p.UID = int(cred.Uid)
		p.PID, err = unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		return err
	})
	return p, err
}

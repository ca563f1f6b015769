// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package instance

import (
	"errors"
	"net"
)

// control runs f on the descriptor of a connection.
func control(c *net.UnixConn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = f(int(fd)) })
	return errors.Join(err, inner)
}

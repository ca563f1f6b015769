// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"net"
	"syscall"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// explainPort adds who has the port to an error of listening on it.
func explainPort(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	addr, ok := op.Addr.(*net.TCPAddr)
	if !ok {
		return err
	}
	who := whoListens(addr.Port)
	if who == "" {
		who = "another program"
	}
	return hub.Errorf(hub.CodeConflict, "%s is taken by %s: %w", addr, who, err).
		WithRemedy("End that program, or choose another address with --listen or --ui-listen. The address of the app API is part of every redirect URI, so enter the new one at the providers too.")
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// What helps where a port is taken.
const (
	otherHubAddress     = "If that is a hub with another data folder, name the folder, with --data or STANDPIPE_DATA. Else end that program, or choose another address with --listen or --ui-listen. The address of the app API is part of every redirect URI, so enter the new one at the providers too."
	otherSandboxAddress = "End that program, or choose another address with --listen, and name it in the configuration file: sandbox = \"http://127.0.0.1:PORT\""
)

// explainPort says who has the port where one cannot be listened on, and what
// helps.
func explainPort(err error, remedy string) error {
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
	return &hub.Error{Code: hub.CodeConflict, Message: fmt.Sprintf("%s is taken by %s", addr, who), Remedy: remedy, Err: err}
}

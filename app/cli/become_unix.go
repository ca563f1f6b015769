// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cli

import (
	"fmt"
	"syscall"
)

// become turns this process into another program. Signals, terminal and exit
// code are then that program's own, and no second process holds what is in its
// environment. It returns only when that fails.
func become(path string, args, environ []string) error {
	unharden()
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, args, environ))
}

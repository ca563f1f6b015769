// SPDX-License-Identifier: Apache-2.0

//go:build unix

package sdk

import (
	"log/slog"
	"os"
	"time"
)

// parentInterval bounds how long a plugin outlives its host.
const parentInterval = 500 * time.Millisecond

// exitWithParent ends the process when the host is gone: then it has another
// parent. go-plugin does not see to it, and stdin, whose end would tell, is the
// null device. It returns at once, and knows the parent from then on: a host that
// dies right after must not be taken for another one.
func exitWithParent(log *slog.Logger) {
	host := os.Getppid()
	go func() {
		for range time.Tick(parentInterval) {
			if os.Getppid() != host {
				log.Info("the host is gone")
				os.Exit(0)
			}
		}
	}()
}

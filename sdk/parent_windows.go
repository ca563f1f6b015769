// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"log/slog"
	"os"

	"golang.org/x/sys/windows"
)

// exitWithParent ends the process when the host is gone. On Windows a process
// keeps the number of its parent, so it waits for the parent itself. It returns
// at once.
func exitWithParent(log *slog.Logger) {
	host, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(os.Getppid()))
	if err != nil {
		log.Warn("the host cannot be watched", "error", err)
		return
	}
	go func() {
		if _, err := windows.WaitForSingleObject(host, windows.INFINITE); err == nil {
			log.Info("the host is gone")
			os.Exit(0)
		}
	}()
}

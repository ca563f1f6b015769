// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"os"
	"syscall"
)

const canIsolate = false

func sysProcAttr(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}

func limitProcess(int) {}

func sealDescriptors() {}

func dropCapabilities() {}

func awaitExit(int) bool { return false }

func killTree(pid int, _ string) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
		_ = p.Release()
	}
}

func processAlive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}

func others(int, string) []string { return nil }

// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package pluginhost

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const canIsolate = false

// Without a signal for the death of the parent, it is the SDK's watchdog that
// ends a plugin whose host died.
func sysProcAttr(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func limitProcess(int) {}

func sealDescriptors() {}

func dropCapabilities() {}

func awaitExit(int) bool { return false }

func killTree(pid int, _ string) { _ = unix.Kill(-pid, unix.SIGKILL) }

func processAlive(pid int) bool { return unix.Kill(pid, 0) != unix.ESRCH }

func others(int, string) []string { return nil }

// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package cli

import "runtime/debug"

// harden keeps crash traces, which may hold secrets, from being printed. The
// rest of what it does on Linux has no counterpart here yet.
func harden() { debug.SetTraceback("none") }

func unharden() {}

func closeOnExec() {}

// SPDX-License-Identifier: Apache-2.0

// Package pluginhost finds, verifies, launches and supervises provider
// plugins, and dials for them. It is the only package that knows go-plugin.
//
// A plugin is somebody else's program. It may be slow, broken or hostile, and
// none of that may reach the hub: every start and every call is bounded in
// time, every answer in size, every plugin is killed with all of its
// descendants, and no plugin waits for another. What is executed is a private
// copy of bytes whose SHA-256 is pinned; its environment is empty but for a
// handful of names; its way to the network is a socket of the host, which
// admits only the hosts that belong to the call being made.
//
// The files, in the order of a plugin's life:
//
//	find.go, pins.go     which executables there are, and which may run
//	verify.go            the private copy
//	launch.go, runner*.go, process*.go   a process, up to its first answer, and its end
//	describe.go, icon.go what a plugin says of itself, checked
//	remember.go          what it said at its last start
//	plugin.go            one plugin over time: lazy start, idle stop, backoff
//	host.go, calls.go    all plugins, and hub.Providers on top of them
//	convert.go           hub types to sdk types and back
//	dialer*.go           the way to the network
//	output.go, redact.go what a plugin prints
package pluginhost

// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: one file per command. Commands hold no logic
// of their own; they ask the hub, over its socket or in process, and print what
// it says. Results go to stdout, everything else to stderr, so that output can
// be piped.
package cli

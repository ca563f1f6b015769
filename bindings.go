// SPDX-License-Identifier: Apache-2.0

//go:build bindings

package main

import "os"

// `wails build` first builds the program with this tag and runs it to generate
// bindings. There are none, the page speaks HTTP; and a build must not open the
// data folder of whoever builds.
func init() { os.Exit(0) }

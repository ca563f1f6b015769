// SPDX-License-Identifier: Apache-2.0

// Command standpipe keeps your accounts' tokens and hands out fresh ones.
package main

import (
	"os"

	"github.com/standpipe/standpipe/app/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }

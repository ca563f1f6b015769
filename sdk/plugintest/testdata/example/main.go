// SPDX-License-Identifier: Apache-2.0

// Command example is the plugin that the package's own test checks.
package main

import (
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/plugintest/testdata/example/provider"
)

func main() { sdk.Serve(provider.New()) }

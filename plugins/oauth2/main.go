// SPDX-License-Identifier: Apache-2.0

// Command standpipe-provider-oauth2 connects accounts of declared providers:
// those whose OAuth 2.0 is plain enough to be given as data. It knows none of
// them by itself; the host sends their definitions.
package main

import "github.com/standpipe/standpipe/sdk"

func main() { sdk.Serve(provider{}) }

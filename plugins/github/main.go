// SPDX-License-Identifier: Apache-2.0

// Command standpipe-provider-github connects GitHub accounts, through OAuth
// Apps and through the user tokens of GitHub Apps, on github.com and on GitHub
// Enterprise Server.
package main

import "github.com/standpipe/standpipe/sdk"

func main() { sdk.Serve(&provider{standard}) }

// SPDX-License-Identifier: Apache-2.0

// Command standpipe-provider-slack connects Slack workspaces (OAuth v2): a bot
// token, a user token, or both on one connection, each renewed by itself. Scopes
// of the user token are named with the prefix "user:".
//
// Not verified against Slack itself, and written so that either answer works:
// whether an app without PKCE minds the challenge (it is sent; Slack's methods
// ignore arguments that they do not know), whether a refreshed user token comes
// at the top of the answer or in authed_user (both are read), whether a redirect
// on localhost may change its port (the registered one is sent).
package main

import "github.com/standpipe/standpipe/sdk"

func main() { sdk.Serve(&provider{standard}) }

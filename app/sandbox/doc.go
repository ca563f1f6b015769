// SPDX-License-Identifier: Apache-2.0

// Package sandbox is a local simulation of providers: a newcomer connects an
// account with no OAuth app of their own, and a developer tests offline. Each
// provider is played below a path of its own, with its own rules (redirects,
// scopes, client authentication, lifetimes) and its own odd answers, on the
// state machine of sdk/oauthtest. It holds made-up accounts only, has one
// well-known client, and is served on loopback only.
package sandbox

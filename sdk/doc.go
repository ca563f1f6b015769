// SPDX-License-Identifier: Apache-2.0

// Package sdk is what the author of a provider plugin imports.
//
// A plugin is an executable named standpipe-provider-<slug> whose main calls
// Serve with a Provider. Standpipe runs it as a process of its own, with an
// empty environment and without a network: HTTP goes through oauth.Client,
// which the host dials for, to the hosts that the Descriptor names.
//
// Most providers need no code of their own: oauth.Standard implements Provider
// and the optional interfaces from a table of endpoints, and what is peculiar
// is overridden method by method. plugintest checks any plugin against the
// contract, oauthtest is an authorization server with the quirks of real ones.
//
// The structs of this package only ever grow; a field is never removed or
// given another meaning within a major version of the protocol.
package sdk

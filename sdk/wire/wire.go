// SPDX-License-Identifier: Apache-2.0

// Package wire is the host's end of the plugin protocol. It is for programs
// that run plugins and may change without notice; authors of plugins need
// nothing of it.
package wire

import (
	"context"

	"github.com/standpipe/standpipe/sdk/internal/protocol"
)

// ProtocolVersion is the major version of the protocol that Client speaks.
const ProtocolVersion = protocol.Version

// Served are the major versions that a host of a version serves, the oldest
// first: its own and the one before it.
func Served(version int) []int { return protocol.Served(version) }

// PluginName is the name under which a plugin serves its provider.
const PluginName = protocol.PluginName

// Sizes in bytes of one message, in either direction; the larger one is for
// Describe. What exceeds them is refused by whoever should send it.
const (
	MaxMessage     = protocol.MaxMessage
	MaxDescription = protocol.MaxDescription
)

// Handshake is the configuration with which go-plugin starts a plugin.
var Handshake = protocol.Handshake

// Dial says how a plugin reaches the network during one call: by the Unix
// socket of that path, on which it presents the ticket.
type Dial = protocol.Dial

// WithRequest returns a context whose calls carry the id under which the host
// knows them. The plugin's log lines name it.
func WithRequest(ctx context.Context, id string) context.Context {
	return protocol.AppendRequest(ctx, id)
}

// WithDial returns a context whose calls carry d to the plugin. A call without
// one lets the plugin dial by itself.
func WithDial(ctx context.Context, d Dial) context.Context { return protocol.AppendOutgoing(ctx, d) }

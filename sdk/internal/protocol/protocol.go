// SPDX-License-Identifier: Apache-2.0

// Package protocol holds what the two ends of the plugin protocol agree on
// beside the messages.
package protocol

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/metadata"

	"github.com/standpipe/standpipe/sdk/secret"
)

// Version is the major version of the protocol.
const Version = 1

// Served are the major versions that a host of a version serves: its own and the
// one before it. What is new within a version is found by capability.
func Served(version int) []int {
	if version <= 1 {
		return []int{1}
	}
	return []int{version - 1, version}
}

// PluginName is the name under which go-plugin dispenses the provider.
const PluginName = "provider"

// Sizes of one message, in either direction. A description may hold the icons
// and definitions of many providers.
const (
	MaxMessage     = 1 << 20
	MaxDescription = 8 << 20
)

// Handshake tells a host's start of a plugin from a person's. It is no secret
// and protects nothing.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  Version,
	MagicCookieKey:   "STANDPIPE_PLUGIN",
	MagicCookieValue: "d31f7a54c0be49e0a8d2be6a5fb7b2c1",
}

// Dial says how a plugin reaches the network during one call.
type Dial struct {
	// Socket is the path of the host's Unix socket.
	Socket string
	// Ticket admits this call's connections, to its hosts, while it runs.
	Ticket secret.Value
}

// The keys of the metadata. The values are binary: a path may hold any byte.
const (
	socketKey = "standpipe-dial-socket-bin"
	ticketKey = "standpipe-dial-ticket-bin"
)

// AppendOutgoing puts d into the metadata of a call.
func AppendOutgoing(ctx context.Context, d Dial) context.Context {
	return metadata.AppendToOutgoingContext(ctx, socketKey, d.Socket, ticketKey, d.Ticket.Reveal())
}

// FromIncoming reads it at the other end.
func FromIncoming(ctx context.Context) (Dial, bool) {
	socket, ticket := metadata.ValueFromIncomingContext(ctx, socketKey), metadata.ValueFromIncomingContext(ctx, ticketKey)
	if len(socket) != 1 || len(ticket) != 1 || socket[0] == "" {
		return Dial{}, false
	}
	return Dial{Socket: socket[0], Ticket: secret.New(ticket[0])}, true
}

// requestKey carries the id under which the host knows a call.
const requestKey = "standpipe-request"

// AppendRequest puts the id of a request into the metadata of a call.
func AppendRequest(ctx context.Context, id string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, requestKey, id)
}

// RequestOf reads it at the other end; "" where there is none.
func RequestOf(ctx context.Context) string {
	id := metadata.ValueFromIncomingContext(ctx, requestKey)
	if len(id) != 1 {
		return ""
	}
	return id[0]
}

type dialKey struct{}

// WithDial gives a method of the plugin its way to the network.
func WithDial(ctx context.Context, d Dial) context.Context {
	return context.WithValue(ctx, dialKey{}, d)
}

// DialOf is the way to the network that a method of the plugin has.
func DialOf(ctx context.Context) (Dial, bool) {
	d, ok := ctx.Value(dialKey{}).(Dial)
	return d, ok
}

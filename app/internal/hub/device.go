// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// FlowKind is the way in which the answer of the provider reaches the hub.
type FlowKind string

// The kinds.
const (
	FlowBrowser FlowKind = "browser" // the browser comes back to the hub's listener
	FlowPaste   FlowKind = "paste"   // nobody listens: the user carries the address over
	FlowDevice  FlowKind = "device"  // the user enters a code at the provider (RFC 8628)
)

// DeviceCode is what to show to the user of a device flow.
type DeviceCode struct {
	UserCode                string
	VerificationURI         string
	VerificationURIComplete string // with the code in it; may be empty
	Interval                time.Duration
	ExpiresAt               time.Time
}

// StartDeviceRequest begins a device flow.
type StartDeviceRequest struct{ Scopes []string }

// DeviceAuthorization is the provider's answer. Its addresses were checked.
type DeviceAuthorization struct {
	DeviceCode                                         secret.Value
	UserCode, VerificationURI, VerificationURIComplete string
	ExpiresIn, Interval                                time.Duration // both set
}

// PollDeviceRequest asks whether the user has answered.
type PollDeviceRequest struct {
	DeviceCode secret.Value
	Prompt     Prompter // as in ExchangeRequest
}

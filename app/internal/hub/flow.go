// SPDX-License-Identifier: Apache-2.0

package hub

import "time"

// Initiator says who began a flow, and so who may finish it.
type Initiator string

// The initiators.
const (
	InitiatorUI   Initiator = "ui"   // confirmed on the page that began it
	InitiatorCLI  Initiator = "cli"  // confirms itself and prints the account
	InitiatorLink Initiator = "link" // only the browser that opened the connect link can finish
)

// StartFlow asks for a connection.
type StartFlow struct {
	Integration string
	Owner       Owner
	// Connection is the one to reauthorize; empty makes a new one.
	Connection string
	Config     map[string]string
	Initiator  Initiator
	// Device connects with a code that the user enters at the provider.
	Device bool
	// Scopes are asked for beyond those of the integration: a scope upgrade.
	Scopes   []string
	ReturnTo string // for InitiatorLink: where to send the browser at the end
}

// Flow is a connection in the making, as its initiator sees it.
type Flow struct {
	ID               string
	Integration      string
	Owner            Owner
	Initiator        Initiator
	Kind             FlowKind
	State            FlowState
	AuthorizationURL string
	Device           *DeviceCode // with FlowDevice, while waiting
	ExpiresAt        time.Time
	Account          *Account
	Requested        []string // scopes that are asked for
	Scopes           []string
	MissingScopes    []string
	// Replaces is set when a reauthorization came back with another account
	// than the connection has.
	Replaces    *Account
	Reauthorize string
	Connection  string // when done
	ReturnTo    string
	// Prompts are what the plugin shows or asks, in order, while the flow waits.
	Prompts []Prompt
	Error   *Error
}

// FlowState is how far a flow came.
type FlowState string

// The states.
const (
	FlowWaiting FlowState = "waiting"
	FlowConfirm FlowState = "confirm"
	FlowDone    FlowState = "done"
	FlowFailed  FlowState = "failed"
)

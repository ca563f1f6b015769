// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"time"
)

// AuditEntry is a line of the audit. It holds ids only: never a name, an
// e-mail address, a scope or a token.
type AuditEntry struct {
	Time       time.Time     `json:"time"`
	Action     AuditAction   `json:"action"`
	Decision   AuditDecision `json:"decision"`
	App        string        `json:"app,omitempty"` // app id; "user" for the person at this machine
	Connection string        `json:"connection,omitempty"`
	// Subject is the id of what was acted upon where that is no connection.
	Subject string `json:"subject,omitempty"`
	// Rule says what decided: a grant's id, "all", "user", a policy's name.
	Rule string `json:"rule,omitempty"`
	// Code is the outcome of an action that was denied or failed.
	Code Code `json:"code,omitempty"`
	// Fingerprint tells tokens apart without telling what they are: a keyed
	// hash, cut.
	Fingerprint string `json:"fingerprint,omitempty"`
	Generation  uint64 `json:"generation,omitempty"` // of the tokens
	Reach       Reach  `json:"reach,omitempty"`      // of a revocation
	// Latency is from the request to the decision, in nanoseconds.
	Latency time.Duration `json:"latency_ns,omitempty"`
}

// AuditAction is what was done or asked for.
type AuditAction string

// The actions.
const (
	AuditVend           AuditAction = "token.vend"
	AuditReveal         AuditAction = "token.reveal" // the copy button
	AuditConnect        AuditAction = "connection.connect"
	AuditReauthorize    AuditAction = "connection.reauthorize"
	AuditDisconnect     AuditAction = "connection.disconnect"
	AuditRevoke         AuditAction = "token.revoke" // at the provider, as part of a disconnect
	AuditAppAdd         AuditAction = "app.add"
	AuditAppRemove      AuditAction = "app.remove"
	AuditAppGrant       AuditAction = "app.grant"
	AuditAppWithdraw    AuditAction = "app.withdraw"
	AuditIntegrationSet AuditAction = "integration.set"
	AuditUILink         AuditAction = "ui.link"
)

// Durable reports whether an entry of this action must be on disk, not only
// written, before the answer: everything but the vending of a token.
func (a AuditAction) Durable() bool { return a != AuditVend }

// AuditDecision is how it went.
type AuditDecision string

// The decisions.
const (
	AuditAllowed AuditDecision = "allowed"
	AuditDenied  AuditDecision = "denied"
	AuditFailed  AuditDecision = "failed"
)

// Auditor records entries before the answer goes out: when Record fails, the
// answer must not be given. Safe for concurrent use.
type Auditor interface {
	Record(context.Context, AuditEntry) error
}

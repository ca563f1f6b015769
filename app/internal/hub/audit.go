// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// AuditFile is the name of the file of the audit in the data folder that is
// written; older ones have a number behind it: AuditFile.1, AuditFile.2 and so on,
// the highest being the oldest.
const AuditFile = "audit.jsonl"

// AuditFileNumber returns the number of a file of the audit, 0 being that of
// AuditFile, and whether it is one.
func AuditFileNumber(name string) (n int, ok bool) {
	behind, ok := strings.CutPrefix(name, AuditFile)
	if behind == "" {
		return 0, ok
	}
	digits, ok := strings.CutPrefix(behind, ".")
	u, err := strconv.ParseUint(digits, 10, 31)
	return int(u), ok && err == nil
}

// AuditEntry is a line of the audit. It holds ids: never an e-mail address or a
// token, and no name but that of an app that goes. Entries can be compared with
// ==.
type AuditEntry struct {
	Time       time.Time     `json:"time"`
	Action     AuditAction   `json:"action"`
	Decision   AuditDecision `json:"decision"`
	App        string        `json:"app,omitempty"` // app id; "user" for the person at this machine
	Connection string        `json:"connection,omitempty"`
	// Subject is the id of what was acted upon where that is no connection.
	Subject string `json:"subject,omitempty"`
	// Name is what the subject was called, with AuditAppRemove: nobody else will
	// remember.
	Name string `json:"name,omitempty"`
	// Rule says what decided: a grant's id, "all", "user", a policy's name.
	Rule string `json:"rule,omitempty"`
	// Code is the outcome of an action that was denied or failed.
	Code Code `json:"code,omitempty"`
	// Fingerprint tells tokens apart without telling what they are: a keyed
	// hash, cut.
	Fingerprint string `json:"fingerprint,omitempty"`
	Generation  uint64 `json:"generation,omitempty"` // of the tokens
	Reach       Reach  `json:"reach,omitempty"`      // of a revocation
	// Scope is what the token allows, as granted by the provider: names with
	// spaces between.
	Scope string `json:"scope,omitempty"`
	// Peer is who asked, as the system tells. Zero: filled in from the context.
	Peer Peer `json:"peer,omitzero"`
	// Latency is from the request to the decision, in nanoseconds.
	Latency time.Duration `json:"latency_ns,omitempty"`
}

// Peer is the process at the other end of a connection, as the kernel tells.
// The zero Peer is an unknown one.
type Peer struct {
	UID int    `json:"uid"`
	PID int    `json:"pid,omitempty"` // 0: not known
	Exe string `json:"exe,omitempty"` // path of its executable; empty: not known
	// Name is what the process calls itself, where Exe is not told, as of one that
	// lets nobody look into it. It may be any: nothing is decided by it.
	Name string `json:"name,omitempty"`
}

// Known reports whether the system tells which process it is.
func (p Peer) Known() bool { return p.PID > 0 }

type peerKey struct{}

// WithPeer returns a context that knows who asked.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return WithPeerFunc(ctx, func() Peer { return p })
}

// WithPeerFunc is WithPeer for a peer that costs something to look up: f is
// called when somebody wants to know, and may be called again.
func WithPeerFunc(ctx context.Context, f func() Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, f)
}

// PeerOf returns the peer of a context, or the zero Peer.
func PeerOf(ctx context.Context) Peer {
	if f, ok := ctx.Value(peerKey{}).(func() Peer); ok {
		return f()
	}
	return Peer{}
}

// AuditFilter picks entries. A field that is zero picks all.
type AuditFilter struct {
	App, Connection string
	Decision        AuditDecision
	Action          AuditAction
	Since, Until    time.Time // from Since, inclusive, to Until, exclusive
}

// Matches reports whether the filter picks an entry.
func (f *AuditFilter) Matches(e *AuditEntry) bool {
	return (f.App == "" || f.App == e.App) &&
		(f.Connection == "" || f.Connection == e.Connection) &&
		(f.Decision == "" || f.Decision == e.Decision) &&
		(f.Action == "" || f.Action == e.Action) &&
		(f.Since.IsZero() || !e.Time.Before(f.Since)) &&
		(f.Until.IsZero() || e.Time.Before(f.Until))
}

// AuditRecord is an entry with its number in the log.
type AuditRecord struct {
	Seq uint64 `json:"seq"`
	AuditEntry
}

// AuditPage is a part of the audit, newest first.
type AuditPage struct {
	Records []AuditRecord
	// Next is the Before of the next page; 0: there is none.
	Next uint64
	// Damaged counts the lines that were passed and could not be read.
	Damaged int
}

// AuditReport is what a check of the whole audit found.
type AuditReport struct {
	Entries     int
	First, Last uint64 // numbers of the lines
	Unsealed    int    // entries of the earlier format, which prove nothing
	Problems    []AuditProblem
}

// AuditProblem names a line that is not as it was written, or is missing.
type AuditProblem struct {
	File    string // name in the data folder; empty where there is none
	Line    int    // in that file, from 1; 0: none
	Seq     uint64 // the number that it has or should have; 0: not known
	Message string
}

// AuditAction is what was done or asked for.
type AuditAction string

// The actions.
const (
	AuditVend           AuditAction = "token.vend"
	AuditRelay          AuditAction = "token.relay"   // a call with it; Subject: method and host
	AuditReveal         AuditAction = "token.reveal"  // the copy button
	AuditRefresh        AuditAction = "token.refresh" // renewed now, as a person asked
	AuditConnect        AuditAction = "connection.connect"
	AuditReauthorize    AuditAction = "connection.reauthorize"
	AuditDisconnect     AuditAction = "connection.disconnect"
	AuditRevoke         AuditAction = "token.revoke" // at the provider, as part of a disconnect
	AuditAppAdd         AuditAction = "app.add"
	AuditAppRemove      AuditAction = "app.remove"
	AuditAppDiscard     AuditAction = "app.discard" // what is left of one that is damaged
	AuditAppGrant       AuditAction = "app.grant"
	AuditAppWithdraw    AuditAction = "app.withdraw"
	AuditAppRotate      AuditAction = "app.rotate"
	AuditAppRename      AuditAction = "app.rename"
	AuditAppPair        AuditAction = "app.pair" // the user's answer to a pairing
	AuditApproval       AuditAction = "approval.answer"
	AuditLock           AuditAction = "hub.lock"
	AuditUnlock         AuditAction = "hub.unlock"
	AuditLockSettings   AuditAction = "hub.lock_settings"
	AuditIntegrationSet AuditAction = "integration.set"
	AuditProviderSet    AuditAction = "provider.set" // one that the user declares
	AuditProviderRemove AuditAction = "provider.remove"
	AuditPluginPin      AuditAction = "plugin.pin"     // installed, updated
	AuditPluginDevelop  AuditAction = "plugin.develop" // one that is being written, pinned anew
	AuditPluginRemove   AuditAction = "plugin.remove"
	AuditPluginCrash    AuditAction = "plugin.crash" // stopped: it was in a crash loop
	AuditUILink         AuditAction = "ui.link"
	AuditBackup         AuditAction = "store.backup"      // Subject: the backup's id; Rule "move": with everything in it
	AuditRestore        AuditAction = "store.restore"     // Subject: the backup's id
	AuditReset          AuditAction = "store.reset"       // lost keys were given up; Subject: the reset's id
	AuditResume         AuditAction = "connection.resume" // tokens that may be in use elsewhere are used here again
	AuditImport         AuditAction = "connection.import"
	AuditExport         AuditAction = "connection.export"
	AuditKeysRotate     AuditAction = "keys.rotate"
	AuditKeysSource     AuditAction = "keys.source"
	AuditKeysRecovery   AuditAction = "keys.recovery"
)

// Durable reports whether an entry of this action must be on disk, not only
// written, before the answer: everything but the use of a token.
func (a AuditAction) Durable() bool { return a != AuditVend && a != AuditRelay }

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

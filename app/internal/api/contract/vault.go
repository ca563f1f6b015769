// SPDX-License-Identifier: Apache-2.0

package contract

// Keys is where the master key comes from, and how the vault is.
type Keys struct {
	Source   string `json:"source"`   // as in --key
	Store    string `json:"store"`    // id of the store
	Format   int    `json:"format"`   // of the store
	Anchor   string `json:"anchor"`   // where the rollback anchor lies: "keychain", or a path
	Recovery bool   `json:"recovery"` // there is a recovery key
	Rotating bool   `json:"rotating"` // a rotation was begun and is not ended
	Updates  uint64 `json:"updates"`  // since the data key was made
	Dropped  uint64 `json:"dropped"`  // deleted records that a compaction would make unreadable
}

// Rotation says what a rotation of the data keys did.
type Rotation struct {
	Records int `json:"records"` // sealed anew
}

// ChangeSource says where the master key is to be kept.
type ChangeSource struct {
	Source string `json:"source"` // as in --key, of the hub's machine and environment
	// Passphrase is set instead where it was typed or read from a descriptor.
	Passphrase string `json:"passphrase,omitempty"`
}

// RecoveryKey is shown once.
type RecoveryKey struct {
	Key string `json:"recovery_key"`
}

// Lost is what a reset of lost keys left to reconnect.
type Lost struct {
	Accounts []LostAccount  `json:"accounts"`
	More     map[string]int `json:"more,omitempty"` // by integration: how many are not listed one by one
}

// LostAccount is an account that was connected before.
type LostAccount struct {
	Integration string `json:"integration"`
	Account     string `json:"account"` // masked: "al…@example.org"
}

// Compaction says what a compaction did.
type Compaction struct {
	Before int64 `json:"bytes_before"` // of the store's files
	After  int64 `json:"bytes_after"`
}

// Diagnosis is what doctor found, worst last to be read first.
type Diagnosis struct {
	Findings []Finding `json:"findings"`
}

// Finding is the answer of one check. It holds no secret, name or account.
type Finding struct {
	Check  string `json:"check"`            // "vault.anchor"
	Status string `json:"status"`           // "ok" | "warning" | "error"
	Detail string `json:"detail"`           // what is so
	Remedy string `json:"remedy,omitempty"` // the command that mends it
}

// The statuses of a finding.
const (
	FindingOK      = "ok"
	FindingWarning = "warning"
	FindingError   = "error"
)

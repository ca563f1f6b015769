// SPDX-License-Identifier: Apache-2.0

package contract

// Connections lists connections.
type Connections struct {
	Connections []Connection `json:"connections"`
	Damaged     int          `json:"damaged,omitempty"` // that cannot be read
}

// Resume uses connections here again; the fields that are set all have to fit.
type Resume struct {
	Connections []string `json:"connections,omitempty" maxItems:"1000"`
	Backup      string   `json:"backup,omitempty" doc:"Those that went into, or came from, this backup"`
	All         bool     `json:"all,omitempty"`
}

// Backup asks for a backup. The answer is an age file.
type Backup struct {
	Recipients  []string `json:"recipients"` // age public keys
	Move        bool     `json:"move,omitempty"`
	SkipDamaged bool     `json:"skip_damaged,omitempty"`
}

// BackupHeader holds the id of the backup that an answer is.
const BackupHeader = "Standpipe-Backup"

// SPDX-License-Identifier: Apache-2.0

package hub

// BackupRequest asks for a backup of everything.
type BackupRequest struct {
	ID         string   // backup_<ulid>
	Recipients []string // age public keys; nothing is written in the clear
	// Move takes the connections out of use, so that only one hub renews their
	// tokens: the one into which the backup is restored.
	Move bool
	// SkipDamaged leaves out what cannot be read, in place of failing.
	SkipDamaged bool
}

// ResumeRequest asks to use connections here again whose tokens may be in use
// elsewhere (Connection.Elsewhere). The fields that are set all have to fit; one
// of them must be.
type ResumeRequest struct {
	Connections []string
	Backup      string // those that went into or came from this backup
	All         bool
}

// SPDX-License-Identifier: Apache-2.0

// Package backup writes everything that a hub keeps into one encrypted file,
// and reads it back.
//
// A backup is an age file (https://age-encryption.org/v1). Inside is a stream
// of lines, each a JSON object: a [Manifest], one line for each record, and an
// end that counts and hashes what came before. It knows nothing of how a store
// lies on disk, so that one made by any version can be read by every later one.
// docs/backup.md describes it to the byte.
//
// Plaintext exists in memory only: [Write] encrypts as it goes, and whoever
// passes a backup on ([Rewrap]) does too. What [Reader.Records] yields may be
// believed when it has come to its end without an error, and not before.
package backup

// SPDX-License-Identifier: Apache-2.0

// Package badgerstore keeps records in a Badger database, each sealed.
//
// Badger is used as a plain key-value store: its keys are opaque names and its
// values are sealed with the names, the store and the generation as associated
// data, so that nothing can be read, altered or moved without the keys. The
// layout, to the byte, and what it does not protect from, is in docs/vault.md.
package badgerstore

// SPDX-License-Identifier: Apache-2.0

package badgerstore

// Sealer is the vault of a store. Its methods are safe for concurrent use.
type Sealer interface {
	Cipher
	RecordKeys
	Anchors
	Rotation
	// StoreID names the store.
	StoreID() string
	// NextStoreDir is where the store may be copied to, and MoveStore names,
	// durably, the folder that counts from now on.
	NextStoreDir() string
	MoveStore(folder string) error
	// Fresh reports that the store has not been made yet; Settle notes,
	// durably, that it has.
	Fresh() bool
	Settle() error
}

// Cipher seals and names with the keys of the store.
type Cipher interface {
	// Seal encrypts and authenticates plaintext, and authenticates aad.
	Seal(aad, plaintext []byte) ([]byte, error)
	// Open undoes Seal; it fails on anything that was not sealed for aad.
	Open(aad, sealed []byte) ([]byte, error)
	// Name turns a name of a domain into one that tells nothing.
	Name(domain, name string) ([32]byte, error)
	// Locked reports whether the keys were dropped; Seal, Open and Name then
	// answer hub.CodeLocked.
	Locked() bool
}

// RecordKeys seals with the keys of single records, which it remembers for a
// while. A key is known by a name and by the epoch it was made in.
type RecordKeys interface {
	SealWith(name [32]byte, serial uint64, aad, plaintext []byte) ([]byte, error)
	// OpenWith and SealWith answer hub.ErrNotFound for a key that must be added.
	OpenWith(name [32]byte, serial uint64, aad, sealed []byte) ([]byte, error)
	AddKey(name [32]byte, serial uint64, secret []byte) error
	DropKey(name [32]byte)
}

// Rotation changes the key that Seal uses.
type Rotation interface {
	// BeginRotation adds a data key that seals from now on, or does nothing
	// where that was done and not ended. EndRotation destroys the others.
	BeginRotation() error
	EndRotation() error
	// Current reports whether a sealed value is of the key that seals now.
	Current(sealed []byte) bool
}

// Anchors tells what is known of the store outside of it.
type Anchors interface {
	// Sequence grows with each writing of the header.
	Sequence() uint64
	// Anchor is the highest epoch that the store is known to have had.
	Anchor() (uint64, error)
	SetAnchor(epoch uint64) error
	// ResetAnchor is SetAnchor where the old one is of no use any more, and
	// perhaps cannot be written.
	ResetAnchor(epoch uint64) error
}

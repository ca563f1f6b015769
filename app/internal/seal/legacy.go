// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// headerV1 is vault.json of format 1: no slots, the wrapping key came straight
// from the master key.
type headerV1 struct {
	Format    int    `json:"format"`
	StoreID   string `json:"store_id"`
	CreatedAt string `json:"created_at"`
	State     string `json:"state"`
	Source    Source `json:"source"`
	KDF       *kdf   `json:"kdf,omitempty"`
	KeyCheck  []byte `json:"key_check"`
	DataKeys  []byte `json:"data_keys"`
	NameKeys  []byte `json:"name_keys"`
	MAC       []byte `json:"mac,omitempty"`
}

// header is what the rest of the package sees of it.
func (f *headerV1) header() *header {
	return &header{
		Format: f.Format, StoreID: f.StoreID, CreatedAt: f.CreatedAt, State: f.State, Folder: firstFolder,
		Anchor: anchorFor(f.Source), Source: f.Source, KDF: f.KDF, Slot: slot{Check: f.KeyCheck}, MAC: f.MAC, first: f,
	}
}

func (f headerV1) encode() []byte {
	f.MAC = nil
	b, _ := json.Marshal(f) // plain data: cannot fail
	return b
}

// keyCheckV1 is the key check of format 1.
func keyCheckV1(master []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, master, nil, "standpipe key check v1", checkSize)
}

// open unwraps the keysets, which seal and name what is to be migrated, and
// makes what follows: a header of the current format with new data keys and
// the old name keys, so that names stay.
func (f *headerV1) open(master []byte) (old *keys, next *header, current *keys, err error) {
	wrap, err := hkdf.Key(sha256.New, master, nil, "standpipe wrapping key v1", keySize)
	if err != nil {
		return nil, nil, nil, err
	}
	defer clear(wrap)
	kek, err := subtle.NewAESGCM(wrap)
	if err != nil {
		return nil, nil, nil, err
	}
	data, err := unwrapKeyset(f.DataKeys, kek, "standpipe data keys v1", f.StoreID)
	if err != nil {
		return nil, nil, nil, err
	}
	names, err := unwrapKeyset(f.NameKeys, kek, "standpipe name keys v1", f.StoreID)
	if err != nil {
		return nil, nil, nil, err
	}
	if old, err = primitives(data, names); err != nil {
		return nil, nil, nil, err
	}
	h := f.header()
	h.Format, h.first, h.Folder = Format, nil, nextFolder(firstFolder)
	wrapping, err := h.newSlot(master)
	if err != nil {
		return nil, nil, nil, err
	}
	current, err = newKeys(h, wrapping, names)
	return old, h, current, err
}

// Outdated reports that the store is of an older format. Its records can be
// opened, and nothing else be done but to copy them, see [Vault.Successor].
func (v *Vault) Outdated() bool { return v.next != nil }

// Successor is the vault of the current format that is to take the place of an
// outdated one. Nothing of it is on disk before [Vault.Commit].
func (v *Vault) Successor() *Vault { return v.next }

// Commit writes the header of a successor, after its first anchor. From then on
// the older one is gone.
func (v *Vault) Commit() error {
	return v.rewrite(func(h *header, k *keys) error { return h.placeAnchor(v.dir, k, 0) })
}

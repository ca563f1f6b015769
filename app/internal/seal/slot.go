// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	stdsubtle "crypto/subtle"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// checkSize is the size of a key check, in bytes.
const checkSize = 16

// slot holds the wrapping key for one secret that opens the vault.
type slot struct {
	Check []byte `json:"check"` // tells a wrong key from an altered header
	Key   []byte `json:"key"`   // the wrapping key, sealed
}

// slotUse says whose a slot is; it separates the keys that are derived.
type slotUse struct{ key, check string }

var (
	sourceSlot   = slotUse{"standpipe slot key v2", "standpipe key check v2"}
	recoverySlot = slotUse{"standpipe recovery slot v2", "standpipe recovery check v2"}
)

func slotAAD(storeID string) []byte { return []byte("standpipe slot v2\x00" + storeID) }

// sealSlot puts a wrapping key under a secret.
func sealSlot(use slotUse, secret, wrapping []byte, storeID string) (slot, error) {
	check, err := use.checkOf(secret)
	if err != nil {
		return slot{}, err
	}
	kek, err := use.kek(secret)
	if err != nil {
		return slot{}, err
	}
	sealed, err := kek.Encrypt(wrapping, slotAAD(storeID))
	if err != nil {
		return slot{}, fmt.Errorf("wrap the wrapping key: %w", err)
	}
	return slot{Check: check, Key: sealed}, nil
}

// fits reports whether a secret is the one of the slot.
func (s slot) fits(use slotUse, secret []byte) bool {
	check, err := use.checkOf(secret)
	return err == nil && stdsubtle.ConstantTimeCompare(check, s.Check) == 1
}

// open returns the wrapping key. The caller wipes it.
func (s slot) open(use slotUse, secret []byte, storeID string) ([]byte, error) {
	kek, err := use.kek(secret)
	if err != nil {
		return nil, err
	}
	return kek.Decrypt(s.Key, slotAAD(storeID))
}

func (u slotUse) checkOf(secret []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, u.check, checkSize)
}

func (u slotUse) kek(secret []byte) (*subtle.AESGCM, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, u.key, keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a slot key: %w", err)
	}
	defer clear(key)
	return subtle.NewAESGCM(key)
}

// newSlot makes a wrapping key and puts it under the master key. The caller
// wipes it.
func (h *header) newSlot(master []byte) (wrapping []byte, err error) {
	wrapping = make([]byte, keySize)
	_, _ = rand.Read(wrapping) // never fails, as documented
	h.Slot, err = sealSlot(sourceSlot, master, wrapping, h.StoreID)
	return wrapping, err
}

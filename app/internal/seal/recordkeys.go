// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// cachedKeys is how many record keys at least are remembered.
const cachedKeys = 8192

// recordKeys remembers the keys of records that were used lately, in two
// halves: when the young half is full, it becomes the old one, and what was
// not used since is forgotten.
type recordKeys struct {
	mu         sync.RWMutex
	young, old map[[32]byte]recordKey
}

type recordKey struct {
	serial uint64
	aead   tink.AEAD
}

func (c *recordKeys) get(name [32]byte, serial uint64) (tink.AEAD, bool) {
	c.mu.RLock()
	k, young := c.young[name]
	if !young {
		k = c.old[name]
	}
	c.mu.RUnlock()
	if k.aead == nil || k.serial != serial {
		return nil, false
	}
	if !young {
		c.put(name, k)
	}
	return k.aead, true
}

func (c *recordKeys) put(name [32]byte, k recordKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= cachedKeys {
		c.young, c.old = nil, c.young
	}
	if c.young == nil {
		c.young = map[[32]byte]recordKey{}
	}
	c.young[name] = k
}

func (c *recordKeys) drop(name [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, name)
	delete(c.old, name)
}

// AddKey hands the key of a record to the vault, which remembers it until it
// is locked, dropped or long unused. name and serial tell it from others. It
// wipes secret, which has 32 bytes.
func (v *Vault) AddKey(name [32]byte, serial uint64, secret []byte) error {
	defer clear(secret)
	k, err := v.use()
	if err != nil {
		return err
	}
	a, err := subtle.NewAESGCM(secret)
	if err != nil {
		return err
	}
	k.records.put(name, recordKey{serial, a})
	return nil
}

// DropKey forgets the key of a record.
func (v *Vault) DropKey(name [32]byte) {
	if k := v.keys.Load(); k != nil {
		k.records.drop(name)
	}
}

// SealWith is Seal with the key of a record, or hub.ErrNotFound where that has
// to be added first.
func (v *Vault) SealWith(name [32]byte, serial uint64, aad, plaintext []byte) ([]byte, error) {
	a, err := v.recordKey(name, serial)
	if err != nil {
		return nil, err
	}
	return a.Encrypt(plaintext, aad)
}

// OpenWith undoes SealWith. Its errors are those of Open and SealWith.
func (v *Vault) OpenWith(name [32]byte, serial uint64, aad, sealed []byte) ([]byte, error) {
	a, err := v.recordKey(name, serial)
	if err != nil {
		return nil, err
	}
	return a.Decrypt(sealed, aad)
}

func (v *Vault) recordKey(name [32]byte, serial uint64) (tink.AEAD, error) {
	k, err := v.use()
	if err != nil {
		return nil, err
	}
	if a, ok := k.records.get(name, serial); ok {
		return a, nil
	}
	return nil, hub.ErrNotFound
}

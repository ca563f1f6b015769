// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/subtle"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Vault is a set of keys, which can be locked and unlocked. It is safe for
// concurrent use. The master key is not in it.
type Vault struct {
	dir  string
	keys atomic.Pointer[keys] // nil while locked

	mu     sync.Mutex // held by what changes keys or header
	header header
}

func newVault(dir string, h *header, k *keys) *Vault {
	v := &Vault{dir: dir, header: *h}
	v.keys.Store(k)
	return v
}

// Info is what may be told about a vault.
type Info struct {
	Source  string `json:"source"`   // as the store remembers it
	StoreID string `json:"store_id"` // 32 hex digits
	Format  int    `json:"format"`
}

// Info tells about the vault.
func (v *Vault) Info() Info {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Info{Source: v.header.Source.String(), StoreID: v.header.StoreID, Format: v.header.Format}
}

// StoreID is the random name of the store: 32 hex digits.
func (v *Vault) StoreID() string { return v.Info().StoreID }

// Seal encrypts and authenticates plaintext, and authenticates aad.
func (v *Vault) Seal(aad, plaintext []byte) ([]byte, error) {
	k, err := v.use()
	if err != nil {
		return nil, err
	}
	return k.data.Encrypt(plaintext, aad)
}

// Open undoes Seal. An error says that the value is not what was sealed, or
// not for this aad, and nothing more; or it is of hub.CodeLocked.
func (v *Vault) Open(aad, sealed []byte) ([]byte, error) {
	k, err := v.use()
	if err != nil {
		return nil, err
	}
	return k.data.Decrypt(sealed, aad)
}

// Name turns a name of a domain into 32 bytes that tell nothing without the
// key. The domain must not contain a zero byte.
func (v *Vault) Name(domain, name string) ([32]byte, error) {
	k, err := v.use()
	if err != nil {
		return [32]byte{}, err
	}
	return k.prf("name\x00" + domain + "\x00" + name)
}

func (k *keys) prf(input string) (out [32]byte, err error) {
	b, err := k.names.ComputePrimaryPRF([]byte(input), uint32(len(out)))
	if err != nil {
		return out, fmt.Errorf("compute a name: %w", err)
	}
	copy(out[:], b)
	return out, nil
}

// Fresh reports that the store of these keys has not been made yet.
func (v *Vault) Fresh() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.header.State == stateNew
}

// Settle notes, durably, that the store has been made. From then on a missing
// or emptied one is an error.
func (v *Vault) Settle() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.header.State == stateInUse {
		return nil
	}
	k, err := v.use()
	if err != nil {
		return err
	}
	h := v.header
	h.State = stateInUse
	if err := h.sign(k); err != nil {
		return err
	}
	if err := replaceFile(headerPath(v.dir), h.encode(true)); err != nil {
		return storage("write the header of the store: %w", err).
			WithRemedy("See that %s can be written and has room.", v.dir)
	}
	v.header = h
	return nil
}

func (h *header) mac(k *keys) ([32]byte, error) {
	return k.prf("header\x00" + string(h.encode(false)))
}

func (h *header) sign(k *keys) error {
	m, err := h.mac(k)
	h.MAC = m[:]
	return err
}

func (h *header) verify(k *keys) bool {
	m, err := h.mac(k)
	return err == nil && subtle.ConstantTimeCompare(m[:], h.MAC) == 1
}

// master turns a source's secret into the master key. It wipes the secret.
func (h *header) master(material []byte) ([]byte, error) {
	if h.KDF != nil {
		defer clear(material)
		return h.KDF.derive(material), nil
	}
	if len(material) != keySize {
		clear(material)
		return nil, fail(hub.CodeNotConfigured, ErrWrongKey, "the key has %d bytes and not %d", len(material), keySize)
	}
	return material, nil
}

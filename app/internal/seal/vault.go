// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Vault is a set of keys, which can be locked and unlocked. It is safe for
// concurrent use. The master key is not in it.
type Vault struct {
	dir  string
	keys atomic.Pointer[keys] // nil while locked
	next *Vault               // of an outdated one

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
	Source   string `json:"source"`   // as the store remembers it
	StoreID  string `json:"store_id"` // 32 hex digits
	Format   int    `json:"format"`
	Prompt   bool   `json:"prompt"`   // a passphrase must be given to unlock it
	Anchor   string `json:"anchor"`   // where the rollback anchor lies, in words
	Recovery bool   `json:"recovery"` // there is a recovery key
	Rotating bool   `json:"rotating"` // a rotation was begun and is not finished
}

// Info tells about the vault.
func (v *Vault) Info() Info {
	v.mu.Lock()
	defer v.mu.Unlock()
	h := &v.header
	return Info{
		Source: h.Source.String(), StoreID: h.StoreID, Format: h.Format, Prompt: h.Source.Kind == PassphraseFD,
		Anchor: h.anchorWhere(v.dir), Recovery: h.Recovery != nil, Rotating: h.Rotating,
	}
}

// StoreID is the random name of the store: 32 hex digits.
func (v *Vault) StoreID() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.header.StoreID
}

// StoreDir is the folder of the database.
func (v *Vault) StoreDir() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return filepath.Join(v.dir, v.header.Folder)
}

// Sequence grows with each writing of the header.
func (v *Vault) Sequence() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.header.Sequence
}

// Seal encrypts and authenticates plaintext, and authenticates aad.
func (v *Vault) Seal(aad, plaintext []byte) ([]byte, error) {
	k, err := v.use()
	if err != nil {
		return nil, err
	}
	return k.data.Load().Encrypt(plaintext, aad)
}

// Open undoes Seal. An error says that the value is not what was sealed, or
// not for this aad, and nothing more; or it is of hub.CodeLocked.
func (v *Vault) Open(aad, sealed []byte) ([]byte, error) {
	k, err := v.use()
	if err != nil {
		return nil, err
	}
	return k.data.Load().Decrypt(sealed, aad)
}

// Name turns a name of a domain into 32 bytes that tell nothing without the
// key. The domain must not contain a zero byte.
func (v *Vault) Name(domain, name string) ([32]byte, error) {
	k, err := v.use()
	if err != nil {
		return [32]byte{}, err
	}
	return k.name(domain, name)
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
	if !v.Fresh() {
		return nil
	}
	return v.rewrite(func(h *header, _ *keys) error {
		h.State = stateInUse
		return nil
	})
}

// MoveStore names, durably, the folder that holds the store from now on. It is
// the one step of a compaction that counts.
func (v *Vault) MoveStore(folder string) error {
	return v.rewrite(func(h *header, _ *keys) error {
		h.Folder = folder
		return nil
	})
}

// rewrite changes the header, and keys with it, in one durable step or not at
// all.
func (v *Vault) rewrite(change func(*header, *keys) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, err := v.use()
	if err != nil {
		return err
	}
	h := v.header
	if err := change(&h, k); err != nil {
		return err
	}
	h.Sequence++
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

// master turns a source's secret into the master key. It wipes the secret.
func (h *header) master(material []byte) ([]byte, error) {
	if h.KDF != nil {
		defer clear(material)
		return h.KDF.derive(material), nil
	}
	if len(material) != keySize {
		clear(material)
		return nil, fail(hub.CodeNotConfigured, ErrWrongKey, "the key has %d bytes and not %d", len(material), keySize).
			WithRemedy("Put the right one there.")
	}
	return material, nil
}

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Rotating reports that a rotation was begun and is not ended.
func (v *Vault) Rotating() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.header.Rotating
}

// Current reports whether a value that Seal made is of the key that seals now.
// Of a locked vault none is.
func (v *Vault) Current(sealed []byte) bool {
	k := v.keys.Load()
	return k != nil && k.data.Load().current(sealed)
}

// BeginRotation adds, durably, a data key that seals from now on; the older
// ones still open. A rotation that was begun already is the one to end.
func (v *Vault) BeginRotation() error {
	if v.Rotating() {
		return nil
	}
	return v.changeDataKeys(true, func(m *keyset.Manager, _ *keyset.Handle) error {
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		if err != nil {
			return err
		}
		return m.SetPrimary(id)
	})
}

// EndRotation removes, durably, every data key but the one that seals. What
// they sealed and is not sealed anew is lost.
func (v *Vault) EndRotation() error {
	return v.changeDataKeys(false, func(m *keyset.Manager, h *keyset.Handle) error {
		primary, err := h.Primary()
		if err != nil {
			return err
		}
		for i := range h.Len() {
			e, err := h.Entry(i)
			if err != nil {
				return err
			}
			if e.KeyID() != primary.KeyID() {
				if err := m.Delete(e.KeyID()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// changeDataKeys changes the keyset in the header, and then in memory.
func (v *Vault) changeDataKeys(rotating bool, change func(*keyset.Manager, *keyset.Handle) error) error {
	var of *keys
	var changed *dataKey
	err := v.rewrite(func(h *header, k *keys) error {
		of, h.Rotating = k, rotating
		return k.wrap.use(func(wrapping []byte) error {
			kek, err := subtle.NewAESGCM(wrapping)
			if err != nil {
				return err
			}
			old, err := unwrapKeyset(h.DataKeys, kek, dataKeys, h.StoreID)
			if err != nil {
				return fmt.Errorf("unwrap the data keys: %w", err)
			}
			m := keyset.NewManagerFromHandle(old)
			if err := change(m, old); err != nil {
				return fmt.Errorf("change the data keys: %w", err)
			}
			set, err := m.Handle()
			if err != nil {
				return fmt.Errorf("change the data keys: %w", err)
			}
			if changed, err = newDataKey(set); err != nil {
				return err
			}
			h.DataKeys, err = wrapKeyset(set, kek, dataKeys, h.StoreID)
			return err
		})
	})
	if err == nil {
		of.data.Store(changed)
	}
	return err
}

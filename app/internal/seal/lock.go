// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"runtime/debug"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Lock drops the keys. Until Unlock, everything that needs one answers
// hub.CodeLocked; what is running finishes with the key that it has. Locking
// twice is no error.
func (v *Vault) Lock() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if k := v.keys.Swap(nil); k != nil {
		k.destroy()
		// The ciphers' own copies are garbage now. Collecting them and giving
		// the pages back is what Go has for wiping them.
		debug.FreeOSMemory()
	}
}

// Unlock brings the keys back, from the source that the store remembers or
// from override where that is not zero. The errors are those of [Open]: with
// ErrWrongKey the vault stays locked. Of a vault that is open, nothing changes.
func (v *Vault) Unlock(override Source) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys.Load() != nil {
		return nil
	}
	k, err := v.header.unlock(v.dir, override)
	if err != nil {
		return err
	}
	v.keys.Store(k)
	return nil
}

// Check reports whether Unlock would bring the keys back, also of a vault that
// is open. The errors are those of Unlock.
func (v *Vault) Check(override Source) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, err := v.header.unlock(v.dir, override)
	if err == nil {
		k.destroy()
	}
	return err
}

// Locked reports whether the keys were dropped.
func (v *Vault) Locked() bool { return v.keys.Load() == nil }

// Close locks the vault for good, as far as its user is concerned.
func (v *Vault) Close() error {
	v.Lock()
	return nil
}

// use returns the keys, or says that there are none.
func (v *Vault) use() (*keys, error) {
	if k := v.keys.Load(); k != nil {
		return k, nil
	}
	return nil, errLocked()
}

func errLocked() error {
	return hub.Errorf(hub.CodeLocked, "Standpipe is locked").
		WithRemedy("Unlock it in the window, or: standpipe unlock")
}

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/keychain"
)

// folderAccount is the account of the item that tells which store a folder
// holds. It makes a vanished folder an error and not a fresh start.
func folderAccount(dir string) string { return "folder:" + dir }

func createKeychainKey(dir, storeID string) ([]byte, func(), error) {
	noUndo := func() {}
	switch owner, err := keychainGet(folderAccount(dir)); {
	case err == nil:
		return nil, noUndo, folderTaken(dir, owner)
	case !errors.Is(err, keychain.ErrNotFound):
		return nil, noUndo, err
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, as documented
	if err := keychainSet(storeID, base64.StdEncoding.EncodeToString(key)); err != nil {
		clear(key)
		return nil, noUndo, err
	}
	undo := func() {
		_ = keychainDelete(storeID)
		_ = keychainDelete(folderAccount(dir))
	}
	if err := keychainSet(folderAccount(dir), storeID); err != nil {
		clear(key)
		undo()
		return nil, noUndo, err
	}
	return key, undo, nil
}

func readKeychainKey(storeID string) ([]byte, error) {
	item, err := keychainGet(storeID)
	if errors.Is(err, keychain.ErrNotFound) {
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "the key of this store is missing: the keychain has no item %q of %q", storeID, keychain.Service).
			WithRemedy("If the keychain was reset: standpipe keys recover (with the recovery key or a backup), or, with neither, standpipe keys reset. If the data folder came from another machine or user, restore it from a backup made there.")
	}
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(item)
	if err != nil || len(key) != keySize {
		return nil, fail(hub.CodeNotConfigured, ErrWrongKey, "the keychain item %q of %q does not hold a key", storeID, keychain.Service).
			WithRemedy("Restore the keychain item.")
	}
	return key, nil
}

// ForgetFolder makes the keychain forget that dir held a store, so that a new
// one can be made there after its store was lost for good or moved away. The
// key of that store is kept.
func ForgetFolder(dir string) error {
	dir, err := absolute(dir)
	if err != nil {
		return err
	}
	if err := keychainDelete(folderAccount(dir)); err != nil && !errors.Is(err, keychain.ErrNotFound) {
		return err
	}
	return nil
}

func folderTaken(dir, storeID string) error {
	return fail(hub.CodeNotConfigured, ErrStoreMissing, "store missing: the keychain knows of store %s in %s, but it is not there", storeID, dir).
		WithRemedy("Put the data folder back, from a backup. If the store is gone for good or was moved away: standpipe keys forget")
}

// rememberFolder notes which store a folder holds. A folder may have been moved,
// so that this is done at each start; it only ever helps, so a failure is none.
func rememberFolder(dir, storeID string) {
	if known, err := keychainGet(folderAccount(dir)); err == nil && known == storeID {
		return
	}
	_ = keychainSet(folderAccount(dir), storeID)
}

// itemStore is what is needed of a keychain. Get and Delete answer
// keychain.ErrNotFound where there is no such item.
type itemStore interface {
	Get(service, account string) (string, error)
	Set(service, account, value string) error
	Delete(service, account string) error
}

// items are those of the system's keychain; tests put another in its place.
var items itemStore = systemKeychain{}

type systemKeychain struct{}

func (systemKeychain) Get(service, account string) (string, error) {
	return keychain.Get(service, account)
}

func (systemKeychain) Set(service, account, value string) error {
	return keychain.Set(service, account, value)
}

func (systemKeychain) Delete(service, account string) error { return keychain.Delete(service, account) }

func keychainGet(account string) (string, error) {
	v, err := items.Get(keychain.Service, account)
	return v, keychainError(err)
}

func keychainSet(account, value string) error {
	return keychainError(items.Set(keychain.Service, account, value))
}

func keychainDelete(account string) error {
	return keychainError(items.Delete(keychain.Service, account))
}

// keychainError lets keychain.ErrNotFound pass. Any other error says that the
// keychain cannot be used, and what can.
func keychainError(err error) error {
	if err == nil || errors.Is(err, keychain.ErrNotFound) {
		return err
	}
	return fail(hub.CodeNotConfigured, ErrKeychainUnavailable, "the keychain of this system cannot be used: %w", err).
		WithRemedy("Unlock or start the keychain service and try again; without one, keep the key elsewhere:\n" +
			"  standpipe keys init --key file:PATH              a key file, kept apart from the data folder\n" +
			"  standpipe keys init --key passphrase-file:PATH   a passphrase (or passphrase-fd:N)\n" +
			"  standpipe keys init --key credential:NAME        a systemd credential")
}

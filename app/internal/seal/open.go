// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/subtle"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Open opens the keys of a data folder with the key source that the store
// remembers, or with override where that is not zero. It never makes a key.
// Its errors are told apart by the sentinels of this package.
func Open(dir string, override Source) (*Vault, error) {
	dir, err := absolute(dir)
	if err != nil {
		return nil, err
	}
	if err := checkFolder(dir, "the data folder"); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, unborn(dir, override)
		}
		return nil, err
	}
	h, err := readHeader(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unborn(dir, override)
	}
	if err != nil {
		return nil, err
	}
	store := filepath.Join(dir, h.Folder)
	inUse, err := checkStore(store)
	if err != nil {
		return nil, err
	}
	if h.State == stateInUse && !inUse {
		return nil, storeMissing(dir, store, h.Source)
	}
	if h.first != nil {
		return h.unlockFirst(dir, override)
	}
	k, err := h.unlock(dir, override)
	if err != nil {
		return nil, err
	}
	return newVault(dir, h, k), nil
}

// unborn says why a folder has no header: because nothing was ever made there,
// or because something is gone.
func unborn(dir string, override Source) error {
	inUse, err := checkStores(dir)
	if err != nil {
		return err
	}
	if inUse != "" {
		return headerMissing(dir, inUse)
	}
	switch override.Kind {
	case "", Keychain:
		// A keychain that cannot be asked holds no key that could be used.
		if owner, err := keychainGet(folderAccount(dir)); err == nil {
			return folderTaken(dir, owner)
		}
	case KeyFile:
		if content, err := readSecretFile(override.Path, "key file"); err == nil {
			defer clear(content)
			if owner := keyFileOwner(content); owner != "" {
				return keyFileTaken(override.Path, owner)
			}
		}
	}
	return notInitialised(dir)
}

// unlock opens the keys of a header and believes it only then.
func (h *header) unlock(dir string, override Source) (*keys, error) {
	source, master, err := h.ask(override)
	if err != nil {
		return nil, err
	}
	defer clear(master)
	if !h.Slot.fits(sourceSlot, master) {
		return nil, wrongKey(h, source)
	}
	wrapping, err := h.Slot.open(sourceSlot, master, h.StoreID)
	if err != nil {
		return nil, tampered(headerPath(dir), "the wrapping key does not open")
	}
	k, err := h.openWrapped(dir, wrapping)
	if err == nil && source.Kind == Keychain {
		rememberFolder(dir, h.StoreID)
	}
	return k, err
}

// openWrapped opens the keysets and checks the header with them. It wipes
// wrapping.
func (h *header) openWrapped(dir string, wrapping []byte) (*keys, error) {
	k, err := openKeys(h, wrapping)
	if err != nil {
		return nil, tampered(headerPath(dir), "the wrapped keys do not open")
	}
	if !h.verify(k) {
		k.destroy()
		return nil, tampered(headerPath(dir), "its checksum is wrong")
	}
	return k, nil
}

// unlockFirst is unlock for format 1. It makes the vault that is to follow.
func (h *header) unlockFirst(dir string, override Source) (*Vault, error) {
	source, master, err := h.ask(override)
	if err != nil {
		return nil, err
	}
	defer clear(master)
	check, err := keyCheckV1(master)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(check, h.Slot.Check) != 1 {
		return nil, wrongKey(h, source)
	}
	k, next, nextKeys, err := h.first.open(master)
	if err != nil {
		return nil, tampered(headerPath(dir), "the wrapped keys do not open")
	}
	if !h.verify(k) {
		nextKeys.destroy()
		return nil, tampered(headerPath(dir), "its checksum is wrong")
	}
	v := newVault(dir, h, k)
	v.next = newVault(dir, next, nextKeys)
	return v, nil
}

// ask gets the master key from the source that the header remembers, or from
// override. The caller wipes it.
func (h *header) ask(override Source) (Source, []byte, error) {
	source := h.Source
	if !override.IsZero() {
		source = override
	}
	if source.derives() != h.Source.derives() {
		return source, nil, fail(hub.CodeNotConfigured, ErrWrongKey, "the key of this store comes from %s; %s cannot open it", h.Source, source).
			WithRemedy("Leave out --key, or name the source it was made with.")
	}
	if override.IsZero() && source.Kind == PassphraseFD {
		return source, nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "the key of this store comes from a passphrase, which was not given").
			WithRemedy("Give it with --key passphrase-fd:N (a descriptor) or --key passphrase-file:PATH.")
	}
	material, err := source.read(h.StoreID)
	if err != nil {
		return source, nil, err
	}
	master, err := h.master(material)
	return source, master, err
}

func wrongKey(h *header, source Source) error {
	if source.derives() {
		return fail(hub.CodeNotConfigured, ErrWrongKey, "the passphrase does not open store %s", h.StoreID).
			WithRemedy("Try again with the right one. If it is lost: standpipe keys recover (with the recovery key or a backup), or, with neither, standpipe keys reset.")
	}
	return fail(hub.CodeNotConfigured, ErrWrongKey, "the key from %s is not the one of store %s", source, h.StoreID).
		WithRemedy("Name the right one with --key, or restore it from a backup.")
}

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/subtle"
	"errors"
	"io/fs"

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
	inUse, err := checkStore(dir)
	if err != nil {
		return nil, err
	}
	if h.State == stateInUse && !inUse {
		return nil, storeMissing(dir, h.Source)
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
	inUse, err := checkStore(dir)
	if err != nil {
		return err
	}
	if inUse {
		return headerMissing(dir)
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
	source := h.Source
	if !override.IsZero() {
		source = override
	}
	if source.derives() != h.Source.derives() {
		return nil, fail(hub.CodeNotConfigured, ErrWrongKey, "the key of this store comes from %s; %s cannot open it", h.Source, source).
			WithRemedy("Leave out --key, or name the source it was made with.")
	}
	if override.IsZero() && source.Kind == PassphraseFD {
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "the key of this store comes from a passphrase, which was not given").
			WithRemedy("Give it with --key passphrase-fd:N (a descriptor) or --key passphrase-file:PATH.")
	}
	material, err := source.read(h.StoreID)
	if err != nil {
		return nil, err
	}
	master, err := h.master(material)
	if err != nil {
		return nil, err
	}
	defer clear(master)
	wrap, check, err := derive(master)
	if err != nil {
		return nil, err
	}
	defer clear(wrap)
	if subtle.ConstantTimeCompare(check, h.KeyCheck) != 1 {
		return nil, wrongKey(h, source)
	}
	k, err := openKeys(h, wrap)
	if err != nil {
		return nil, tampered(headerPath(dir), "the wrapped keys do not open")
	}
	if !h.verify(k) {
		k.wrap.destroy()
		return nil, tampered(headerPath(dir), "its checksum is wrong")
	}
	if source.Kind == Keychain {
		rememberFolder(dir, h.StoreID)
	}
	return k, nil
}

func wrongKey(h *header, source Source) error {
	if source.derives() {
		return fail(hub.CodeNotConfigured, ErrWrongKey, "the passphrase does not open store %s", h.StoreID).
			WithRemedy("Try again with the right one.")
	}
	return fail(hub.CodeNotConfigured, ErrWrongKey, "the key from %s is not the one of store %s", source, h.StoreID).
		WithRemedy("Name the right one with --key, or restore it from a backup.")
}

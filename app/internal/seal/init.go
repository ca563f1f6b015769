// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Init makes the keys of a data folder, and the folder where it is missing. It
// refuses where there are keys or a store already. Keys and header are born
// together: when it fails, neither is left behind. The store is made by
// whoever opens it next, see [Vault.Fresh].
func Init(dir string, source Source) (*Vault, error) {
	dir, err := absolute(dir)
	if err != nil {
		return nil, err
	}
	if source.IsZero() {
		source.Kind = Keychain
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, storage("make the data folder: %w", err).WithRemedy("Name another with --data or STANDPIPE_DATA.")
	}
	if err := checkFolder(dir, "the data folder"); err != nil {
		return nil, err
	}
	if err := checkUnborn(dir); err != nil {
		return nil, err
	}

	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails, as documented
	h := header{
		Format: Format, StoreID: hex.EncodeToString(id), State: stateNew, Source: source.remembered(),
		CreatedAt: time.Now().UTC().Format(time.RFC3339),
	}
	material, undo, err := source.create(dir, h.StoreID)
	if err != nil {
		return nil, err
	}
	v, err := h.born(dir, material)
	if err != nil {
		undo()
		return nil, err
	}
	return v, nil
}

// checkUnborn reports what of a store is there already, or nil.
func checkUnborn(dir string) error {
	if _, err := os.Lstat(headerPath(dir)); err == nil {
		return fail(hub.CodeConflict, ErrInitialised, "the data folder %s has keys already", dir).
			WithRemedy("standpipe keys status tells about them.")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return storage("look at the header of the store: %w", err)
	}
	inUse, err := checkStore(dir)
	if err != nil {
		return err
	}
	if inUse {
		return headerMissing(dir)
	}
	return nil
}

func headerMissing(dir string) error {
	return fail(hub.CodeNotConfigured, ErrKeyMissing, "there is a store in %s, but the header %s with its keys is missing; the store cannot be read without it", StoreDir(dir), headerPath(dir)).
		WithRemedy("Restore vault.json from a backup. To begin anew, move %s away first.", shell(StoreDir(dir)))
}

// born fills in and writes the header. It wipes material.
func (h *header) born(dir string, material []byte) (*Vault, error) {
	if h.Source.derives() {
		h.KDF = newKDF()
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
	h.KeyCheck = check
	k, err := newKeys(h, wrap)
	if err != nil {
		return nil, err
	}
	if err := h.sign(k); err != nil {
		return nil, err
	}
	if err := placeNew(headerPath(dir), h.encode(true)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fail(hub.CodeConflict, ErrInitialised, "the data folder %s was given keys by somebody else meanwhile", dir)
		}
		return nil, storage("write the header of the store: %w", err).
			WithRemedy("See that %s can be written and has room.", dir)
	}
	return newVault(dir, h, k), nil
}

// placeNew writes a file in one step, and never over another: of two that try,
// one gets fs.ErrExist.
func placeNew(path string, data []byte) error {
	tmp := path + "." + rand.Text()
	if err := writeNew(tmp, data); err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

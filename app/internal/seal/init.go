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
		Format: Format, StoreID: hex.EncodeToString(id), State: stateNew, Folder: firstFolder, Source: source.remembered(),
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
	inUse, err := checkStores(dir)
	if err != nil {
		return err
	}
	if inUse != "" {
		return headerMissing(dir, inUse)
	}
	return nil
}

func headerMissing(dir, store string) error {
	return fail(hub.CodeNotConfigured, ErrKeyMissing, "there is a store in %s, but the header %s with its keys is missing; the store cannot be read without it", store, headerPath(dir)).
		WithRemedy("Restore vault.json from a backup. To begin anew, move %s away first.", shell(store))
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
	wrapping, err := h.newSlot(master)
	if err != nil {
		return nil, err
	}
	k, err := newKeys(h, wrapping, nil)
	if err != nil {
		return nil, err
	}
	if err := h.publish(dir, k); err != nil {
		k.destroy()
		h.removeAnchor(dir)
		return nil, err
	}
	return newVault(dir, h, k), nil
}

// publish writes the first header of a folder, after its first anchor.
func (h *header) publish(dir string, k *keys) error {
	if err := h.placeAnchor(dir, k, 0); err != nil {
		return err
	}
	h.Sequence = 1
	if err := h.sign(k); err != nil {
		return err
	}
	if err := placeNew(headerPath(dir), h.encode(true)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fail(hub.CodeConflict, ErrInitialised, "the data folder %s was given keys by somebody else meanwhile", dir)
		}
		return storage("write the header of the store: %w", err).
			WithRemedy("See that %s can be written and has room.", dir)
	}
	return nil
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

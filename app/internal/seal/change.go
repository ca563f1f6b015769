// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/keychain"
)

// ChangeSource puts the vault under another master key. Killed at any moment,
// either the old source opens it or the new one does. The old keychain items are
// removed at the end, or by RemoveLeftovers; an old file is left where it is, see
// [Info].
func (v *Vault) ChangeSource(s Source) error {
	if s.IsZero() {
		s.Kind = Keychain
	}
	v.mu.Lock()
	old := v.header
	v.mu.Unlock()
	if s.Kind == Keychain && old.Source.Kind == Keychain {
		return hub.Errorf(hub.CodeConflict, "the master key is in the keychain already").
			WithRemedy("For a new one there, move it to a file first and then back: standpipe keys change-source file:PATH")
	}
	if err := v.place(s); err != nil {
		return err
	}
	v.forgetSource(&old)
	return nil
}

// place makes or takes the master key of a source, and puts the wrapping key
// under it.
func (v *Vault) place(s Source) error {
	return v.rewrite(func(h *header, k *keys) error {
		epoch, err := h.readAnchor(v.dir, k)
		if err != nil && !errors.Is(err, ErrNoAnchor) {
			return err
		}
		material, err := s.change(v.dir, h.StoreID)
		if err != nil {
			return err
		}
		faults.Point("source.created")
		h.Leftover = s.Kind != Keychain && (h.Leftover || h.Source.Kind == Keychain)
		h.Source, h.KDF = s.remembered(), nil
		if s.derives() {
			h.KDF = newKDF()
		}
		master, err := h.master(material)
		if err != nil {
			return err
		}
		defer clear(master)
		err = k.wrap.use(func(wrapping []byte) (err error) {
			h.Slot, err = sealSlot(sourceSlot, master, wrapping, h.StoreID)
			return err
		})
		if err != nil {
			return err
		}
		err = h.placeAnchor(v.dir, k, epoch)
		faults.Point("source.anchored")
		return err
	})
}

// forgetSource removes what a source that was replaced left behind.
func (v *Vault) forgetSource(old *header) {
	v.mu.Lock()
	now := v.header
	v.mu.Unlock()
	faults.Point("source.committed")
	if old.anchorWhere(v.dir) != now.anchorWhere(v.dir) {
		old.removeAnchor(v.dir)
	}
	_ = v.emptyKeychain() // else at the next start
	if now.Source.Kind == Keychain {
		rememberFolder(v.dir, now.StoreID)
	}
}

// emptyKeychain removes the items of an earlier source, if there may be any: with
// its key, who kept an older copy of the header could open that.
func (v *Vault) emptyKeychain() error {
	v.mu.Lock()
	h := v.header
	v.mu.Unlock()
	if !h.Leftover {
		return nil
	}
	for _, account := range []string{h.StoreID, anchorAccount(h.StoreID), folderAccount(v.dir)} {
		if err := keychainDelete(account); err != nil && !errors.Is(err, keychain.ErrNotFound) {
			return err
		}
	}
	return v.rewrite(func(h *header, _ *keys) error {
		h.Leftover = false
		return nil
	})
}

// change makes or takes the secret of a source for a store that exists. What
// an interrupted change left is used again.
func (s Source) change(dir, storeID string) ([]byte, error) {
	switch s.Kind {
	case Keychain:
		key := make([]byte, keySize)
		_, _ = rand.Read(key) // never fails, as documented
		if err := keychainSet(storeID, base64.StdEncoding.EncodeToString(key)); err != nil {
			clear(key)
			return nil, err
		}
		return key, nil
	case KeyFile:
		content, err := readSecretFile(s.Path, "key file")
		if errors.Is(err, fs.ErrNotExist) {
			key, _, err := createKeyFile(s.Path, dir, storeID)
			return key, err
		}
		if err != nil {
			return nil, err
		}
		defer clear(content)
		if owner := keyFileOwner(content); owner != "" && !bytes.HasPrefix([]byte(owner), []byte(storeID)) {
			return nil, keyFileTaken(s.Path, owner)
		}
		return parseKey(content, s.Path)
	}
	return s.read(storeID)
}

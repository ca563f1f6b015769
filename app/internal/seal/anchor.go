// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/keychain"
)

// anchorPlace is where the rollback anchor of a store lies: as far from the
// store as the key does, where that can be written.
type anchorPlace string

const (
	anchorKeychain anchorPlace = "keychain"
	anchorBeside   anchorPlace = "beside" // the key or passphrase file
	anchorInside   anchorPlace = "inside" // the data folder
)

func (p anchorPlace) valid() bool {
	return p == anchorKeychain || p == anchorBeside || p == anchorInside
}

// anchorFor is the best place of a source.
func anchorFor(s Source) anchorPlace {
	switch s.Kind {
	case Keychain:
		return anchorKeychain
	case KeyFile, PassphraseFile:
		return anchorBeside
	}
	return anchorInside
}

const (
	anchorCheck = 16
	anchorSize  = 8 + anchorCheck
)

func anchorAccount(storeID string) string { return "anchor:" + storeID }

// anchorPath is the file of an anchor that is not in the keychain. A passphrase
// file may serve several stores, so its name has the beginning of the store's.
func (h *header) anchorPath(dir string) string {
	if h.Anchor == anchorBeside {
		return h.Source.Path + "." + h.StoreID[:8] + ".anchor"
	}
	return filepath.Join(dir, "anchor")
}

func (h *header) anchorWhere(dir string) string {
	if h.Anchor == anchorKeychain {
		return "keychain"
	}
	return h.anchorPath(dir)
}

// Anchor is the highest epoch that is known of the store outside of it. The
// error is ErrNoAnchor where there is none, and ErrTampered where there is
// something else in its place.
func (v *Vault) Anchor() (uint64, error) {
	h, k, err := v.snapshot()
	if err != nil {
		return 0, err
	}
	return h.readAnchor(v.dir, k)
}

// SetAnchor notes, durably, the epoch of an update that is on disk.
func (v *Vault) SetAnchor(epoch uint64) error {
	h, k, err := v.snapshot()
	if err != nil {
		return err
	}
	return h.writeAnchor(v.dir, k, epoch)
}

// ResetAnchor is SetAnchor for a store whose anchor is not believed any more. It
// may find a new place for it.
func (v *Vault) ResetAnchor(epoch uint64) error {
	return v.rewrite(func(h *header, k *keys) error { return h.placeAnchor(v.dir, k, epoch) })
}

func (v *Vault) snapshot() (header, *keys, error) {
	k, err := v.use()
	if err != nil {
		return header{}, nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.header, k, nil
}

func (h *header) readAnchor(dir string, k *keys) (uint64, error) {
	var text []byte
	if h.Anchor == anchorKeychain {
		item, err := keychainGet(anchorAccount(h.StoreID))
		if errors.Is(err, keychain.ErrNotFound) {
			return 0, h.noAnchor(dir)
		}
		if err != nil {
			return 0, err
		}
		text = []byte(item)
	} else {
		content, err := readSecretFile(h.anchorPath(dir), "rollback anchor")
		if errors.Is(err, fs.ErrNotExist) {
			return 0, h.noAnchor(dir)
		}
		if err != nil {
			return 0, err
		}
		text = bytes.TrimSpace(content)
	}
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(b) != anchorSize {
		return 0, h.badAnchor(dir)
	}
	check, err := h.anchorCheck(k, b[:8])
	if err != nil {
		return 0, err
	}
	if subtle.ConstantTimeCompare(check, b[8:]) != 1 {
		return 0, h.badAnchor(dir)
	}
	return binary.BigEndian.Uint64(b), nil
}

func (h *header) writeAnchor(dir string, k *keys, epoch uint64) error {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, anchorSize), epoch)
	check, err := h.anchorCheck(k, b)
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(append(b, check...))
	if h.Anchor == anchorKeychain {
		return keychainSet(anchorAccount(h.StoreID), text)
	}
	path := h.anchorPath(dir)
	if err := replaceFile(path, []byte(text+"\n")); err != nil {
		return storage("write the rollback anchor %s: %w", path, err).
			WithRemedy("See that %s can be written.", filepath.Dir(path))
	}
	return nil
}

// placeAnchor writes the anchor to the best place of the source that takes it.
func (h *header) placeAnchor(dir string, k *keys, epoch uint64) error {
	h.Anchor = anchorFor(h.Source)
	err := h.writeAnchor(dir, k, epoch)
	if err != nil && h.Anchor == anchorBeside {
		h.Anchor = anchorInside
		err = h.writeAnchor(dir, k, epoch)
	}
	return err
}

// removeAnchor is for one that was replaced elsewhere; what stays harms nobody.
func (h *header) removeAnchor(dir string) {
	if h.Anchor == anchorKeychain {
		_ = keychainDelete(anchorAccount(h.StoreID))
		return
	}
	_ = os.Remove(h.anchorPath(dir))
}

func (h *header) anchorCheck(k *keys, epoch []byte) ([]byte, error) {
	m, err := k.name("anchor", h.StoreID+"\x00"+string(epoch))
	return m[:anchorCheck], err
}

func (h *header) noAnchor(dir string) error {
	return fail(hub.CodeIntegrity, ErrNoAnchor, "the rollback anchor of store %s is missing (%s): it cannot be told whether the data folder is the latest", h.StoreID, h.anchorWhere(dir)).
		WithRemedy(acceptRemedy)
}

func (h *header) badAnchor(dir string) error {
	return fail(hub.CodeIntegrity, ErrTampered, "the rollback anchor of store %s (%s) was altered, or is another store's: it cannot be told whether the data folder is the latest", h.StoreID, h.anchorWhere(dir)).
		WithRemedy(acceptRemedy)
}

const acceptRemedy = "If you put the folder or the key back yourself and accept that what changed since is lost, start once with --accept-rollback."

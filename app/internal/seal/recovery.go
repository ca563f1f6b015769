// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

const recoverySize = 20 // bytes: 32 letters and digits

var recoveryText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewRecoveryKey makes a key that opens the vault when its source is lost, in
// the place of the one that there may be. It is nowhere but in the answer.
func (v *Vault) NewRecoveryKey() (secret.Value, error) {
	raw := make([]byte, recoverySize)
	_, _ = rand.Read(raw) // never fails, as documented
	defer clear(raw)
	err := v.rewrite(func(h *header, k *keys) error {
		return k.wrap.use(func(wrapping []byte) error {
			s, err := sealSlot(recoverySlot, raw, wrapping, h.StoreID)
			h.Recovery = &s
			return err
		})
	})
	if err != nil {
		return secret.Value{}, err
	}
	groups := slices.Collect(slices.Chunk([]byte(recoveryText.EncodeToString(raw)), 4))
	text := make([]string, len(groups))
	for i, g := range groups {
		text[i] = string(g)
	}
	return secret.New(strings.Join(text, "-")), nil
}

// Recover opens the vault of a data folder with its recovery key and puts it
// under a new source; the zero one means the same kind and place as the lost
// one. What that knew of the latest state of the store
// is lost too: the folder is believed to be the latest. Close the vault and
// open it again to use it.
func Recover(dir string, key secret.Value, source Source) (*Vault, error) {
	dir, err := absolute(dir)
	if err != nil {
		return nil, err
	}
	if err := checkFolder(dir, "the data folder"); err != nil {
		return nil, err
	}
	h, err := readHeader(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notInitialised(dir)
	}
	if err != nil {
		return nil, err
	}
	if h.Recovery == nil {
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "store %s has no recovery key", h.StoreID).
			WithRemedy("Restore a backup: standpipe keys recover --from-backup FILE. Without one: standpipe keys reset")
	}
	raw, err := parseRecoveryKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	if !h.Recovery.fits(recoverySlot, raw) {
		return nil, fail(hub.CodeNotConfigured, ErrWrongKey, "the recovery key is not the one of store %s", h.StoreID).
			WithRemedy("Only the one that was made last opens it.")
	}
	wrapping, err := h.Recovery.open(recoverySlot, raw, h.StoreID)
	if err != nil {
		return nil, tampered(headerPath(dir), "the wrapping key does not open")
	}
	k, err := h.openWrapped(dir, wrapping)
	if err != nil {
		return nil, err
	}
	v := newVault(dir, h, k)
	if source.IsZero() {
		if source = h.Source; source.Explicit() != nil {
			return nil, errors.Join(source.Explicit(), v.Close())
		}
	}
	old := *h
	if err := v.recover(source); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	v.forgetSource(&old)
	return v, nil
}

// recover is place where the old anchor need not be there.
func (v *Vault) recover(s Source) error {
	v.mu.Lock()
	if _, err := v.header.readAnchor(v.dir, v.keys.Load()); err != nil {
		v.header.Anchor = anchorInside // where it certainly can be read or is missing
	}
	v.mu.Unlock()
	return v.place(s)
}

// parseRecoveryKey reads a key as people write it.
func parseRecoveryKey(key secret.Value) ([]byte, error) {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == ' ' || r == '\n' || r == '\r' || r == '\t':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, key.Reveal())
	raw, err := recoveryText.DecodeString(text)
	if err != nil || len(raw) != recoverySize {
		return nil, hub.Errorf(hub.CodeInvalid, "this is not a recovery key: 32 letters and digits 2–7 are expected").
			WithRemedy("Look for a letter that was mistyped.")
	}
	return raw, nil
}

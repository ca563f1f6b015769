// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Format is the version of the vault's layout that this program writes.
const Format = 2

// The states of a store.
const (
	stateNew   = "new"    // the keys exist, the store is about to be made
	stateInUse = "in_use" // the store exists; if it does not, that is an error
)

// header is vault.json. The order of the fields is part of the format: the MAC
// is made over their compact JSON.
type header struct {
	Format    int         `json:"format"`
	StoreID   string      `json:"store_id"`
	CreatedAt string      `json:"created_at"`
	Sequence  uint64      `json:"sequence"` // of its writing
	State     string      `json:"state"`
	Folder    string      `json:"folder"` // of the store
	Rotating  bool        `json:"rotating,omitempty"`
	Anchor    anchorPlace `json:"anchor"`
	Source    Source      `json:"source"`
	KDF       *kdf        `json:"kdf,omitempty"`
	Leftover  bool        `json:"leftover,omitempty"` // the keychain may still hold items of an earlier source
	Slot      slot        `json:"slot"`
	Recovery  *slot       `json:"recovery,omitempty"`
	DataKeys  []byte      `json:"data_keys"`
	NameKeys  []byte      `json:"name_keys"`
	MAC       []byte      `json:"mac,omitempty"`

	first *headerV1 // what was read instead, of a store of format 1
}

// storeFolder is what a store's folder is called: the first one, and those that
// a migration or a compaction made.
var storeFolder = regexp.MustCompile(`^store(\.[1-9][0-9]{0,8})?$`)

func headerPath(dir string) string { return filepath.Join(dir, "vault.json") }

// readHeader returns fs.ErrNotExist where there is none.
func readHeader(dir string) (*header, error) {
	path := headerPath(dir)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, storage("look at the header of the store: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, unsafePath("%s is not a regular file", path).WithRemedy("Restore the data folder from a backup.")
	}
	if err := checkPrivate(path, info, "the header", 0o600); err != nil {
		return nil, err
	}
	if info.Size() > 1<<20 {
		return nil, tampered(path, "it is far too large")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, storage("read the header of the store: %w", err)
	}
	return parseHeader(path, data)
}

func parseHeader(path string, data []byte) (*header, error) {
	// The format comes first: nothing else of a newer one can be understood.
	var v struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, tampered(path, "it is not JSON")
	}
	if v.Format > Format {
		return nil, fail(hub.CodeStorage, ErrNewerFormat, "%s has format %d; this version of standpipe knows formats up to %d", path, v.Format, Format).
			WithRemedy("Use the version of standpipe that wrote it, or a newer one.")
	}
	h := &header{}
	var into any = h
	if v.Format == 1 {
		h.first = &headerV1{}
		into = h.first
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return nil, tampered(path, "a field is unknown or malformed")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, tampered(path, "something follows its end")
	}
	if h.first != nil {
		h = h.first.header()
	}
	if detail := h.flaw(); detail != "" {
		return nil, tampered(path, detail)
	}
	return h, nil
}

// flaw says what is wrong with the header's form, or nothing.
func (h *header) flaw() string {
	switch {
	case h.Format < 1:
		return "it has no format"
	case len(h.StoreID) != 32:
		return "the store id is malformed"
	case h.State != stateNew && h.State != stateInUse:
		return "the state is unknown"
	case !storeFolder.MatchString(h.Folder):
		return "the store's folder is malformed"
	case !h.Anchor.valid():
		return "the place of the anchor is unknown"
	case h.Source.IsZero():
		return "the key source is missing"
	case h.Source.derives() != (h.KDF != nil):
		return "the key source and the key derivation do not match"
	case h.KDF != nil && !h.KDF.valid():
		return "the parameters of the key derivation are out of bounds"
	}
	return ""
}

// encode returns the header as it is stored, or without its MAC as the MAC is
// made over it.
func (h header) encode(withMAC bool) []byte {
	if !withMAC {
		h.MAC = nil
		b, _ := json.Marshal(h) // plain data: cannot fail
		return b
	}
	b, _ := json.MarshalIndent(h, "", "  ")
	return append(b, '\n')
}

func (h *header) mac(k *keys) ([32]byte, error) {
	if h.first != nil {
		return k.prf("header\x00" + string(h.first.encode()))
	}
	return k.prf("header\x00" + string(h.encode(false)))
}

func (h *header) sign(k *keys) error {
	m, err := h.mac(k)
	h.MAC = m[:]
	return err
}

func (h *header) verify(k *keys) bool {
	m, err := h.mac(k)
	return err == nil && subtle.ConstantTimeCompare(m[:], h.MAC) == 1
}

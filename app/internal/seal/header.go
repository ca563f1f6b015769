// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Format is the version of the vault's layout that this program writes.
const Format = 1

// The states of a store.
const (
	stateNew   = "new"    // the keys exist, the store is about to be made
	stateInUse = "in_use" // the store exists; if it does not, that is an error
)

// header is vault.json. The order of the fields is part of the format: the MAC
// is made over their compact JSON.
type header struct {
	Format    int    `json:"format"`
	StoreID   string `json:"store_id"`
	CreatedAt string `json:"created_at"`
	State     string `json:"state"`
	Source    Source `json:"source"`
	KDF       *kdf   `json:"kdf,omitempty"`
	KeyCheck  []byte `json:"key_check"`
	DataKeys  []byte `json:"data_keys"`
	NameKeys  []byte `json:"name_keys"`
	MAC       []byte `json:"mac,omitempty"`
}

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
	var h header
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return nil, tampered(path, "a field is unknown or malformed")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, tampered(path, "something follows its end")
	}
	if detail := h.flaw(); detail != "" {
		return nil, tampered(path, detail)
	}
	return &h, nil
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

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// What each keyset is wrapped for; part of its associated data.
const (
	dataKeys = "standpipe data keys v1"
	nameKeys = "standpipe name keys v1"
)

// derive gives the wrapping key and the key check of a master key.
func derive(master []byte) (wrap, check []byte, err error) {
	wrap, err = hkdf.Key(sha256.New, master, nil, "standpipe wrapping key v1", keySize)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the wrapping key: %w", err)
	}
	check, err = hkdf.Key(sha256.New, master, nil, "standpipe key check v1", 16)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the key check: %w", err)
	}
	return wrap, check, nil
}

func wrapAAD(purpose, storeID string) []byte { return []byte(purpose + "\x00" + storeID) }

func wrapKeyset(h *keyset.Handle, wrap tink.AEAD, purpose, storeID string) ([]byte, error) {
	var buf bytes.Buffer
	if err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&buf), wrap, wrapAAD(purpose, storeID)); err != nil {
		return nil, fmt.Errorf("wrap the keys: %w", err)
	}
	return buf.Bytes(), nil
}

func unwrapKeyset(wrapped []byte, wrap tink.AEAD, purpose, storeID string) (*keyset.Handle, error) {
	return keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(wrapped)), wrap, wrapAAD(purpose, storeID))
}

// keys are the open keysets.
type keys struct {
	data  tink.AEAD
	names *prf.Set
	wrap  *guarded // wraps what is added later, so that nobody is asked again
}

// newKeys makes fresh keysets and puts them, wrapped, into the header. It wipes
// wrap.
func newKeys(h *header, wrap []byte) (*keys, error) {
	kek, err := subtle.NewAESGCM(wrap)
	if err != nil {
		return nil, err
	}
	data, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make the data keys: %w", err)
	}
	names, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make the name keys: %w", err)
	}
	if h.DataKeys, err = wrapKeyset(data, kek, dataKeys, h.StoreID); err != nil {
		return nil, err
	}
	if h.NameKeys, err = wrapKeyset(names, kek, nameKeys, h.StoreID); err != nil {
		return nil, err
	}
	return primitives(data, names, wrap)
}

// openKeys unwraps the keysets of a header. It wipes wrap.
func openKeys(h *header, wrap []byte) (*keys, error) {
	kek, err := subtle.NewAESGCM(wrap)
	if err != nil {
		return nil, err
	}
	data, err := unwrapKeyset(h.DataKeys, kek, dataKeys, h.StoreID)
	if err != nil {
		return nil, err
	}
	names, err := unwrapKeyset(h.NameKeys, kek, nameKeys, h.StoreID)
	if err != nil {
		return nil, err
	}
	return primitives(data, names, wrap)
}

func primitives(data, names *keyset.Handle, wrap []byte) (*keys, error) {
	a, err := aead.New(data)
	if err != nil {
		return nil, fmt.Errorf("use the data keys: %w", err)
	}
	p, err := prf.NewPRFSet(names)
	if err != nil {
		return nil, fmt.Errorf("use the name keys: %w", err)
	}
	g, err := guard(wrap)
	if err != nil {
		return nil, err
	}
	return &keys{data: a, names: p, wrap: g}, nil
}

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// What each keyset is wrapped for; part of its associated data.
const (
	dataKeys = "standpipe data keys v2"
	nameKeys = "standpipe name keys v2"
)

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

// keys are the open keysets, and what hangs on them.
type keys struct {
	data    atomic.Pointer[dataKey]
	names   *prf.Set
	records recordKeys
	wrap    *guarded // wraps what is added later, so that nobody is asked again; nil in format 1
}

// newKeys makes fresh data keys, and name keys where names is nil, and puts
// them, wrapped, into the header. It wipes wrapping.
func newKeys(h *header, wrapping []byte, names *keyset.Handle) (*keys, error) {
	defer clear(wrapping)
	kek, err := subtle.NewAESGCM(wrapping)
	if err != nil {
		return nil, err
	}
	data, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make the data keys: %w", err)
	}
	if names == nil {
		if names, err = keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate()); err != nil {
			return nil, fmt.Errorf("make the name keys: %w", err)
		}
	}
	if h.DataKeys, err = wrapKeyset(data, kek, dataKeys, h.StoreID); err != nil {
		return nil, err
	}
	if h.NameKeys, err = wrapKeyset(names, kek, nameKeys, h.StoreID); err != nil {
		return nil, err
	}
	return guardedKeys(data, names, wrapping)
}

// openKeys unwraps the keysets of a header. It wipes wrapping.
func openKeys(h *header, wrapping []byte) (*keys, error) {
	defer clear(wrapping)
	kek, err := subtle.NewAESGCM(wrapping)
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
	return guardedKeys(data, names, wrapping)
}

func guardedKeys(data, names *keyset.Handle, wrapping []byte) (*keys, error) {
	k, err := primitives(data, names)
	if err != nil {
		return nil, err
	}
	k.wrap, err = guard(wrapping)
	return k, err
}

func primitives(data, names *keyset.Handle) (*keys, error) {
	d, err := newDataKey(data)
	if err != nil {
		return nil, err
	}
	p, err := prf.NewPRFSet(names)
	if err != nil {
		return nil, fmt.Errorf("use the name keys: %w", err)
	}
	k := &keys{names: p}
	k.data.Store(d)
	return k, nil
}

// dataKey is the data keys: the one of id primary seals, all open.
type dataKey struct {
	tink.AEAD
	primary uint32
}

func newDataKey(set *keyset.Handle) (*dataKey, error) {
	a, err := aead.New(set)
	if err != nil {
		return nil, fmt.Errorf("use the data keys: %w", err)
	}
	primary, err := set.Primary()
	if err != nil {
		return nil, fmt.Errorf("use the data keys: %w", err)
	}
	return &dataKey{a, primary.KeyID()}, nil
}

func (k *keys) prf(input string) (out [32]byte, err error) {
	b, err := k.names.ComputePrimaryPRF([]byte(input), uint32(len(out)))
	if err != nil {
		return out, fmt.Errorf("compute a name: %w", err)
	}
	copy(out[:], b)
	return out, nil
}

func (k *keys) name(domain, name string) ([32]byte, error) {
	return k.prf("name\x00" + domain + "\x00" + name)
}

// current reports whether a ciphertext is of the data key that seals now. It
// begins with 01 and the id of its key.
func (d *dataKey) current(sealed []byte) bool {
	return len(sealed) > 5 && sealed[0] == 1 && binary.BigEndian.Uint32(sealed[1:]) == d.primary
}

func (k *keys) destroy() {
	if k.wrap != nil {
		k.wrap.destroy()
	}
}

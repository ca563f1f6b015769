// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Sealer holds the keys of a store. Its methods are safe for concurrent use.
type Sealer interface {
	// StoreID names the store.
	StoreID() string
	// Seal encrypts and authenticates plaintext, and authenticates aad.
	Seal(aad, plaintext []byte) ([]byte, error)
	// Open undoes Seal; it fails on anything that was not sealed for aad.
	Open(aad, sealed []byte) ([]byte, error)
	// Name turns a name of a domain into one that tells nothing.
	Name(domain, name string) ([32]byte, error)
	// Locked reports whether the keys were dropped; Seal, Open and Name then
	// answer hub.CodeLocked.
	Locked() bool
	// Fresh reports that the store has not been made yet; Settle notes,
	// durably, that it has.
	Fresh() bool
	Settle() error
}

// The layout of keys and values, see docs/vault.md.
const (
	recordKeys  = 0x01 // first byte of a record's key
	valueFormat = 0x01 // first byte of a value

	kindLen   = 16
	prefixLen = 1 + kindLen
	keyLen    = prefixLen + 32
	headLen   = 1 + 8 // of a value: format and generation

	aadDomain = "standpipe record v1\x00"
)

// errForged means that a value is not what was written. It says why for the
// operator and holds no content.
type errForged string

func (e errForged) Error() string { return string(e) }

// codec turns records into keys and values and back.
type codec struct {
	sealer  Sealer
	storeID string
	kinds   sync.Map // hub.Kind to [prefixLen]byte; of the few, not the buckets of indexes
}

func (c *codec) prefix(kind hub.Kind) ([]byte, error) {
	key := make([]byte, prefixLen, keyLen)
	if p, ok := c.kinds.Load(kind); ok {
		cached, _ := p.([prefixLen]byte)
		copy(key, cached[:])
		return key, nil
	}
	n, err := c.sealer.Name("kind", string(kind))
	if err != nil {
		return nil, err
	}
	key[0] = recordKeys
	copy(key[1:], n[:kindLen])
	if !kind.Bucket() {
		c.kinds.Store(kind, [prefixLen]byte(key))
	}
	return key, nil
}

func (c *codec) key(ref hub.Ref) ([]byte, error) {
	key, err := c.prefix(ref.Kind)
	if err != nil {
		return nil, err
	}
	n, err := c.sealer.Name("record", string(ref.Kind)+"\x00"+ref.ID)
	if err != nil {
		return nil, err
	}
	return append(key, n[:]...), nil
}

// aad binds a value to its store, its key, its format and its generation.
func (c *codec) aad(key, head []byte) []byte {
	aad := make([]byte, 0, len(aadDomain)+len(c.storeID)+len(key)+len(head))
	aad = append(aad, aadDomain...)
	aad = append(aad, c.storeID...)
	aad = append(aad, key...)
	return append(aad, head...)
}

func (c *codec) seal(key []byte, r hub.Record) ([]byte, error) {
	if len(r.Kind) > 1<<16-1 || len(r.ID) > 1<<16-1 {
		return nil, hub.Errorf(hub.CodeInvalid, "the name of a record is too long")
	}
	head := make([]byte, headLen)
	head[0] = valueFormat
	binary.BigEndian.PutUint64(head[1:], r.Generation)

	plain := make([]byte, 0, 4+len(r.Kind)+len(r.ID)+len(r.Value))
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(r.Kind)))
	plain = append(plain, r.Kind...)
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(r.ID)))
	plain = append(plain, r.ID...)
	plain = append(plain, r.Value...)
	defer clear(plain)

	ct, err := c.sealer.Seal(c.aad(key, head), plain)
	if err != nil {
		return nil, fmt.Errorf("seal a record: %w", err)
	}
	return append(head, ct...), nil
}

// open returns the record that was sealed under key, or errForged.
func (c *codec) open(key, value []byte) (hub.Record, error) {
	if len(value) < headLen {
		return hub.Record{}, errForged("it is too short")
	}
	if value[0] != valueFormat {
		return hub.Record{}, errForged(fmt.Sprintf("its format is %d and not %d", value[0], valueFormat))
	}
	plain, err := c.sealer.Open(c.aad(key, value[:headLen]), value[headLen:])
	if isLocked(err) {
		return hub.Record{}, err
	}
	if err != nil {
		return hub.Record{}, errForged("its seal is broken")
	}
	kind, rest, ok1 := cutField(plain)
	id, content, ok2 := cutField(rest)
	if !ok1 || !ok2 {
		return hub.Record{}, errForged("it is sealed but malformed")
	}
	return hub.Record{
		Ref:        hub.Ref{Kind: hub.Kind(kind), ID: string(id)},
		Generation: binary.BigEndian.Uint64(value[1:headLen]),
		Value:      content,
	}, nil
}

func cutField(b []byte) (field, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// errLocked says that the keys were dropped.
func errLocked() error {
	return hub.Errorf(hub.CodeLocked, "Standpipe is locked").
		WithRemedy("Unlock it in the window, or: standpipe unlock")
}

func isLocked(err error) bool {
	e, ok := errors.AsType[*hub.Error](err)
	return ok && e.Code == hub.CodeLocked
}

// integrity turns errForged into the error that callers get; others pass.
func integrity(ref hub.Ref, err error) error {
	if f, ok := errors.AsType[errForged](err); ok {
		return &hub.IntegrityError{Ref: ref, Detail: string(f)}
	}
	return err
}

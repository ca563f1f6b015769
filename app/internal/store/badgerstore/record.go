// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The layout of keys and values, see docs/vault.md.
const (
	recordKeys = 0x01 // first byte of a record's key
	listKeys   = 0x02
	stateKeys  = 0x03

	valueFormat = 0x02 // first byte of a value

	kindLen   = 16
	prefixLen = 1 + kindLen
	keyLen    = prefixLen + 32
	headLen   = 1 + 8 + 8 // of a value: format, generation, epoch
	serialLen = 8         // follows the head of a record with a key of its own
	secretLen = 32        // of a record's key

	aadDomain = "standpipe record v2\x00"
)

// kindKey is the kind of the keys of records.
const kindKey hub.Kind = "key"

// keyed reports whether records of a kind have keys of their own, which are
// deleted with them: what belongs to an account. Its history has none, see ADR 43.
func keyed(kind hub.Kind) bool {
	return kind == hub.KindTokens || kind == hub.KindConnection || kind == hub.KindPicture || kind == hub.KindPending
}

// keyRef names the key of the record with a key of the database: by that, as a
// listing comes by records whose id is sealed.
func keyRef(key []byte) hub.Ref {
	return hub.Ref{Kind: kindKey, ID: hex.EncodeToString(key[prefixLen:])}
}

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
	if !kind.Bucket() || strings.HasSuffix(string(kind), "/") {
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

// aad binds a value to its store, its key and its head.
func (c *codec) aad(key, head []byte) []byte {
	aad := make([]byte, 0, len(aadDomain)+len(c.storeID)+1+len(key)+len(head))
	aad = append(aad, aadDomain...)
	aad = append(aad, c.storeID...)
	aad = append(aad, 0)
	aad = append(aad, key...)
	return append(aad, head...)
}

// entry is a record with what is known of its writing.
type entry struct {
	hub.Record
	epoch uint64
}

// recordKey says which key a record is sealed with: the zero one is the data
// key, another is the key that the record of that name became in that epoch.
type recordKey struct {
	name   [32]byte
	serial uint64
}

func newSecret() []byte {
	b := make([]byte, secretLen)
	_, _ = rand.Read(b) // never fails, as documented
	return b
}

// seal returns the value of a record.
func (c *codec) seal(key []byte, e entry, with recordKey) ([]byte, error) {
	if len(e.Kind) > 1<<16-1 || len(e.ID) > 1<<16-1 {
		return nil, hub.Errorf(hub.CodeInvalid, "the name of a record is too long")
	}
	plain := make([]byte, 0, 4+len(e.Kind)+len(e.ID)+len(e.Value))
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(e.Kind)))
	plain = append(plain, e.Kind...)
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(e.ID)))
	plain = append(plain, e.ID...)
	plain = append(plain, e.Value...)
	defer clear(plain)
	return c.sealValue(key, e.Generation, e.epoch, with, plain)
}

// sealValue is seal for any key and plaintext.
func (c *codec) sealValue(key []byte, generation, epoch uint64, with recordKey, plain []byte) ([]byte, error) {
	head := make([]byte, 0, headLen+serialLen)
	head = append(head, valueFormat)
	head = binary.BigEndian.AppendUint64(head, generation)
	head = binary.BigEndian.AppendUint64(head, epoch)
	var ct []byte
	var err error
	if with.serial == 0 {
		ct, err = c.sealer.Seal(c.aad(key, head), plain)
	} else {
		head = binary.BigEndian.AppendUint64(head, with.serial)
		ct, err = c.sealer.SealWith(with.name, with.serial, c.aad(key, head), plain)
	}
	if err != nil {
		return nil, fmt.Errorf("seal a record: %w", err)
	}
	return append(head, ct...), nil
}

// epochOf reads the epoch of a value.
func epochOf(value []byte) (uint64, error) {
	if len(value) < headLen {
		return 0, errForged("it is too short")
	}
	if value[0] != valueFormat {
		return 0, errForged(fmt.Sprintf("its format is %d and not %d", value[0], valueFormat))
	}
	return binary.BigEndian.Uint64(value[9:headLen]), nil
}

// openValue undoes sealValue for what is sealed with the data keys.
func (c *codec) openValue(key, value []byte) (plain []byte, epoch uint64, err error) {
	if epoch, err = epochOf(value); err != nil {
		return nil, 0, err
	}
	plain, err = c.sealer.Open(c.aad(key, value[:headLen]), value[headLen:])
	return plain, epoch, broken(err)
}

// open returns the record that was sealed under key, or errForged. Of a record
// with a key of its own, secretOf is asked for that once; name is the record
// part of the key's name.
func (c *codec) open(key, value []byte, own bool, secretOf func(serial uint64) ([]byte, error)) (entry, error) {
	var plain []byte
	var epoch uint64
	var err error
	if own {
		plain, epoch, err = c.openOwn(key, value, secretOf)
	} else {
		plain, epoch, err = c.openValue(key, value)
	}
	if err != nil {
		return entry{}, err
	}
	kind, rest, ok1 := cutField(plain)
	id, content, ok2 := cutField(rest)
	if !ok1 || !ok2 {
		return entry{}, errForged("it is sealed but malformed")
	}
	return entry{hub.Record{
		Ref:        hub.Ref{Kind: hub.Kind(kind), ID: string(id)},
		Generation: binary.BigEndian.Uint64(value[1:9]),
		Value:      content,
	}, epoch}, nil
}

func (c *codec) openOwn(key, value []byte, secretOf func(serial uint64) ([]byte, error)) ([]byte, uint64, error) {
	epoch, err := epochOf(value)
	if err != nil {
		return nil, 0, err
	}
	if len(value) < headLen+serialLen {
		return nil, 0, errForged("it is too short")
	}
	name, serial := [32]byte(key[prefixLen:]), binary.BigEndian.Uint64(value[headLen:])
	aad, ct := c.aad(key, value[:headLen+serialLen]), value[headLen+serialLen:]
	plain, err := c.sealer.OpenWith(name, serial, aad, ct)
	if errors.Is(err, hub.ErrNotFound) {
		var secret []byte
		if secret, err = secretOf(serial); err != nil {
			return nil, 0, err
		}
		if err = c.sealer.AddKey(name, serial, secret); err != nil {
			return nil, 0, err
		}
		plain, err = c.sealer.OpenWith(name, serial, aad, ct)
	}
	return plain, epoch, broken(err)
}

// broken is what a seal that does not open means.
func broken(err error) error {
	if err == nil || isLocked(err) {
		return err
	}
	return errForged("its seal is broken")
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

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// A list says which records of a bucket there are and in which epoch each was
// written, see docs/vault.md. It is what tells a record that was removed or
// put back from one that was written.

const (
	tagLen      = 12
	lineLen     = tagLen + 8
	listKeyLen  = 1 + kindLen + 2
	bucketMask  = 0xFFF0 // of the first two bytes of a record's name: 4096 lists
	noSuchEpoch = 0      // epochs begin at 1
)

type listKey [listKeyLen]byte

type tag [tagLen]byte

// place says where a record stands in the lists.
func (c *codec) place(kind hub.Kind, key []byte) (listKey, tag, error) {
	var lk listKey
	lk[0] = listKeys
	k, r := key[1:prefixLen], key[prefixLen:]
	base, _, sub := strings.Cut(string(kind), "/")
	if !sub {
		copy(lk[1:], k)
		binary.BigEndian.PutUint16(lk[prefixLen:], binary.BigEndian.Uint16(r)&bucketMask)
		return lk, tag(r[1 : 1+tagLen]), nil
	}
	family, err := c.prefix(hub.Kind(base + "/"))
	if err != nil {
		return lk, tag{}, err
	}
	copy(lk[1:], family[1:])
	copy(lk[prefixLen:], k[:2])
	var t tag
	copy(t[copy(t[:], k[2:8]):], r)
	return lk, t, nil
}

// list is the lines of one, sorted by tag. It is never changed.
type list struct {
	epoch  uint64
	lines  []byte
	exists bool // on disk
}

func (l *list) len() int { return len(l.lines) / lineLen }

func (l *list) line(i int) []byte { return l.lines[i*lineLen : (i+1)*lineLen] }

// find returns the index of a tag, or where it would be.
func (l *list) find(t tag) (at int, found bool) {
	at = sort.Search(l.len(), func(i int) bool { return bytes.Compare(l.line(i)[:tagLen], t[:]) >= 0 })
	return at, at < l.len() && [tagLen]byte(l.line(at)) == t
}

// epochOf is the epoch of a record, or noSuchEpoch.
func (l *list) epochOf(t tag) uint64 {
	at, found := l.find(t)
	if !found {
		return noSuchEpoch
	}
	return binary.BigEndian.Uint64(l.line(at)[tagLen:])
}

// with returns the list with the epoch of a tag set, or without the tag where
// the epoch is noSuchEpoch.
func (l *list) with(t tag, epoch uint64) *list {
	at, found := l.find(t)
	after := at * lineLen
	if found {
		after += lineLen
	}
	lines := make([]byte, 0, len(l.lines)+lineLen)
	lines = append(lines, l.lines[:at*lineLen]...)
	if epoch != noSuchEpoch {
		lines = append(lines, t[:]...)
		lines = binary.BigEndian.AppendUint64(lines, epoch)
	}
	lines = append(lines, l.lines[after:]...)
	return &list{epoch: l.epoch, lines: lines, exists: l.exists}
}

// readList reads a list in a transaction; one that does not exist is empty. Of
// one that cannot be believed, the error is errForged, and the list is empty
// but for its epoch.
func (c *codec) readList(txn *badger.Txn, lk listKey) (*list, error) {
	item, err := txn.Get(lk[:])
	if errors.Is(err, badger.ErrKeyNotFound) {
		return &list{}, nil
	}
	if err != nil {
		return nil, err
	}
	var l *list
	err = item.Value(func(value []byte) error {
		l, err = c.openList(lk, value)
		return err
	})
	return l, err
}

func (c *codec) openList(lk listKey, value []byte) (*list, error) {
	lines, epoch, err := c.openValue(lk[:], value)
	if _, forged := errors.AsType[errForged](err); forged || err == nil && len(lines)%lineLen != 0 {
		epoch, _ = epochOf(value) // 0 if not even that can be told
		return &list{epoch: epoch, exists: true}, errForged("the list that vouches for it was altered or is damaged")
	}
	if err != nil {
		return nil, err
	}
	return &list{epoch: epoch, lines: lines, exists: true}, nil
}

// term is what a list adds to the digest of all lists.
func (c *codec) term(lk listKey, epoch uint64) ([32]byte, error) {
	return c.sealer.Name("list", string(binary.BigEndian.AppendUint64(lk[:], epoch)))
}

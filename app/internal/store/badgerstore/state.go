// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var stateKey = []byte{stateKeys}

// state vouches for all lists. It is written with each update.
type state struct {
	epoch    uint64   // of the last update
	sequence uint64   // of the header at that time
	digest   [32]byte // of the lists
	dropped  uint64   // record keys deleted since the last compaction
	updates  uint64   // since the data key was made
}

const stateLen = 8 + 32 + 8 + 8

func (s *state) toggle(term [32]byte) {
	for i := range s.digest {
		s.digest[i] ^= term[i]
	}
}

func (c *codec) sealState(s state) ([]byte, error) {
	plain := make([]byte, 0, stateLen)
	plain = binary.BigEndian.AppendUint64(plain, s.sequence)
	plain = append(plain, s.digest[:]...)
	plain = binary.BigEndian.AppendUint64(plain, s.dropped)
	plain = binary.BigEndian.AppendUint64(plain, s.updates)
	return c.sealValue(stateKey, 0, s.epoch, recordKey{}, plain)
}

// readState returns hub.ErrNotFound where there is none.
func (c *codec) readState(txn *badger.Txn) (s state, err error) {
	item, err := txn.Get(stateKey)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return s, hub.ErrNotFound
	}
	if err != nil {
		return s, err
	}
	err = item.Value(func(value []byte) error {
		plain, epoch, err := c.openValue(stateKey, value)
		if err != nil {
			return err
		}
		if len(plain) != stateLen {
			return errForged("it is sealed but malformed")
		}
		s.epoch = epoch
		s.sequence = binary.BigEndian.Uint64(plain)
		copy(s.digest[:], plain[8:])
		s.dropped = binary.BigEndian.Uint64(plain[40:])
		s.updates = binary.BigEndian.Uint64(plain[48:])
		return nil
	})
	return s, err
}

// digest adds up all lists of a transaction, and returns the highest epoch
// among them.
func (c *codec) digest(txn *badger.Txn) (sum [32]byte, latest uint64, err error) {
	opts := badger.DefaultIteratorOptions
	opts.Prefix = []byte{listKeys}
	it := txn.NewIterator(opts)
	defer it.Close()
	var all state
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if len(item.Key()) != listKeyLen {
			continue // nothing looks such a one up
		}
		err := item.Value(func(value []byte) error {
			epoch, _ := epochOf(value) // 0 if it has none, which no list has
			latest = max(latest, epoch)
			term, err := c.term(listKey(item.Key()), epoch)
			all.toggle(term)
			return err
		})
		if err != nil {
			return sum, 0, err
		}
	}
	return all.digest, latest, nil
}

// ErrRolledBack is the cause where the store is older than it was, or parts of
// it are.
var ErrRolledBack = errors.New("the store was rolled back")

func rolledBack(dir, format string, args ...any) *hub.Error {
	e := hub.Errorf(hub.CodeIntegrity, "the store %s is not the latest: %s; revoked grants and old tokens would return", dir, fmt.Sprintf(format, args...)).
		WithRemedy("Put the latest data folder back. If you put an older one there yourself and accept that what changed since is lost, start once with --accept-rollback.")
	e.Err = ErrRolledBack
	return e
}

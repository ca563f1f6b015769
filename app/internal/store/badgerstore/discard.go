// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// placeLen is how much of a record's name its place in the lists tells.
const placeLen = 1 + tagLen

// placeOf is the hub.IntegrityError.Place of a key of the database. One that is
// malformed has it all.
func placeOf(key []byte) string {
	name := key[prefixLen:]
	if len(key) == keyLen {
		name = name[:placeLen]
	}
	return hex.EncodeToString(name)
}

// Discard implements hub.Tx.
func (t *tx) Discard(kind hub.Kind, place string) error {
	if t.done {
		return errDone
	}
	name, err := hex.DecodeString(place)
	if err != nil || len(name) == 0 {
		return hub.ErrNotFound
	}
	prefix, err := t.store.codec.prefix(kind)
	if err != nil {
		return err
	}
	prefix = append(prefix, name...)
	listed := len(name) == placeLen
	keys := slices.DeleteFunc(t.keysWith(prefix), func(key []byte) bool {
		return (!listed || len(key) != keyLen) && !bytes.Equal(key, prefix)
	})
	if len(keys) == 0 && listed {
		// What is missing is in its list, which knows no more of its name.
		keys = [][]byte{append(prefix, make([]byte, keyLen-len(prefix))...)}
	}
	err = hub.ErrNotFound
	for _, key := range keys {
		if damaged, failed := t.damaged(kind, key); failed != nil {
			return failed
		} else if !damaged {
			continue
		}
		if len(key) != keyLen { // in no list
			t.wrote, err = true, t.unset(key)
		} else {
			err = t.drop(kind, key)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// keysWith are the keys of the database that begin with a prefix.
func (t *tx) keysWith(prefix []byte) (keys [][]byte) {
	it := t.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		keys = append(keys, it.Item().KeyCopy(nil))
	}
	return keys
}

// damaged reports whether what is at a key, or its absence, is not what the lists
// know.
func (t *tx) damaged(kind hub.Kind, key []byte) (bool, error) {
	if len(key) != keyLen {
		return true, nil
	}
	_, err := t.at(key)
	if errors.Is(err, hub.ErrNotFound) {
		err = integrity(hub.Ref{}, t.vouched(kind, key, noSuchEpoch))
	}
	if _, is := errors.AsType[*hub.IntegrityError](err); is {
		return true, nil
	}
	return false, err
}

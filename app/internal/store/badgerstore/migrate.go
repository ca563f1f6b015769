// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// Format 1 of values: a head of 9 bytes, format and generation, and everything
// sealed with the data keys.
const (
	firstFormat    = 0x01
	firstHeadLen   = 1 + 8
	firstAADDomain = "standpipe record v1\x00"

	migrateBatch = 100 // records in an update
)

// Migrate copies a store of format 1 into a new one, under new keys. from and
// to are the vaults; nothing of the old store is changed, and what there is in
// toDir is removed first. Records of the old store that do not open are told
// in the log and left out: they were not served either.
func Migrate(ctx context.Context, fromDir string, from Cipher, toDir string, to Sealer, log *slog.Logger) error {
	if err := os.RemoveAll(toDir); err != nil {
		return hub.Errorf(hub.CodeStorage, "remove an unfinished migration: %w", err)
	}
	s := newStore(to, log)
	old, err := openDB(fromDir, s.log, false)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := s.open(toDir, true); err != nil {
		return err
	}
	return errors.Join(s.adopt(ctx, old, from), s.h.close())
}

// adopt reads a database of format 1 in one snapshot and writes its records.
func (s *Store) adopt(ctx context.Context, old *badger.DB, from Cipher) error {
	txn := old.NewTransaction(false)
	defer txn.Discard()
	opts := badger.DefaultIteratorOptions
	opts.Prefix = []byte{recordKeys}
	it := txn.NewIterator(opts)
	defer it.Close()
	it.Rewind()
	sawBirth := false
	for it.Valid() {
		err := s.update(ctx, func(t *tx) error {
			for n := 0; n < migrateBatch && it.Valid(); n++ {
				r, err := s.openFirst(from, it.Item())
				it.Next()
				if forged, ok := errors.AsType[errForged](err); ok {
					s.log.Error("a record of the old store was altered or is damaged; it is left out", "detail", string(forged))
					continue
				}
				if err != nil {
					return err
				}
				sawBirth = sawBirth || r.Ref == born && string(r.Value) == s.codec.storeID
				if err := t.write(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		faults.Point("migrate.batch")
	}
	if !sawBirth {
		return storeMissing(old.Opts().Dir, "it was emptied, or is the store of other keys")
	}
	return nil
}

func (s *Store) openFirst(from Cipher, item *badger.Item) (r hub.Record, err error) {
	key := item.Key()
	err = item.Value(func(value []byte) error {
		if len(key) != keyLen || len(value) < firstHeadLen || value[0] != firstFormat {
			return errForged("it is malformed")
		}
		aad := append([]byte(firstAADDomain+s.codec.storeID), key...)
		plain, err := from.Open(append(aad, value[:firstHeadLen]...), value[firstHeadLen:])
		if err != nil {
			return broken(err)
		}
		kind, rest, ok1 := cutField(plain)
		id, content, ok2 := cutField(rest)
		if !ok1 || !ok2 {
			return errForged("it is sealed but malformed")
		}
		r = hub.Record{
			Ref:        hub.Ref{Kind: hub.Kind(kind), ID: string(id)},
			Generation: binary.BigEndian.Uint64(value[1:firstHeadLen]),
			Value:      content,
		}
		if want, err := s.codec.key(r.Ref); err != nil || string(want) != string(key) {
			return errors.Join(err, errForged(fmt.Sprintf("found among the %s records: it has the name of another record", kind)))
		}
		return nil
	})
	return r, err
}

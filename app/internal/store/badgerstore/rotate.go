// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"context"
	"errors"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// rotateBatch is how many records an update of a rotation seals anew: others
// wait for it.
const rotateBatch = 100

// Rotate seals every record anew under a new data key, and records of accounts
// under new keys of their own, and destroys the old data key. Reads and updates
// go on meanwhile. Ended before it is done, by ctx, an error or a kill, it is
// gone on with by the next call. It returns how many records it sealed.
//
// What does not open cannot be sealed anew; it was refused before, and stays
// so.
func (s *Store) Rotate(ctx context.Context) (records int, err error) {
	if err := s.beginRotation(ctx); err != nil {
		return 0, err
	}
	faults.Point("rotate.begun")
	// Records first: each takes its key and its list along. Then what is left:
	// keys whose records do not open, lists of which nothing opens.
	secrets, err := s.codec.prefix(kindKey)
	if err != nil {
		return 0, err
	}
	for _, pass := range []struct{ prefix, but []byte }{{[]byte{recordKeys}, secrets}, {secrets, nil}, {[]byte{listKeys}, nil}} {
		for from := pass.prefix; from != nil; {
			var batch [][]byte
			if batch, from, err = s.stale(pass.prefix, pass.but, from); err != nil {
				return records, err
			}
			n, err := s.reseal(ctx, batch)
			if err != nil {
				return records, err
			}
			records += n
			faults.Point("rotate.batch")
		}
	}
	faults.Point("rotate.sealed")
	if err := s.codec.sealer.EndRotation(); err != nil {
		return records, err
	}
	faults.Point("rotate.ended")
	return records, s.update(ctx, func(t *tx) error {
		t.state.updates, t.wrote = 0, true
		return nil
	})
}

// beginRotation makes the new data key between two updates, so that none which
// began under the old one ends after.
func (s *Store) beginRotation(ctx context.Context) error {
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.writer }()
	if s.codec.sealer.Locked() {
		return errLocked()
	}
	return s.codec.sealer.BeginRotation()
}

// stale finds some keys of the database with one prefix and not the other, from
// one on, whose values are sealed under an older data key; and where to go on,
// nil at the end.
func (s *Store) stale(prefix, but, from []byte) (keys [][]byte, next []byte, err error) {
	h, err := s.enter()
	if err != nil {
		return nil, nil, err
	}
	defer h.users.Done()
	v := s.view(h, false)
	defer v.txn.Discard()
	own, err := s.ownPrefixes()
	if err != nil {
		return nil, nil, err
	}
	opts := badger.DefaultIteratorOptions
	opts.Prefix = prefix
	it := v.txn.NewIterator(opts)
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		key := it.Item().KeyCopy(nil)
		if but != nil && bytes.HasPrefix(key, but) {
			continue
		}
		if len(keys) == rotateBatch {
			return keys, key, nil
		}
		old, err := v.isStale(it.Item(), own)
		if err != nil {
			return nil, nil, err
		}
		if old {
			keys = append(keys, key)
		}
	}
	return keys, nil, nil
}

// ownPrefixes are those of the kinds whose records have keys of their own.
func (s *Store) ownPrefixes() (map[[prefixLen]byte]hub.Kind, error) {
	own := map[[prefixLen]byte]hub.Kind{}
	for kind := range hub.Kinds() {
		if !keyed(kind.Kind) {
			continue
		}
		p, err := s.codec.prefix(kind.Kind)
		if err != nil {
			return nil, err
		}
		own[[prefixLen]byte(p)] = kind.Kind
	}
	return own, nil
}

func (v *view) isStale(item *badger.Item, own map[[prefixLen]byte]hub.Kind) (bool, error) {
	key := item.Key()
	if key[0] == recordKeys && len(key) != keyLen {
		return false, nil // nothing looks such a one up
	}
	if key[0] == recordKeys {
		if _, ok := own[[prefixLen]byte(key)]; ok { // as old as its key
			k, err := v.store.codec.key(keyRef(key))
			if err != nil {
				return false, err
			}
			item, err = v.txn.Get(k)
			if errors.Is(err, badger.ErrKeyNotFound) {
				return false, nil // it does not open
			}
			if err != nil {
				return false, v.store.readError(err)
			}
		}
	}
	old := false
	err := item.Value(func(value []byte) error {
		old = len(value) > headLen && !v.store.codec.sealer.Current(value[headLen:])
		return nil
	})
	if err != nil {
		return false, v.store.readError(err)
	}
	return old, nil
}

// reseal writes records and lists anew, each as it is at that moment.
func (s *Store) reseal(ctx context.Context, keys [][]byte) (records int, err error) {
	if len(keys) == 0 {
		return 0, ctx.Err()
	}
	err = s.update(ctx, func(t *tx) error {
		records = 0
		for _, key := range keys {
			again, err := t.again(key)
			if err != nil {
				return err
			}
			if again {
				records++
			}
		}
		return nil
	})
	return records, err
}

// again writes one record or list anew, and reports whether it could.
func (t *tx) again(key []byte) (bool, error) {
	if key[0] == listKeys {
		return false, t.againList(listKey(key))
	}
	e, err := t.at(key)
	if errors.Is(err, hub.ErrNotFound) {
		return false, nil // deleted meanwhile
	}
	if _, forged := errors.AsType[*hub.IntegrityError](err); forged {
		t.store.log.Error("a record cannot be sealed anew", "err", err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if keyed(e.Kind) {
		if _, err := t.newKey(key); err != nil {
			return false, err
		}
	}
	return true, t.write(e.Record)
}

func (t *tx) againList(lk listKey) error {
	if t.lists[lk] != nil {
		return nil
	}
	l, err := t.store.codec.readList(t.txn, lk)
	if _, forged := errors.AsType[errForged](err); forged || err == nil && !l.exists {
		return nil
	}
	if err != nil {
		return t.store.readError(err)
	}
	t.lists[lk] = &pendingList{list: l, exists: true, epoch: l.epoch, changed: true}
	t.wrote = true
	return nil
}

// at is get for a key of the database.
func (v *view) at(key []byte) (entry, error) {
	own, err := v.store.ownPrefixes()
	if err != nil {
		return entry{}, err
	}
	kind, isOwn := own[[prefixLen]byte(key)]
	item, err := v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return entry{}, hub.ErrNotFound
	}
	if err != nil {
		return entry{}, v.store.readError(err)
	}
	var e entry
	err = item.Value(func(value []byte) error {
		e, err = v.store.codec.open(key, value, isOwn, func(serial uint64) ([]byte, error) { return v.secret(key, serial) })
		return err
	})
	if err == nil {
		var named []byte
		if named, err = v.store.codec.key(e.Ref); err == nil && !bytes.Equal(named, key) {
			err = errForged("it has the name of another record")
		}
	}
	if err == nil {
		err = v.vouched(e.Kind, key, e.epoch)
	}
	if err != nil {
		if e.Ref == (hub.Ref{}) && isOwn {
			if f, ok := errors.AsType[errForged](err); ok {
				return entry{}, found(kind, placeOf(key), string(f))
			}
		}
		return entry{}, v.store.readError(integrity(e.Ref, err))
	}
	return e, nil
}

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// view is what one transaction of the database sees.
type view struct {
	store *Store
	h     *handle
	txn   *badger.Txn
	lists map[listKey]*pendingList // that an update has read or changed; nil when reading
	// trusting saves looking for what the lists say is not there. It would find
	// what was put there behind the hub's back.
	trusting bool
}

func (s *Store) view(h *handle, update bool) view {
	return view{store: s, h: h, txn: h.db.NewTransaction(update)}
}

// get reads a record, as the lists know it.
func (v *view) get(ref hub.Ref) (entry, error) { return v.read(ref, v.vouched) }

// read reads a record, or its absence, if vouch has nothing against its epoch.
// Badger may panic on files whose blocks were damaged; that is damage like any
// other.
func (v *view) read(ref hub.Ref, vouch func(kind hub.Kind, key []byte, have uint64) error) (e entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			v.store.log.Error("reading a record failed on damaged files", "kind", ref.Kind, "panic", fmt.Sprint(p))
			e, err = entry{}, &hub.IntegrityError{Ref: ref, Detail: "the database files are damaged"}
		}
	}()
	c := v.store.codec
	key, err := c.key(ref)
	if err != nil {
		return entry{}, err
	}
	if v.trusting {
		if err := v.vouched(ref.Kind, key, noSuchEpoch); err == nil {
			return entry{}, hub.ErrNotFound
		}
	}
	item, err := v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		if err := vouch(ref.Kind, key, noSuchEpoch); err != nil {
			return entry{}, v.store.readError(integrity(ref, err))
		}
		return entry{}, hub.ErrNotFound
	}
	if err != nil {
		return entry{}, v.store.readError(err)
	}
	err = item.Value(func(value []byte) error {
		epoch, err := epochOf(value)
		if err != nil {
			return err
		}
		if err := vouch(ref.Kind, key, epoch); err != nil {
			return err
		}
		e, err = c.open(key, value, keyed(ref.Kind), func(serial uint64) ([]byte, error) { return v.secret(key, serial) })
		return err
	})
	if err == nil && e.Ref != ref {
		err = errForged("it has the name of another record")
	}
	if err != nil {
		return entry{}, v.store.readError(integrity(ref, err))
	}
	return e, nil
}

// secret reads the key of a record. The caller wipes it. No list is asked: the
// record, for which one has vouched, says in which epoch its key was made.
func (v *view) secret(key []byte, serial uint64) ([]byte, error) {
	e, err := v.read(keyRef(key), func(hub.Kind, []byte, uint64) error { return nil })
	switch _, forged := errors.AsType[*hub.IntegrityError](err); {
	case errors.Is(err, hub.ErrNotFound):
		return nil, errForged("its key was deleted")
	case forged:
		return nil, errForged("its key was altered or is damaged")
	case err != nil:
		return nil, err
	case e.epoch != serial:
		return nil, errForged("it is sealed with a key that was replaced")
	}
	return e.Value, nil
}

// vouched reports why a record of an epoch, or its absence, is not what the
// lists know, or nil.
func (v *view) vouched(kind hub.Kind, key []byte, have uint64) error {
	lk, t, err := v.store.codec.place(kind, key)
	if err != nil {
		return err
	}
	if p := v.lists[lk]; p != nil {
		return p.verdict(t, have)
	}
	if l := v.h.lists.get(lk); l != nil && l.epochOf(t) == have {
		return nil
	}
	l, err := v.store.codec.readList(v.txn, lk)
	if err != nil {
		return err
	}
	v.h.lists.put(lk, l)
	return l.verdict(t, have)
}

// verdict says what is wrong with a record of an epoch, or nil.
func (l *list) verdict(t tag, have uint64) error {
	switch want := l.epochOf(t); {
	case want == have:
		return nil
	case have == noSuchEpoch:
		return errForged("it was removed behind the hub's back")
	case want == noSuchEpoch:
		return errForged("it was deleted, or never written, and put there behind the hub's back")
	case have < want:
		return errForged("an older version was put in its place")
	}
	return errForged("it is not the version that was written last")
}

// readError makes sure that nothing of Badger's reaches callers unnamed.
func (s *Store) readError(err error) error {
	if _, ok := errors.AsType[*hub.IntegrityError](err); ok || isLocked(err) {
		return err
	}
	return hub.Errorf(hub.CodeStorage, "the store %s cannot be read: %w", s.codec.storeID, err).
		WithRemedy("See that its files can be read; otherwise restore the data folder from a backup.")
}

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var errDone = errors.New("the transaction is over")

// tx is an update: its records, the lists that it touches, and the state.
type tx struct {
	view
	state   state // as it will be
	dropped [][32]byte
	wrote   bool
	done    bool
	parts   bool // of a Load: it may be larger than the database takes at once
}

// pendingList is a list within an update.
type pendingList struct {
	*list
	exists  bool   // on disk
	epoch   uint64 // of the one on disk
	changed bool
}

func (s *Store) newTx(h *handle) *tx {
	t := &tx{view: s.view(h, true), state: s.state}
	t.lists = map[listKey]*pendingList{}
	t.state.epoch++
	return t
}

// Get implements hub.Tx.
func (t *tx) Get(ref hub.Ref) (hub.Record, error) {
	if t.done {
		return hub.Record{}, errDone
	}
	e, err := t.get(ref)
	return e.Record, err
}

// Put implements hub.Tx. Over a record that does not open nothing is written:
// its generation cannot be believed. Delete removes it.
func (t *tx) Put(ref hub.Ref, expect uint64, value []byte) (uint64, error) {
	if t.done {
		return 0, errDone
	}
	if len(value) > maxValue {
		return 0, hub.Errorf(hub.CodeInvalid, "a record of %d bytes is too large; the limit is %d", len(value), maxValue)
	}
	old, err := t.get(ref)
	if err != nil && !errors.Is(err, hub.ErrNotFound) {
		return 0, err
	}
	if old.Generation != expect {
		return 0, hub.ErrConflict
	}
	return expect + 1, t.write(hub.Record{Ref: ref, Generation: expect + 1, Value: value})
}

// write seals a record, makes its key where it has none, and notes it.
func (t *tx) write(r hub.Record) error {
	key, err := t.store.codec.key(r.Ref)
	if err != nil {
		return err
	}
	var with recordKey
	if keyed(r.Kind) {
		if with, err = t.keyOf(key); err != nil {
			return err
		}
	}
	sealed, err := t.store.codec.seal(key, entry{r, t.state.epoch}, with)
	if err != nil {
		return err
	}
	if err := t.set(key, sealed); err != nil {
		return err
	}
	t.wrote = true
	return t.note(r.Kind, key, t.state.epoch)
}

// keyOf returns the key of the record with a key of the database, ready to be
// used, and makes it where there is none.
func (t *tx) keyOf(key []byte) (recordKey, error) {
	ref, name := keyRef(key), [32]byte(key[prefixLen:])
	e, err := t.get(ref)
	if errors.Is(err, hub.ErrNotFound) {
		return t.newKey(key)
	}
	if err != nil {
		return recordKey{}, err
	}
	return recordKey{name, e.epoch}, t.store.codec.sealer.AddKey(name, e.epoch, e.Value)
}

// newKey makes a key for a record, in the place of the one that it may have.
func (t *tx) newKey(key []byte) (recordKey, error) {
	ref, name := keyRef(key), [32]byte(key[prefixLen:])
	old, err := t.get(ref)
	if err != nil && !errors.Is(err, hub.ErrNotFound) {
		return recordKey{}, err
	}
	secret := newSecret()
	if err := t.write(hub.Record{Ref: ref, Generation: old.Generation + 1, Value: secret}); err != nil {
		return recordKey{}, err
	}
	return recordKey{name, t.state.epoch}, t.store.codec.sealer.AddKey(name, t.state.epoch, secret)
}

// Delete implements hub.Tx. It deletes the record's key as well.
func (t *tx) Delete(ref hub.Ref) error {
	if t.done {
		return errDone
	}
	key, err := t.store.codec.key(ref)
	if err != nil {
		return err
	}
	return t.drop(ref.Kind, key)
}

// drop is Delete for a key of the database.
func (t *tx) drop(kind hub.Kind, key []byte) error {
	if err := t.remove(kind, key); err != nil {
		return err
	}
	if !keyed(kind) {
		return nil
	}
	t.dropped = append(t.dropped, [32]byte(key[prefixLen:]))
	t.state.dropped++
	own := keyRef(key)
	key, err := t.store.codec.key(own)
	if err != nil {
		return err
	}
	return t.remove(own.Kind, key)
}

func (t *tx) remove(kind hub.Kind, key []byte) error {
	if err := t.unset(key); err != nil {
		return err
	}
	t.wrote = true
	return t.note(kind, key, noSuchEpoch)
}

// note sets the epoch of a record in its list. A list that cannot be believed
// is begun anew when a record of it is deleted, which is the way out of that;
// its other records stay refused.
func (t *tx) note(kind hub.Kind, key []byte, epoch uint64) error {
	lk, tg, err := t.store.codec.place(kind, key)
	if err != nil {
		return err
	}
	p := t.lists[lk]
	if p == nil {
		l, err := t.store.codec.readList(t.txn, lk)
		if _, forged := errors.AsType[errForged](err); forged && epoch == noSuchEpoch {
			err = nil
		}
		if err != nil {
			return t.store.readError(integrity(hub.Ref{}, err))
		}
		p = &pendingList{list: l, exists: l.exists, epoch: l.epoch}
		t.lists[lk] = p
	}
	p.list, p.changed = p.with(tg, epoch), true
	return nil
}

// finish writes the lists and the state.
func (t *tx) finish() error {
	c := t.store.codec
	for lk, p := range t.lists {
		if !p.changed {
			continue
		}
		if p.exists {
			if err := t.toggle(lk, p.epoch); err != nil {
				return err
			}
		}
		p.list = &list{epoch: t.state.epoch, lines: p.lines, exists: p.len() > 0}
		if !p.list.exists {
			if err := t.unset(lk[:]); err != nil {
				return err
			}
			continue
		}
		value, err := c.sealValue(lk[:], 0, t.state.epoch, recordKey{}, p.lines)
		if err != nil {
			return err
		}
		if err := t.set(lk[:], value); err != nil {
			return err
		}
		if err := t.toggle(lk, t.state.epoch); err != nil {
			return err
		}
	}
	t.state.sequence = c.sealer.Sequence()
	t.state.updates++
	value, err := c.sealState(t.state)
	if err != nil {
		return err
	}
	return t.set(stateKey, value)
}

func (t *tx) toggle(lk listKey, epoch uint64) error {
	term, err := t.store.codec.term(lk, epoch)
	t.state.toggle(term)
	return err
}

// landed notes that the update is on disk.
func (t *tx) landed() {
	for lk, p := range t.lists {
		if p.changed {
			t.h.lists.put(lk, p.list)
		}
	}
	for _, name := range t.dropped {
		t.store.codec.sealer.DropKey(name)
	}
	t.store.setState(t.state)
	t.h.written()
}

// setState needs the writer's token.
func (s *Store) setState(st state) {
	s.state = st
	s.last.Store(&st)
	s.dueAnchor()
}

func (s *Store) dueAnchor() {
	select {
	case s.anchorDue <- struct{}{}:
	default: // it is due already
	}
}

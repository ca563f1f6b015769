// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// all yields the records of a kind, and an *hub.IntegrityError for each that
// is not what the lists know, or missing.
func (v *view) all(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		c := v.store.codec
		prefix, err := c.prefix(kind)
		if err != nil {
			yield(hub.Record{}, err)
			return
		}
		x, err := v.expect(kind, prefix)
		if err != nil {
			yield(hub.Record{}, v.store.readError(err))
			return
		}
		defer x.close()
		opts := badger.DefaultIteratorOptions
		opts.Prefix = prefix
		it := v.txn.NewIterator(opts)
		defer it.Close()
		missing := func(places []string) bool {
			for _, place := range places {
				if !yield(hub.Record{}, found(kind, place, "one was removed behind the hub's back")) {
					return false
				}
			}
			return true
		}
		for it.Rewind(); it.Valid(); it.Next() {
			if err := ctx.Err(); err != nil {
				yield(hub.Record{}, err)
				return
			}
			item := it.Item()
			if len(item.Key()) != keyLen {
				if !yield(hub.Record{}, found(kind, placeOf(item.Key()), "one has a malformed name")) {
					return
				}
				continue
			}
			verdict, gone := x.meet(item.Key())
			if !missing(gone) {
				return
			}
			r, err := v.listed(item, kind, verdict)
			if !yield(r, err) || isLocked(err) {
				return
			}
		}
		if !missing(x.rest()) {
			return
		}
		if err := x.err; err != nil {
			yield(hub.Record{}, v.store.readError(err))
		}
	}
}

// found is damage of a record whose name cannot be told, as it is sealed with
// the value.
func found(kind hub.Kind, place, detail string) error {
	return &hub.IntegrityError{Place: place, Detail: fmt.Sprintf("found among the %s records: %s", kind, detail)}
}

// listed opens a record that an iterator came by, about which the lists have
// given their verdict.
func (v *view) listed(item *badger.Item, kind hub.Kind, verdict func(epoch uint64) error) (r hub.Record, err error) {
	key := item.KeyCopy(nil)
	var e entry
	err = item.Value(func(value []byte) error {
		epoch, err := epochOf(value)
		if err != nil {
			return err
		}
		e, err = v.store.codec.open(key, value, keyed(kind), func(serial uint64) ([]byte, error) { return v.secret(key, serial) })
		if stale := verdict(epoch); stale != nil {
			return stale // says more than a seal that is broken
		}
		return err
	})
	if err == nil && e.Kind != kind {
		err = errForged("it has the name of another record")
	}
	if err != nil {
		if f, ok := errors.AsType[errForged](err); ok && e.Ref == (hub.Ref{}) {
			return hub.Record{}, found(kind, placeOf(key), string(f))
		}
		return hub.Record{}, v.store.readError(integrity(e.Ref, err))
	}
	return e.Record, nil
}

// expectation walks the lists of a kind in the order of its records.
type expectation struct {
	v     *view
	kind  hub.Kind
	own   []byte           // of a kind with a slash: how the tags of its records begin
	it    *badger.Iterator // over the lists of a plain kind
	lk    listKey
	l     *list
	at    int
	spoil map[listKey]error // lists that cannot be believed
	err   error
}

func (v *view) expect(kind hub.Kind, prefix []byte) (*expectation, error) {
	x := &expectation{v: v, kind: kind, l: &list{}, spoil: map[listKey]error{}}
	if !strings.Contains(string(kind), "/") {
		opts := badger.DefaultIteratorOptions
		opts.Prefix = append([]byte{listKeys}, prefix[1:]...)
		x.it = v.txn.NewIterator(opts)
		x.it.Rewind()
		return x, nil
	}
	lk, first, err := v.store.codec.place(kind, append(bytes.Clone(prefix), make([]byte, 32)...))
	if err != nil {
		return nil, err
	}
	x.lk, x.own = lk, bytes.Clone(first[:6])
	x.l, err = v.store.codec.readList(v.txn, lk)
	if forged, ok := errors.AsType[errForged](err); ok {
		x.spoil[lk], err = forged, nil
	}
	if err == nil {
		x.at, _ = x.l.find(tag(append(bytes.Clone(x.own), make([]byte, tagLen)...)))
	}
	return x, err
}

func (x *expectation) close() {
	if x.it != nil {
		x.it.Close()
	}
}

// line is the next expected record; false: there is none any more.
func (x *expectation) line() ([]byte, bool) {
	for x.at >= x.l.len() {
		if x.it == nil || !x.it.Valid() || x.err != nil {
			return nil, false
		}
		item := x.it.Item()
		if len(item.Key()) == listKeyLen {
			x.lk, x.at = listKey(item.Key()), 0
			x.l = &list{}
			err := item.Value(func(value []byte) error {
				l, err := x.v.store.codec.openList(x.lk, value)
				if err == nil {
					x.l = l
				}
				return err
			})
			if forged, ok := errors.AsType[errForged](err); ok {
				x.spoil[x.lk] = forged
			} else if err != nil {
				x.err = err
			}
		}
		x.it.Next()
	}
	line := x.l.line(x.at)
	return line, x.own == nil || bytes.HasPrefix(line, x.own)
}

// meet tells what the lists know of the record that comes next, and the places
// of records before it that are missing.
func (x *expectation) meet(key []byte) (verdict func(epoch uint64) error, gone []string) {
	lk, t, err := x.v.store.codec.place(x.kind, key)
	if err != nil {
		return func(uint64) error { return err }, nil
	}
	for {
		line, ok := x.line()
		order := -1
		if ok {
			order = bytes.Compare(lk[:], x.lk[:])
			if order == 0 {
				order = bytes.Compare(t[:], line[:tagLen])
			}
		}
		switch {
		case order > 0:
			gone = append(gone, x.place(line))
			x.at++
			continue
		case order == 0:
			x.at++
			one := &list{lines: line}
			return func(epoch uint64) error { return one.verdict(t, epoch) }, gone
		}
		if err := cmp.Or(x.err, x.spoil[lk]); err != nil {
			return func(uint64) error { return err }, gone
		}
		return func(epoch uint64) error { return (&list{}).verdict(t, epoch) }, gone
	}
}

// rest are the places of what is expected and was not met.
func (x *expectation) rest() (gone []string) {
	for {
		line, ok := x.line()
		if !ok {
			return gone
		}
		gone = append(gone, x.place(line))
		x.at++
	}
}

// place is placeOf the record of a line.
func (x *expectation) place(line []byte) string {
	if x.own != nil {
		return "" // the buckets of indexes are made anew as a whole
	}
	return hex.EncodeToString(append([]byte{x.lk[prefixLen]}, line[:tagLen]...))
}

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
)

// A list is a set of ids under a name, in one record as long as it is short and
// in several where it is long: finding it is one read, and a long one does not
// have to be rewritten with each change.

// listLen is how many ids a record of a list holds at most.
const listLen = 500

// listed is an entry of a list: an id, and what tells it from others without
// looking at what it names.
type listed struct {
	ID  string `json:"i"`
	Tag string `json:"t,omitempty"`
}

func part(kind Kind, name string, n int) Ref { return Ref{kind, name + "/" + strconv.Itoa(n)} }

func decodeList(rec Record) ([]listed, error) {
	var l []listed
	if err := json.Unmarshal(rec.Value, &l); err != nil {
		return nil, &IntegrityError{Ref: rec.Ref, Detail: "not in the expected form"}
	}
	return l, nil
}

// list reads a list.
func (c *Connections) list(ctx context.Context, kind Kind, name string) ([]listed, error) {
	var all []listed
	for n := 0; ; n++ {
		l, err := c.listPart(ctx, kind, name, n)
		if errors.Is(err, ErrNotFound) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, l...)
	}
}

// listPart reads a record of a list, or ErrNotFound after the last.
func (c *Connections) listPart(ctx context.Context, kind Kind, name string, n int) ([]listed, error) {
	rec, err := c.store.Get(ctx, part(kind, name, n))
	if err != nil {
		return nil, err
	}
	return decodeList(rec)
}

// enlist puts an entry into a list, unless its id is there.
func (tx *ConnectionsTx) enlist(kind Kind, name string, e listed) error {
	room, generation, l := -1, uint64(0), []listed(nil)
	for n := 0; ; n++ {
		rec, err := tx.Get(part(kind, name, n))
		if errors.Is(err, ErrNotFound) {
			if room < 0 {
				room = n
			}
			return tx.putList(part(kind, name, room), generation, append(l, e))
		}
		if err != nil {
			return err
		}
		some, err := decodeList(rec)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(some, func(o listed) bool { return o.ID == e.ID }) {
			return nil
		}
		if room < 0 && len(some) < listLen {
			room, generation, l = n, rec.Generation, some
		}
	}
}

// delist takes an id out of a list.
func (tx *ConnectionsTx) delist(kind Kind, name, id string) error {
	for n := 0; ; n++ {
		ref := part(kind, name, n)
		rec, err := tx.Get(ref)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		l, err := decodeList(rec)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(l, func(o listed) bool { return o.ID == id })
		if at < 0 {
			continue
		}
		l = slices.Delete(l, at, at+1)
		if err := tx.putList(ref, rec.Generation, l); err != nil {
			return err
		}
		return tx.trim(kind, name, n)
	}
}

// trim removes the empty records at the end of a list; one in the middle stays,
// for its place.
func (tx *ConnectionsTx) trim(kind Kind, name string, n int) error {
	if _, err := tx.Get(part(kind, name, n+1)); !errors.Is(err, ErrNotFound) {
		return err
	}
	for ; n >= 0; n-- {
		rec, err := tx.Get(part(kind, name, n))
		if err != nil {
			return err
		}
		if l, err := decodeList(rec); err != nil || len(l) > 0 {
			return err
		}
		if err := tx.Delete(rec.Ref); err != nil {
			return err
		}
	}
	return nil
}

func (tx *ConnectionsTx) putList(ref Ref, generation uint64, l []listed) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = tx.Put(ref, generation, b)
	return err
}

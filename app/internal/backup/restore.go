// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// One transaction takes so many records and bytes; a store bounds it.
const (
	batchRecords = 256
	batchBytes   = 256 << 10
)

// Check tells whether a store holds what was restored into it.
type Check map[hub.Ref][sha256.Size]byte

// IDs are the ids of the records of a kind; never nil.
func (c Check) IDs(kind hub.Kind) []string {
	ids := []string{}
	for ref := range c {
		if ref.Kind == kind {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

// Restore writes the records of a backup into a store that holds none of them,
// and returns what is needed to Verify it. When it fails the store holds a part
// and is to be thrown away.
func Restore(ctx context.Context, store hub.Store, b *Reader) (Check, error) {
	check := Check{}
	var pending []hub.Record
	size := 0
	flush := func() error {
		err := store.Update(ctx, func(tx hub.Tx) error {
			for _, r := range pending {
				if _, err := tx.Put(r.Ref, 0, r.Value); err != nil {
					return err
				}
			}
			return nil
		})
		if errors.Is(err, hub.ErrConflict) {
			return damaged("a record is in it twice")
		}
		pending, size = pending[:0], 0
		faults.Point("restore.writing")
		return err
	}
	for r, err := range b.Records() {
		if err != nil {
			return nil, err
		}
		check[r.Ref] = sha256.Sum256(r.Value)
		pending, size = append(pending, r), size+len(r.Value)
		if len(pending) >= batchRecords || size >= batchBytes {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return check, flush()
}

// Verify reads everything back from a store and compares it. changed names
// records that were changed since they were restored, and why is no concern of
// a backup; they must only be there.
func (c Check) Verify(ctx context.Context, store hub.Store, changed map[hub.Ref]bool) error {
	seen := 0
	err := store.Snapshot(ctx, func(snap hub.Snapshot) error {
		for r, err := range kept(ctx, snap) {
			if err != nil {
				return err
			}
			want, ok := c[r.Ref]
			got := sha256.Sum256(r.Value)
			if !ok || !changed[r.Ref] && !bytes.Equal(got[:], want[:]) {
				return fmt.Errorf("the %s record %q is not what was written", r.Kind, r.ID)
			}
			seen++
		}
		return nil
	})
	if err == nil && seen != len(c) {
		err = fmt.Errorf("%d records are there where %d were written", seen, len(c))
	}
	if err != nil {
		return hub.Errorf(hub.CodeStorage, "the restored store does not read back: %w", err).
			WithRemedy("See that the disk is in order, and try again. Nothing was changed.")
	}
	return nil
}

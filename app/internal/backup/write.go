// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Write writes a backup of a store, as it is at one moment, to w, encrypted to
// the recipients. Of the manifest, ID, CreatedAt, Program, StoreID and Moved are
// the caller's; the rest is filled in and returned. Unless skipDamaged is set, a
// store with a record that cannot be read is refused. Nothing is written to w
// before it is certain that the store can be read; an error after that leaves w
// with a piece that no Reader accepts.
func Write(ctx context.Context, store hub.Store, m Manifest, skipDamaged bool, w io.Writer, recipients ...age.Recipient) (Manifest, error) {
	m.Format = Format
	err := store.Snapshot(ctx, func(snap hub.Snapshot) error {
		if err := count(ctx, snap, &m, skipDamaged); err != nil {
			return err
		}
		sealed, err := age.Encrypt(w, recipients...)
		if err != nil {
			return fmt.Errorf("encrypt the backup: %w", err)
		}
		if err := stream(ctx, snap, &m, sealed); err != nil {
			return err
		}
		return sealed.Close()
	})
	return m, err
}

// kept yields the records that belong into a backup.
func kept(ctx context.Context, snap hub.Snapshot) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		for k := range hub.Kinds() {
			if k.Keeping != hub.Kept {
				continue
			}
			for r, err := range snap.List(ctx, k.Kind) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// maxNamed is how many damaged records an error names.
const maxNamed = 5

// count fills in what the manifest says of the records.
func count(ctx context.Context, snap hub.Snapshot, m *Manifest, skipDamaged bool) error {
	m.Records, m.Damaged = map[hub.Kind]int{}, 0
	var details []string
	for r, err := range kept(ctx, snap) {
		if damaged, ok := errors.AsType[*hub.IntegrityError](err); ok {
			if m.Damaged++; m.Damaged <= maxNamed {
				details = append(details, damaged.Detail)
			}
			continue
		}
		if err != nil {
			return err
		}
		m.Records[r.Kind]++
	}
	if m.Damaged > 0 && !skipDamaged {
		return hub.Errorf(hub.CodeIntegrity, "%d records of the store are damaged and would be missing: %s", m.Damaged, strings.Join(details, "; ")).
			WithRemedy("`standpipe doctor` tells more. To back up everything else, add --skip-damaged.")
	}
	return nil
}

// stream writes the lines.
func stream(ctx context.Context, snap hub.Snapshot, m *Manifest, to io.Writer) error {
	w, sum := bufio.NewWriterSize(to, 64<<10), newSum()
	emit := func(v any) error {
		b, err := line(v)
		if err != nil {
			return err
		}
		defer clear(b)
		sum.Write(b)
		_, err = w.Write(b)
		return err
	}
	if err := emit(m); err != nil {
		return err
	}
	n := 0
	for r, err := range kept(ctx, snap) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			continue // counted, and agreed to
		}
		if err != nil {
			return err
		}
		if err := emit(record{r.Kind, r.ID, r.Value}); err != nil {
			return err
		}
		n++
	}
	if n != m.Total() {
		return hub.Errorf(hub.CodeInternal, "%d records were found where %d had been counted", n, m.Total())
	}
	if err := emit(end{true, n, sum.hex()}); err != nil {
		return err
	}
	return w.Flush()
}

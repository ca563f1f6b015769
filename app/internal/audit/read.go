// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"crypto/hpke"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// snapshot are the files of a log, opened at one moment, oldest first.
type snapshot []*os.File

// snapshot opens the files, so that a rotation cannot come between.
func (l *Log) snapshot() (s snapshot, err error) {
	l.files.RLock()
	defer l.files.RUnlock()
	names, err := list(l.cfg.Dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned meanwhile
		}
		if err != nil {
			s.close()
			return nil, err
		}
		s = append(s, f)
	}
	return s, nil
}

func (s snapshot) close() {
	for _, f := range s {
		_ = f.Close() // it was only read
	}
}

// open returns the key and the files; the caller closes the latter. A locked
// store is a locked log.
func (l *Log) openToRead(ctx context.Context) (hpke.PrivateKey, snapshot, error) {
	key, err := privateKey(ctx, l.cfg.Store)
	if err != nil {
		return nil, nil, err
	}
	s, err := l.snapshot()
	if err != nil {
		return nil, nil, hub.Errorf(hub.CodeAudit, "the audit cannot be read: %w", err)
	}
	return key, s, nil
}

// Read yields the entries that a filter picks, oldest first. A line that cannot
// be read yields an error and the reading goes on, unless it is an error of the
// store or of ctx.
func (l *Log) Read(ctx context.Context, filter hub.AuditFilter) iter.Seq2[hub.AuditRecord, error] {
	return func(yield func(hub.AuditRecord, error) bool) {
		key, files, err := l.openToRead(ctx)
		if err != nil {
			yield(hub.AuditRecord{}, err)
			return
		}
		defer files.close()
		for _, f := range files {
			if err := ctx.Err(); err != nil {
				yield(hub.AuditRecord{}, err)
				return
			}
			for r, err := range records(f, key) {
				if (err != nil || filter.Matches(&r.AuditEntry)) && !yield(r, err) {
					return
				}
			}
		}
	}
}

// Page returns up to limit entries that a filter picks, newest first: those
// with numbers below before, or the newest where that is 0.
func (l *Log) Page(ctx context.Context, filter hub.AuditFilter, before uint64, limit int) (p hub.AuditPage, err error) {
	key, files, err := l.openToRead(ctx)
	if err != nil {
		return p, err
	}
	defer files.close()
	for _, f := range slices.Backward(files) {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		var found []hub.AuditRecord
		for r, err := range records(f, key) {
			switch {
			case err != nil:
				p.Damaged++
			case before > 0 && r.Seq >= before:
			case !filter.Since.IsZero() && r.Time.Before(filter.Since), !filter.Matches(&r.AuditEntry):
			default:
				found = append(found, r)
			}
		}
		for _, r := range slices.Backward(found) {
			if len(p.Records) == limit {
				p.Next = p.Records[limit-1].Seq
				return p, nil
			}
			p.Records = append(p.Records, r)
		}
	}
	return p, nil
}

// records yields the entries of a file.
func records(f *os.File, key hpke.PrivateKey) iter.Seq2[hub.AuditRecord, error] {
	return func(yield func(hub.AuditRecord, error) bool) {
		u := unsealer{private: key}
		for n, raw := range rawLines(f) {
			o, err := u.open(raw)
			if err != nil {
				err = hub.Errorf(hub.CodeIntegrity, "%s line %d: %w", filepath.Base(f.Name()), n, err).
					WithRemedy("`standpipe audit verify` checks the whole audit.")
				if !yield(hub.AuditRecord{}, err) {
					return
				}
				continue
			}
			if o.entry != nil && !yield(hub.AuditRecord{Seq: o.Seq, AuditEntry: *o.entry}, nil) {
				return
			}
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"os"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Stats is how a store is. It is told while the store is locked as well.
type Stats struct {
	Epoch   uint64 // of the last update
	Updates uint64 // since the data key was made
	Dropped uint64 // record keys deleted since the last compaction
}

// Stats tells how the store is.
func (s *Store) Stats() Stats {
	st := s.last.Load()
	return Stats{Epoch: st.epoch, Updates: st.updates, Dropped: st.dropped}
}

// Size is how many bytes of the disk the store takes. Badger's own number is of
// its last look, and leaves out what is in no table yet.
func (s *Store) Size() (bytes int64) {
	s.mu.Lock()
	dir := s.h.dir
	s.mu.Unlock()
	files, _ := os.ReadDir(dir) // what cannot be read is not counted
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			bytes += onDisk(info)
		}
	}
	return bytes
}

// Space reports why nothing can be written now, or nil.
func (s *Store) Space() error {
	s.mu.Lock()
	dir := s.h.dir
	s.mu.Unlock()
	return s.space(dir)
}

// maxProblems bounds what an examination tells in words.
const maxProblems = 20

// Examination is what a look at every record found.
type Examination struct {
	Records  int
	Damaged  int      // altered, rolled back, removed
	Problems []string // the first of them, by name, without content
}

// Examine opens every record, and compares the checksum of every block.
func (s *Store) Examine(ctx context.Context) (x Examination, err error) {
	h, err := s.enter()
	if err != nil {
		return x, err
	}
	defer h.users.Done()
	if err := h.verify(); err != nil {
		x.Damaged++
		x.Problems = append(x.Problems, "the database's files: "+err.Error())
	}
	v := s.view(h, false)
	defer v.txn.Discard()
	kinds := map[[prefixLen]byte]bool{}
	for kind := range plainKinds() {
		p, err := s.codec.prefix(kind)
		if err != nil {
			return x, err
		}
		kinds[[prefixLen]byte(p)] = true
		for _, err := range v.all(ctx, kind) {
			if err := x.count(err); err != nil {
				return x, err
			}
		}
	}
	// What is left are the buckets of indexes, whose names only they know.
	opts := badger.DefaultIteratorOptions
	opts.Prefix = []byte{recordKeys}
	it := v.txn.NewIterator(opts)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		key := it.Item().KeyCopy(nil)
		if err := ctx.Err(); err != nil {
			return x, err
		}
		if len(key) != keyLen || kinds[[prefixLen]byte(key)] {
			continue
		}
		_, err := v.at(key)
		if err := x.count(err); err != nil {
			return x, err
		}
	}
	return x, nil
}

func (x *Examination) count(err error) error {
	switch forged, ok := errors.AsType[*hub.IntegrityError](err); {
	case ok:
		x.Damaged++
		if len(x.Problems) < maxProblems {
			x.Problems = append(x.Problems, forged.Error())
		}
		return nil
	case err == nil:
		x.Records++
	}
	return err
}

// plainKinds are all kinds whose records can be listed.
func plainKinds() map[hub.Kind]struct{} {
	out := map[hub.Kind]struct{}{born.Kind: {}, kindKey: {}}
	for k := range hub.Kinds() {
		if !k.Kind.Bucket() {
			out[k.Kind] = struct{}{}
		}
	}
	return out
}

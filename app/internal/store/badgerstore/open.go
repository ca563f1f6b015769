// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/standpipe/standpipe/app/internal/hub"
)

const (
	// maxValue bounds a record's content, in bytes. Badger takes up to 1 MiB
	// with its own overhead where values are kept apart from keys; this is
	// far more than any record needs.
	maxValue = 1 << 20

	valueThreshold = 64 << 10 // larger values go to the value log

	memTable = 8 << 20 // what Badger keeps in memory before it writes a table

	checkedAtOpen = 64 << 20 // up to which size all blocks are looked at
)

// born is the record that every store has from its first moment. A database
// without it is not this store, or no longer.
var born = hub.Ref{Kind: "vault", ID: "born"}

// Option changes how a store is opened.
type Option func(*Store)

// AcceptRollback takes a store that is older than it was as it is: what changed
// since is lost, and what was revoked since may be back.
func AcceptRollback(accept bool) Option { return func(s *Store) { s.accept = accept } }

// Open opens the store in dir, and makes it if the sealer's keys are fresh.
// From then on the process creates files with umask 077, since Badger would
// make them readable for all. A nil log discards.
func Open(dir string, sealer Sealer, log *slog.Logger, options ...Option) (*Store, error) {
	s := newStore(sealer, log)
	for _, o := range options {
		o(s)
	}
	if err := s.open(dir, sealer.Fresh()); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, errors.Join(err, s.h.close())
	}
	s.background.Go(s.reportDamage) // nobody has to wait for it
	s.background.Go(s.collectGarbage)
	s.background.Go(s.keepAnchor)
	s.background.Go(s.compactDaily)
	return s, nil
}

func newStore(sealer Sealer, log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		log: log, space: checkSpace, patience: commitPatience,
		codec:     &codec{sealer: sealer, storeID: sealer.StoreID()},
		writer:    make(chan struct{}, 1),
		closing:   make(chan struct{}),
		anchorDue: make(chan struct{}, 1),
	}
	s.last.Store(&state{})
	return s
}

func (s *Store) open(dir string, fresh bool) error {
	restrictNewFiles()
	if err := makeFolder(dir, fresh); err != nil {
		return err
	}
	if err := checkSpace(dir); err != nil {
		return err
	}
	db, err := openDB(dir, s.log, s.loading)
	if err != nil {
		return err
	}
	s.h = newHandle(db, dir, s.log)
	return nil
}

func makeFolder(dir string, fresh bool) error {
	if !fresh {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return storeMissing(dir, "it is gone")
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hub.Errorf(hub.CodeStorage, "make the store: %w", err).
			WithRemedy("See that %s can be written.", filepath.Dir(dir))
	}
	return nil
}

// dbOptions fit a store of up to some 10,000 connections into little memory.
// Checksums are not verified on reading: every value is authenticated, so that
// a flipped bit costs one record and not its whole block.
func dbOptions(dir string, log *slog.Logger, loading bool) badger.Options {
	size := int64(memTable)
	if loading {
		size *= 8 // for fewer tables, which are compacted when all is loaded
	}
	return badger.DefaultOptions(dir).
		WithSyncWrites(!loading).
		WithDetectConflicts(false). // updates are serialised
		WithCompression(options.None).
		WithMetricsEnabled(false).
		WithMemTableSize(size).
		WithNumMemtables(2).
		WithNumLevelZeroTables(levelTables).
		WithNumLevelZeroTablesStall(levelStall).
		WithBlockCacheSize(0). // what is neither compressed nor encrypted is read where it is mapped
		WithIndexCacheSize(0).
		WithValueLogFileSize(16 << 20).
		WithBaseTableSize(2 << 20).
		WithBaseLevelSize(8 << 20).
		WithNumCompactors(0).       // see levels.go
		WithCompactL0OnClose(true). // replaced values take room until then
		WithValueThreshold(valueThreshold).
		WithLogger(logger{log})
}

// openDB opens the database, with errors that people can use. What is committed
// while loading is not on disk yet.
func openDB(dir string, log *slog.Logger, loading bool) (db *badger.DB, err error) {
	defer func() { // on badly damaged files
		if p := recover(); p != nil {
			log.Error("opening the store failed on damaged files", "panic", fmt.Sprint(p))
			db, err = nil, damaged(dir, fmt.Errorf("%v", p))
		}
	}()
	if err := checkTables(dir); err != nil {
		return nil, damaged(dir, err)
	}
	db, err = badger.Open(dbOptions(dir, log, loading))
	if err != nil && strings.Contains(err.Error(), z.NewFile.Error()) {
		// A process that was killed between making a log file and giving it its
		// length left one that is empty. Badger gives it that length, and then
		// fails on it.
		db, err = badger.Open(dbOptions(dir, log, loading))
	}
	switch {
	case err == nil:
		return db, nil
	case strings.Contains(err.Error(), "Another process is using this Badger database"):
		return nil, hub.Errorf(hub.CodeStorage, "the store %s is in use by another process%s: %w", dir, holder(dir), err).
			WithRemedy("Only one standpipe can own a data folder. End the other one, or use its socket.")
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnly):
		return nil, hub.Errorf(hub.CodeStorage, "the store %s cannot be opened: %w", dir, err).
			WithRemedy("See that the folder is yours and can be written.")
	}
	return nil, damaged(dir, err)
}

func damaged(dir string, err error) error {
	return hub.Errorf(hub.CodeStorage, "the store %s cannot be opened: %w", dir, err).
		WithRemedy("If its files are damaged, restore the data folder from a backup.")
}

// holder names the process that has the store, from the file that Badger
// leaves for this.
func holder(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "LOCK"))
	pid := strings.TrimSpace(string(b))
	if err != nil || pid == "" || len(pid) > 10 {
		return ""
	}
	return fmt.Sprintf(" (pid %s)", pid)
}

// check looks whether the database is the store of the keys, whole and the
// latest; or gives birth to one that is new.
func (s *Store) check() error {
	v := s.view(s.h, false)
	defer v.txn.Discard()
	fresh := s.codec.sealer.Fresh()
	known, err := s.knows(&v, born)
	if err != nil {
		return err
	}
	switch {
	case !known && !fresh:
		return storeMissing(s.h.dir, "it was emptied, or is the store of other keys")
	case !known && !v.empty():
		return hub.Errorf(hub.CodeStorage, "the folder %s already holds a database of something else", s.h.dir).
			WithRemedy("Move it away, and start again.")
	case !known:
		err = s.update(context.Background(), func(t *tx) error {
			return t.write(hub.Record{Ref: born, Generation: 1, Value: []byte(s.codec.storeID)})
		})
	default:
		err = s.checkLatest(&v)
	}
	if err != nil {
		return err
	}
	if err := s.checkBirth(); err != nil {
		return err
	}
	if !fresh {
		return nil
	}
	if err := s.codec.sealer.SetAnchor(s.state.epoch); err != nil {
		return err
	}
	return s.codec.sealer.Settle()
}

// knows reports whether there is something under the name of a record.
func (s *Store) knows(v *view, ref hub.Ref) (bool, error) {
	key, err := s.codec.key(ref)
	if err != nil {
		return false, err
	}
	_, err = v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, s.readError(err)
	}
	return true, nil
}

func (s *Store) checkBirth() error {
	v := s.view(s.h, false)
	defer v.txn.Discard()
	e, err := v.get(born)
	if err == nil && string(e.Value) != s.codec.storeID {
		return &hub.IntegrityError{Ref: born, Detail: "it names another store"}
	}
	if s.accept && err != nil {
		s.log.Error("the store's first record is not good", "err", err)
		return nil
	}
	return err
}

func (v *view) empty() bool {
	it := v.txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	it.Rewind()
	return !it.Valid()
}

// ErrStoreMissing is the cause where the keys have been in use and the store is
// gone, emptied or another's.
var ErrStoreMissing = errors.New("the store is missing")

func storeMissing(dir, how string) error {
	e := hub.Errorf(hub.CodeNotConfigured, "store missing: the keys are here, but the store %s is not: %s", dir, how).
		WithRemedy("Restore the data folder from a backup.")
	e.Err = ErrStoreMissing
	return e
}

// reportDamage looks at every block once, and says in the log what the seals
// alone would tell only when it is read. Of a large store that takes too long.
func (s *Store) reportDamage() {
	h, err := s.enter()
	if err != nil {
		return
	}
	defer h.users.Done()
	if lsm, _ := h.db.Size(); lsm > checkedAtOpen {
		return
	}
	if err := h.verify(); err != nil {
		s.log.Error("the store's files are damaged; restore the data folder from a backup", "dir", h.dir, "detail", err.Error())
	}
}

// verify compares the checksum of every block.
func (h *handle) verify() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return h.db.VerifyChecksum()
}

// Close refuses further calls, waits for the running ones and closes the
// database. Where the disk does not take what is being written, it gives up
// after a while and leaves the database to the end of the process, which loses
// nothing that was acknowledged. Further calls answer what the first did.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.shutdown() })
	return s.closeErr
}

func (s *Store) shutdown() error {
	s.mu.Lock()
	s.closed = true
	h := s.h
	s.mu.Unlock()
	close(s.closing)
	done := make(chan error, 1)
	go func() {
		s.background.Wait()
		h.users.Wait()
		s.anchor()
		done <- h.close()
	}()
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return hub.Errorf(hub.CodeStorage, "close the store %s: %w", h.dir, err).
				WithRemedy("See that the disk is not full or read-only. What was acknowledged is safe.")
		}
		return nil
	case <-timer.C:
		if h.compacting.Load() {
			return nil // to be ended with the process, like any other power cut
		}
		return hub.Errorf(hub.CodeStorage, "the store %s is still being used %s after it was to be closed", h.dir, s.patience).
			WithRemedy("See that the disk is not full, read-only or failing.")
	}
}

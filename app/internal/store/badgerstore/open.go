// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
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

	"github.com/standpipe/standpipe/app/internal/hub"
)

const (
	// maxValue bounds a record's content, in bytes. Badger takes up to 1 MiB
	// with its own overhead where values are kept apart from keys; this is
	// far more than any record needs.
	maxValue = 1 << 20

	valueThreshold = 64 << 10 // larger values go to the value log
)

// born is the record that every store has from its first moment. A database
// without it is not this store, or no longer.
var born = hub.Ref{Kind: "vault", ID: "born"}

// Open opens the store in dir, and makes it if the sealer's keys are fresh.
// From then on the process creates files with umask 077, since Badger would
// make them readable for all. A nil log discards.
func Open(dir string, sealer Sealer, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	restrictNewFiles()
	if err := makeFolder(dir, sealer.Fresh()); err != nil {
		return nil, err
	}
	if err := checkSpace(dir); err != nil {
		return nil, err
	}
	db, err := openDB(dir, log)
	if err != nil {
		return nil, err
	}
	s := &Store{
		db: db, dir: dir, log: log, space: checkSpace, patience: commitPatience,
		codec:   &codec{sealer: sealer, storeID: sealer.StoreID()},
		writer:  make(chan struct{}, 1),
		closing: make(chan struct{}),
	}
	if err := s.checkBirth(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.reportDamage()
	s.background.Go(s.collectGarbage)
	return s, nil
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
func dbOptions(dir string, log *slog.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // updates are serialised
		WithCompression(options.None).
		WithMetricsEnabled(false).
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(4).
		WithBlockCacheSize(8 << 20).
		WithIndexCacheSize(8 << 20).
		WithValueLogFileSize(16 << 20).
		WithBaseTableSize(2 << 20).
		WithBaseLevelSize(8 << 20).
		WithNumCompactors(2).
		WithValueThreshold(valueThreshold).
		WithLogger(logger{log})
}

// openDB opens the database, with errors that people can use.
func openDB(dir string, log *slog.Logger) (db *badger.DB, err error) {
	defer func() { // on badly damaged files
		if p := recover(); p != nil {
			log.Error("opening the store failed on damaged files", "panic", fmt.Sprint(p))
			db, err = nil, damaged(dir, fmt.Errorf("%v", p))
		}
	}()
	db, err = badger.Open(dbOptions(dir, log))
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

// checkBirth finds the birth record, or writes it into a store that is new.
func (s *Store) checkBirth() error {
	txn := s.db.NewTransaction(false)
	r, err := s.get(txn, born)
	txn.Discard()
	fresh := s.codec.sealer.Fresh()
	switch {
	case err == nil && string(r.Value) != s.codec.storeID:
		return &hub.IntegrityError{Ref: born, Detail: "it names another store"}
	case err == nil && !fresh:
		return nil
	case err == nil: // stopped between the record and the note of it
		return s.codec.sealer.Settle()
	case !errors.Is(err, hub.ErrNotFound):
		return err
	case !fresh:
		return storeMissing(s.dir, "it was emptied, or is the store of other keys")
	}
	if !s.empty() {
		return hub.Errorf(hub.CodeStorage, "the folder %s already holds a database of something else", s.dir).
			WithRemedy("Move it away, and start again.")
	}
	if err := s.db.Update(func(txn *badger.Txn) error {
		_, err := (&tx{store: s, txn: txn}).Put(born, 0, []byte(s.codec.storeID))
		return err
	}); err != nil {
		return s.writeError(err)
	}
	return s.codec.sealer.Settle()
}

func (s *Store) empty() bool {
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
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
// alone would tell only when it is read.
func (s *Store) reportDamage() {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("the store's files are damaged; restore the data folder from a backup", "dir", s.dir, "detail", fmt.Sprint(p))
		}
	}()
	if err := s.db.VerifyChecksum(); err != nil {
		s.log.Error("the store's files are damaged; restore the data folder from a backup", "dir", s.dir, "detail", err.Error())
	}
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
	s.mu.Unlock()
	close(s.closing)
	done := make(chan error, 1)
	go func() {
		s.background.Wait()
		s.inUse.Wait()
		done <- s.db.Close()
	}()
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return hub.Errorf(hub.CodeStorage, "close the store %s: %w", s.dir, err).
				WithRemedy("See that the disk is not full or read-only. What was acknowledged is safe.")
		}
		return nil
	case <-timer.C:
		return hub.Errorf(hub.CodeStorage, "the store %s is still being used %s after it was to be closed", s.dir, s.patience).
			WithRemedy("See that the disk is not full, read-only or failing.")
	}
}

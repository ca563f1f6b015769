// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Badger's own compactors look for work twenty times a second each, for as long
// as the process lives: nearly all that a hub at rest would do. So they are off,
// and a database is compacted after writes; where nothing is written, nothing
// wakes.

const (
	levelPause = time.Second // between two looks
	levelWait  = time.Minute // after a failure: the disk is full
	// levelTables are how many tables the upper level gathers, each as large as
	// Badger keeps in memory. More of them make fewer compactions, which rewrite
	// a large store in the end, and slower reads.
	levelTables, maxLevelTables = 2, 8
	levelShare                  = 256 << 20 // of the store, for one table more
	// levelStall is at how many of them writes wait for a compaction. It must be
	// far beyond what comes while a large store is being rewritten.
	levelStall = 64
)

// handle is an open database. It is closed when nobody uses it any more:
// Badger would read from memory that is no longer mapped.
type handle struct {
	db    *badger.DB
	dir   string
	log   *slog.Logger
	lists listCache
	reads readers
	users sync.WaitGroup

	wrote      chan struct{} // something was written since the last look
	stop       chan struct{}
	stopOnce   sync.Once
	stopped    chan struct{}
	levels     sync.Mutex // held while they are compacted
	compacting atomic.Bool
}

// newHandle keeps the levels of a database in order until it is closed.
func newHandle(db *badger.DB, dir string, log *slog.Logger) *handle {
	h := &handle{
		db: db, dir: dir, log: log,
		wrote: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	h.written() // the process before may have left something to do
	go h.keepLevels()
	return h
}

// close waits for a compaction that is under way, which can take a while in a
// large store.
func (h *handle) close() error {
	h.stopOnce.Do(func() { close(h.stop) })
	<-h.stopped
	h.reads.pause() // for ever
	return h.db.Close()
}

// written tells that there may be something to compact. It never blocks.
func (h *handle) written() {
	select {
	case h.wrote <- struct{}{}:
	default:
	}
}

func (h *handle) keepLevels() {
	defer close(h.stopped)
	for {
		select {
		case <-h.stop:
			return
		case <-h.wrote:
		}
		pause := levelPause
		if err := h.compactLevels(h.tooMany); err != nil {
			h.log.Warn("the store could not be compacted; it is tried again", "dir", h.dir, "err", err)
			pause = levelWait
			h.written()
		}
		select {
		case <-h.stop:
			return
		case <-time.After(pause):
		}
	}
}

// tooMany is how many tables the upper level of a store of a size may not have.
func (h *handle) tooMany(size int64) int {
	if h.db.Opts().MemTableSize > memTable {
		return levelStall / 2 // it is compacted when all is loaded
	}
	return levelTables + int(min(size/levelShare, maxLevelTables-levelTables))
}

// compactLevels merges the tables of the upper level into the others, when they
// are too many.
func (h *handle) compactLevels(tooMany func(size int64) int) error {
	h.levels.Lock()
	defer h.levels.Unlock()
	upper := 0
	var size int64
	for _, l := range h.db.Levels() {
		size += l.Size
		if l.Level == 0 {
			upper = l.NumTables
		}
	}
	if upper < tooMany(size) {
		return nil
	}
	if err := checkSpace(h.dir); err != nil {
		return err // Badger writes through memory maps, where a full disk kills a process
	}
	h.compacting.Store(true)
	defer h.compacting.Store(false)
	h.reads.pause() // what was replaced is dropped where no reader can see it
	defer h.reads.resume()
	return h.db.Flatten(1)
}

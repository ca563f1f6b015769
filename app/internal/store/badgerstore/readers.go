// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// maxIdleReaders bounds how many transactions wait to be used again.
const maxIdleReaders = 16

// readers lends transactions that see what was written last. Badger sends a
// message to a goroutine of its own at the begin and at the end of each, which
// takes longer than reading a record; where nothing is written meanwhile, one
// serves many reads. Safe for concurrent use; a transaction is lent to one at a
// time.
//
// While something is being written none is kept: who has seen it must not be
// lent one that has not, and as long as one is open, Badger drops nothing that it
// could still see.
type readers struct {
	mu      sync.Mutex
	pauses  int
	version uint64 // counts the pauses
	idle    []*badger.Txn
}

// reader is a transaction on loan.
type reader struct {
	txn     *badger.Txn
	version uint64
}

// lend returns a transaction, unless something is being written: to begin one would
// wait for that.
func (r *readers) lend(db *badger.DB) (l reader, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.version = r.version
	if n := len(r.idle); n > 0 {
		l.txn, r.idle = r.idle[n-1], r.idle[:n-1]
	} else if r.pauses == 0 {
		l.txn = db.NewTransaction(false) // which waits for nothing: a pause needs mu
	}
	return l, l.txn != nil
}

func (r *readers) giveBack(l reader) {
	r.mu.Lock()
	keep := r.pauses == 0 && l.version == r.version && len(r.idle) < maxIdleReaders
	if keep {
		r.idle = append(r.idle, l.txn)
	}
	r.mu.Unlock()
	if !keep {
		l.txn.Discard()
	}
}

// pause gives up those that wait, and all that were lent until resume.
func (r *readers) pause() {
	r.mu.Lock()
	idle := r.idle
	r.idle = nil
	r.pauses++
	r.version++
	r.mu.Unlock()
	for _, txn := range idle {
		txn.Discard()
	}
}

// resume ends a pause. What was lent during it is not kept either.
func (r *readers) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pauses--
	r.version++
}

// SPDX-License-Identifier: Apache-2.0

// Package audit keeps the record of who got what: one entry a line, in files
// that are only ever appended to, written before the answer goes out. Lines are
// chained and sealed: what they say is read with a key from the vault, while
// writing needs none, so that it goes on while the vault is locked. A line that
// was altered, removed or moved is noticed, and so is a missing end.
package audit

import (
	"context"
	"crypto/hpke"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// The bounds of writing.
const (
	writeLimit   = 250 * time.Millisecond // a write that takes longer: the disk is stuck
	durableLimit = 3 * time.Second        // the same, of a sync or a change of files
	queueLimit   = 10 * time.Second       // nobody waits longer, however much is to be written
	syncEvery    = time.Second            // an entry is on disk after that, at the latest
	queue        = 4096                   // entries waiting for the writer
	batch        = 512                    // entries in one write
	anchorEvery  = 5 * time.Second        // the end of the log is remembered that often, where it moved
)

// bounds is how much is kept.
type bounds struct {
	size int64 // a file that has grown beyond, in bytes, is put aside
	keep int   // files in all, the current one included
}

var defaultBounds = bounds{size: 2 << 20, keep: 32}

// Config is what a Log needs. Every field must be set.
type Config struct {
	Dir    string    // the data folder, which must exist and be nobody else's
	Store  hub.Store // keeps the key and the anchor
	Logger *slog.Logger

	bounds bounds
	limit  time.Duration // of a write
	open   opener
}

// Log is an append-only record. It is safe for concurrent use.
type Log struct {
	cfg     Config
	public  hpke.PublicKey
	entries chan *pending
	spare   sync.Pool // of those that were answered, to be used again
	closing chan struct{}
	closed  sync.Once
	done    chan struct{} // the writer has ended
	err     error         // of the end; read after done

	// syncing is held while the file is brought to disk, and while it is
	// exchanged for another: writing goes on during the former.
	syncing sync.Mutex
	dirty   atomic.Bool     // something was written since the last sync
	durable chan []*pending // written entries that wait for the disk
	// files is held for writing while files are renamed, for reading while
	// they are opened to be read.
	files sync.RWMutex

	written atomic.Pointer[anchor] // the last line in the file
	synced  atomic.Pointer[anchor] // the last line on disk

	// What is being done to the disk, by the writer and by the syncer.
	writing, bringing watch

	// The rest belongs to the writer; file may also be read with syncing held.
	file   file
	info   os.FileInfo
	size   int64
	chain  chain
	buf    []byte // what the last group was written with
	torn   bool   // a write failed halfway and could not be taken back
	failed bool   // the last write failed; for the log of the hub
	// pruneAfter is the line that must be on disk before the oldest file may
	// go; 0: none goes.
	pruneAfter uint64

	anchored uint64 // the line that the anchor names; belongs to who calls anchor
}

// opener opens a file for appending, making it if need be.
type opener func(path string) (file, os.FileInfo, error)

// file is what the writer needs of an *os.File.
type file interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

var _ hub.Auditor = (*Log)(nil)

// pending is an entry on its way.
type pending struct {
	entry hub.AuditEntry
	done  chan error // has room for the answer
	tick  *time.Timer
}

func newPending() any {
	tick := time.NewTimer(time.Hour)
	tick.Stop()
	return &pending{done: make(chan error, 1), tick: tick}
}

// answered gives back what nobody else holds any more. One that was not answered
// is left to the writer.
func (l *Log) answered(p *pending) {
	p.tick.Stop()
	p.entry = hub.AuditEntry{}
	l.spare.Put(p)
}

// Open opens the log of a folder, or begins it. The store must be open.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if cfg.open == nil {
		cfg.bounds, cfg.open = defaultBounds, openFile
	}
	if cfg.limit == 0 {
		cfg.limit = writeLimit
	}
	key, err := makeKey(ctx, cfg.Store)
	if err != nil {
		return nil, fmt.Errorf("audit: the key: %w", err)
	}
	anchor, err := loadAnchor(ctx, cfg.Store)
	if err != nil {
		return nil, fmt.Errorf("audit: the anchor: %w", err)
	}
	l := &Log{
		cfg: cfg, public: key.PublicKey(), spare: sync.Pool{New: newPending},
		entries: make(chan *pending, queue), closing: make(chan struct{}), done: make(chan struct{}),
		durable: make(chan []*pending, queue),
	}
	if l.chain, err = resumeChain(cfg.Dir, cfg.bounds.keep, key); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l.anchored = anchor.Seq
	if l.chain.Seq < anchor.Seq {
		cfg.Logger.Error("the end of the audit is missing; `standpipe audit verify` says more", "last", l.chain.Seq, "remembered", anchor.Seq)
		l.chain.head = anchor.head // so that the gap stays visible
	}
	if l.chain.first == 0 {
		l.chain.first = anchor.First
	}
	if err := l.reopen(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	end := l.chain.anchor()
	l.written.Store(&end)
	l.synced.Store(&end)
	go l.write()
	return l, nil
}

func openFile(path string) (file, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Chmod(0o600) // whatever the umask was when it was made
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func (l *Log) path(n int) string {
	p := filepath.Join(l.cfg.Dir, hub.AuditFile)
	if n > 0 {
		p += fmt.Sprintf(".%d", n)
	}
	return p
}

// Record implements hub.Auditor: when it returns nil, the entry is written,
// and on disk too where the action demands it; a vend's is within a second.
// Otherwise the error is an *hub.Error with CodeAudit, and nothing may be
// answered: the disk refused, or took longer than 250 ms for a write or three
// seconds for a sync. However many entries wait, they share both; waiting for
// one's turn is no failure until ten seconds have passed. The end of ctx does
// not take back an entry.
func (l *Log) Record(ctx context.Context, e hub.AuditEntry) error {
	faults.Point("audit.record")
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.Peer == (hub.Peer{}) {
		e.Peer = hub.PeerOf(ctx)
	}
	p, _ := l.spare.Get().(*pending)
	p.entry = e
	p.tick.Reset(l.cfg.limit)
	entries, end := l.entries, time.Now().Add(queueLimit)
	select {
	case entries <- p:
		entries = nil
	default: // the queue is full, and the room in it is waited for
	}
	for {
		select {
		case entries <- p:
			entries = nil // and now its answer is waited for
		case err := <-p.done:
			l.answered(p)
			return unavailable(err)
		case <-p.tick.C:
			p.tick.Reset(l.cfg.limit)
			switch {
			case l.writing.overdue() || e.Action.Durable() && l.bringing.overdue():
				return unavailable(errors.New("the disk does not answer"))
			case !time.Now().Before(end):
				return unavailable(fmt.Errorf("the writer is more than %v behind", queueLimit))
			}
		case <-l.done:
			select {
			case err := <-p.done:
				return unavailable(err)
			default:
				return unavailable(errors.New("the log is closed"))
			}
		}
	}
}

// Close writes what waits, closes the file and remembers its end.
func (l *Log) Close() error {
	l.closed.Do(func() { close(l.closing) })
	<-l.done
	return l.err
}

// unavailable is what the caller of Record gets for the writer's error; nil for
// none.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &hub.Error{
		Code:    hub.CodeAudit,
		Message: "the audit cannot be written, and without it nothing is handed out or changed",
		Remedy:  "Make room on the disk, or check the rights of the data folder.",
		Err:     err,
	}
}

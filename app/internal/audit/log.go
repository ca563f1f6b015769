// SPDX-License-Identifier: Apache-2.0

// Package audit keeps the record of who got what: one JSON object a line, in
// files that are only ever appended to, written before the answer goes out.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The bounds of writing.
const (
	writeLimit   = 250 * time.Millisecond // an entry that takes longer is refused
	durableLimit = 3 * time.Second        // the same, where the disk has to be waited for
	syncEvery    = time.Second            // an entry is on disk after that, at the latest
	queue        = 4096                   // entries waiting for the writer
	batch        = 512                    // entries in one write
)

// Name is the name of the current file; older ones are Name.1, Name.2 and so
// on, the highest being the oldest.
const Name = "audit.jsonl"

// bounds is how much is kept.
type bounds struct {
	size int64 // a file that would grow beyond is put aside
	keep int   // files in all, the current one included
}

var defaultBounds = bounds{size: 8 << 20, keep: 4}

// Log is an append-only record. It is safe for concurrent use.
type Log struct {
	dir     string
	bounds  bounds
	log     *slog.Logger
	entries chan *pending
	closing chan struct{}
	closed  sync.Once
	done    chan struct{} // the writer has ended
	err     error         // of the end; read after done
	open    opener

	// syncing is held while the file is brought to disk, and while it is
	// exchanged for another: writing goes on during the former.
	syncing sync.Mutex
	dirty   atomic.Bool     // something was written since the last sync
	durable chan []*pending // written entries that wait for the disk

	// The rest belongs to the writer; file may also be read with syncing held.
	file   file
	info   os.FileInfo
	size   int64
	seq    uint64
	broken bool // the end of the file may be half a line
	failed bool // the last write failed; for the log of the hub
}

// opener opens a file for appending, making it if need be.
type opener func(path string) (file, os.FileInfo, error)

// file is what the writer needs of an *os.File.
type file interface {
	io.WriteCloser
	Sync() error
}

var _ hub.Auditor = (*Log)(nil)

// line is an entry as it is written. Seq counts the lines of this log, so that
// one that is missing shows.
type line struct {
	Version int    `json:"v"`
	Seq     uint64 `json:"seq"`
	// Chain is where the hash of the line before will stand; readers must
	// accept its absence.
	Chain string `json:"chain,omitempty"`
	hub.AuditEntry
}

const version = 1

// pending is an entry on its way.
type pending struct {
	entry hub.AuditEntry
	done  chan error // has room for the answer
}

// Open opens the log of a folder, which must exist and be nobody else's, or
// begins it.
func Open(dir string, log *slog.Logger) (*Log, error) {
	return open(dir, defaultBounds, log, openFile)
}

func open(dir string, b bounds, log *slog.Logger, opener opener) (*Log, error) {
	l := &Log{
		dir: dir, bounds: b, log: log, open: opener,
		entries: make(chan *pending, queue), closing: make(chan struct{}), done: make(chan struct{}),
		durable: make(chan []*pending, queue),
	}
	seq, broken, err := lastSeq(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l.seq, l.broken = seq, broken
	if err := l.reopen(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
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
	p := filepath.Join(l.dir, Name)
	if n > 0 {
		p += fmt.Sprintf(".%d", n)
	}
	return p
}

// Record implements hub.Auditor: when it returns nil, the entry is written,
// and on disk too where the action demands it; a vend's is within a second.
// Otherwise the error is an *hub.Error with CodeAudit, and nothing may be
// answered. It takes no longer than 250 ms, or three seconds where the disk has
// to be waited for. The end of ctx does not take back an entry.
func (l *Log) Record(ctx context.Context, e hub.AuditEntry) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	limit := writeLimit
	if e.Action.Durable() {
		limit = durableLimit
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	p := &pending{entry: e, done: make(chan error, 1)}
	select {
	case <-l.closing:
		return unavailable(errors.New("the log is closed"))
	case l.entries <- p:
	case <-timer.C:
		return unavailable(fmt.Errorf("the writer is more than %v behind", limit))
	}
	select {
	case err := <-p.done:
		if err != nil {
			return unavailable(err)
		}
		return nil
	case <-timer.C:
		return unavailable(fmt.Errorf("not written within %v", limit))
	case <-l.done:
		select {
		case err := <-p.done:
			if err == nil {
				return nil
			}
			return unavailable(err)
		default:
			return unavailable(errors.New("the log was closed"))
		}
	}
}

// Close writes what waits, and closes the file.
func (l *Log) Close() error {
	l.closed.Do(func() { close(l.closing) })
	<-l.done
	return l.err
}

func unavailable(err error) *hub.Error {
	return &hub.Error{
		Code:    hub.CodeAudit,
		Message: "the audit cannot be written, and without it nothing is handed out or changed",
		Remedy:  "Make room on the disk, or check the rights of the data folder.",
		Err:     err,
	}
}

// marshal returns the line of an entry.
func marshal(seq uint64, e hub.AuditEntry) ([]byte, error) {
	b, err := json.Marshal(line{Version: version, Seq: seq, AuditEntry: e})
	return append(b, '\n'), err
}

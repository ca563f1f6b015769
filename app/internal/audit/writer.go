// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"
)

// maxBuffer bounds what is kept to write the next group with, in bytes. A line
// has some 700.
const maxBuffer = 64 << 10

// write is the goroutine that appends. It takes all entries that wait, writes
// them at once, and then tells their callers. The timer runs while something is
// left to do for it: a log that nobody writes wakes nobody.
func (l *Log) write() {
	defer close(l.done)
	var helpers sync.WaitGroup
	helpers.Go(l.bringToDisk)
	helpers.Go(l.remember)
	timer := time.NewTimer(syncEvery / 2)
	defer timer.Stop()
	for running := true; ; {
		select {
		case p := <-l.entries:
			if !running {
				l.lookAround()
				timer.Reset(syncEvery / 2)
				running = true
			}
			// The runtime puts the writer right behind the first who hands in an
			// entry. Let those go first who are about to: they share the write.
			runtime.Gosched()
			l.commit(l.gather(p))
		case <-timer.C:
			l.lookAround()
			select {
			case l.durable <- nil: // nobody waits, but it is time
			default: // the disk is busy
			}
			if running = l.dirty.Load() || l.pruneAfter > 0; running {
				timer.Reset(syncEvery / 2)
			}
		case <-l.closing:
			for len(l.entries) > 0 {
				l.commit(l.gather(<-l.entries))
			}
			close(l.durable)
			helpers.Wait()
			l.err = errors.Join(l.sync(), l.close())
			l.saveAnchor()
			return
		}
	}
}

// bringToDisk is the goroutine that syncs, so that the writer need not wait
// for the disk. Those who do wait share a sync.
func (l *Log) bringToDisk() {
	for group := range l.durable {
		for more := true; more; {
			select {
			case g, ok := <-l.durable:
				group, more = append(group, g...), ok
			default:
				more = false
			}
		}
		err := l.bringing.while(durableLimit, l.sync) // where nobody waits, the next tick tries again
		for _, p := range group {
			p.done <- err
		}
	}
}

// remember is the goroutine that keeps the anchor of the log near its end.
func (l *Log) remember() {
	ticker := time.NewTicker(anchorEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.saveAnchor()
		case <-l.closing:
			return
		}
	}
}

// saveAnchor remembers the end of the log in the store. While the store is locked
// or out of order that has to wait: lines that come after the anchor are no
// less sealed, only their removal would go unnoticed.
func (l *Log) saveAnchor() {
	end := l.synced.Load()
	if end.Seq == l.anchored {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), anchorEvery)
	defer cancel()
	if err := saveAnchor(ctx, l.cfg.Store, *end); err != nil {
		l.cfg.Logger.Debug("the end of the audit cannot be remembered now", "err", err)
		return
	}
	l.anchored = end.Seq
}

// gather takes what waits behind p, without waiting for more.
func (l *Log) gather(p *pending) []*pending {
	group := []*pending{p}
	for len(group) < batch {
		select {
		case p := <-l.entries:
			group = append(group, p)
		default:
			return group
		}
	}
	return group
}

// commit writes a group and tells its callers, or leaves that to the syncer.
func (l *Log) commit(group []*pending) {
	err := l.append(group)
	if failed := err != nil; failed != l.failed {
		l.failed = failed
		if failed {
			l.cfg.Logger.Error("the audit cannot be written; nothing is handed out", "error", err)
		} else {
			l.cfg.Logger.Info("the audit is written again")
		}
	}
	var wait []*pending
	for _, p := range group {
		if err == nil && p.entry.Action.Durable() {
			wait = append(wait, p)
			continue
		}
		p.done <- err
	}
	if wait != nil {
		l.durable <- wait
	}
}

func (l *Log) append(group []*pending) error {
	if err := l.writing.while(durableLimit, l.ready); err != nil {
		return err
	}
	next, buf := l.chain, l.buf[:0]
	var err error
	begins := !next.ratchet.begun
	if begins {
		if buf, err = next.session(buf, l.public); err != nil {
			return err
		}
	}
	for _, p := range group {
		if buf, err = next.entry(buf, &p.entry); err != nil {
			return err
		}
	}
	if cap(buf) <= maxBuffer {
		l.buf = buf
	}
	n := 0
	err = l.writing.while(l.cfg.limit, func() error {
		n, err = l.file.Write(buf)
		return err
	})
	if err != nil {
		return errors.Join(err, l.undo(n))
	}
	l.size += int64(n)
	l.dirty.Store(true)
	l.chain = next
	end := next.anchor()
	l.written.Store(&end)
	if begins {
		l.pruneAfter = next.Seq
	}
	return nil
}

// undo takes back a write that failed halfway: half a line would swallow the
// next one, and whole ones tell of answers that were not given. The keys that
// it used are not used again.
func (l *Log) undo(n int) error {
	l.chain.ratchet = ratchet{}
	if n == 0 {
		return nil
	}
	err := l.file.Truncate(l.size)
	if err != nil {
		l.torn = true
		_ = l.close() // reopen looks at what is there
	}
	return err
}

// ready makes sure that there is a file with room for more lines.
func (l *Log) ready() error {
	if l.file != nil && l.size >= l.cfg.bounds.size {
		if err := l.rotate(); err != nil {
			return fmt.Errorf("rotate: %w", err)
		}
	}
	if l.file != nil {
		return nil
	}
	return l.reopen()
}

func (l *Log) reopen() error {
	f, info, err := l.cfg.open(l.path(0))
	if err != nil {
		return err
	}
	size, err := wholeLines(l.path(0), info.Size())
	if err == nil && size < info.Size() {
		// What a crash or a full disk left of a write that nobody relied on.
		l.cfg.Logger.Info("the audit ended in half a line, which was taken away", "bytes", info.Size()-size)
		err = f.Truncate(size)
	}
	if err == nil && l.torn {
		if last, e := lastLine(l.path(0)); e == nil && last.Seq > l.chain.Seq {
			l.chain.head = last // whole lines of the write that failed
		}
		l.torn = false
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.file, l.info, l.size, l.chain.ratchet = f, info, size, ratchet{}
	return nil
}

// lookAround is check under watch.
func (l *Log) lookAround() {
	_ = l.writing.while(durableLimit, func() error { l.check(); return nil })
}

// check removes what is too old, and lets go of a file that is no longer the one
// under its name, lest the audit go on in a file that nobody can find.
func (l *Log) check() {
	if l.pruneAfter > 0 && l.synced.Load().Seq >= l.pruneAfter {
		l.pruneAfter = 0
		l.prune()
	}
	if l.file == nil {
		return
	}
	now, err := os.Stat(l.path(0))
	if err == nil && os.SameFile(now, l.info) {
		return
	}
	_ = errors.Join(l.sync(), l.close()) // it is lost either way
}

// rotate puts the current file aside. The oldest is removed by prune, when the
// next one has said that it may be missing.
func (l *Log) rotate() error {
	if err := errors.Join(l.sync(), l.close()); err != nil {
		return err
	}
	l.files.Lock()
	defer l.files.Unlock()
	for n := l.cfg.bounds.keep; n > 0; n-- {
		if err := os.Rename(l.path(n-1), l.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if last, err := lastLine(l.path(l.cfg.bounds.keep)); err == nil {
		l.chain.first = last.Seq + 1
	}
	return syncDir(l.cfg.Dir)
}

// prune removes the file that is one too many.
func (l *Log) prune() {
	if err := os.Remove(l.path(l.cfg.bounds.keep)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.cfg.Logger.Warn("an old file of the audit cannot be removed", "err", err)
	}
}

func (l *Log) sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.file == nil || !l.dirty.Swap(false) {
		return nil
	}
	h := l.written.Load()
	if err := l.file.Sync(); err != nil {
		l.dirty.Store(true)
		return err
	}
	l.synced.Store(h)
	return nil
}

func (l *Log) close() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

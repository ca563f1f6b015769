// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// write is the goroutine that appends. It takes all entries that wait, writes
// them at once, and then tells their callers.
func (l *Log) write() {
	defer close(l.done)
	syncer := make(chan struct{})
	go func() {
		defer close(syncer)
		l.bringToDisk()
	}()
	ticker := time.NewTicker(syncEvery / 2)
	defer ticker.Stop()
	for {
		select {
		case p := <-l.entries:
			l.commit(l.gather(p))
		case <-ticker.C:
			l.check()
			select {
			case l.durable <- nil: // nobody waits, but it is time
			default: // the disk is busy
			}
		case <-l.closing:
			for len(l.entries) > 0 {
				l.commit(l.gather(<-l.entries))
			}
			close(l.durable)
			<-syncer
			l.err = errors.Join(l.sync(), l.close())
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
		err := l.sync() // where nobody waits, the next tick tries again
		for _, p := range group {
			p.done <- err
		}
	}
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
			l.log.Error("the audit cannot be written; nothing is handed out", "error", err)
		} else {
			l.log.Info("the audit is written again")
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
	var buf []byte
	seq := l.seq
	for _, p := range group {
		seq++
		b, err := marshal(seq, p.entry)
		if err != nil {
			return err // no entry can cause this: it holds strings and numbers
		}
		buf = append(buf, b...)
	}
	if err := l.ready(int64(len(buf))); err != nil {
		return err
	}
	if l.broken {
		// Half a line of an earlier failure must not swallow the next one.
		buf = append([]byte{'\n'}, buf...)
	}
	n, err := l.file.Write(buf)
	l.size += int64(n)
	if n > 0 {
		l.dirty.Store(true)
	}
	if err != nil {
		// Lines that made it into the file tell of answers that were not
		// given; their numbers are not used again.
		l.broken = l.broken && n == 0 || n > 0
		if n > 0 {
			l.seq = seq
		}
		return err
	}
	l.broken, l.seq = false, seq
	return nil
}

// ready makes sure that there is a file with room for more bytes.
func (l *Log) ready(more int64) error {
	if l.file != nil && l.size > 0 && l.size+more > l.bounds.size {
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
	f, info, err := l.open(l.path(0))
	if err != nil {
		return err
	}
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.file, l.info, l.size = f, info, info.Size()
	return nil
}

// check lets go of a file that is no longer the one under its name, lest the
// audit go on in a file that nobody can find.
func (l *Log) check() {
	if l.file == nil {
		return
	}
	now, err := os.Stat(l.path(0))
	if err == nil && os.SameFile(now, l.info) {
		return
	}
	_ = errors.Join(l.sync(), l.close()) // it is lost either way
	l.broken = false
}

func (l *Log) rotate() error {
	if err := errors.Join(l.sync(), l.close()); err != nil {
		return err
	}
	if l.bounds.keep == 1 {
		if err := os.Remove(l.path(0)); err != nil {
			return err
		}
	}
	for n := l.bounds.keep - 1; n > 0; n-- {
		if err := os.Rename(l.path(n-1), l.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	l.broken = false
	return syncDir(l.dir)
}

func (l *Log) sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.file == nil || !l.dirty.Swap(false) {
		return nil
	}
	err := l.file.Sync()
	if err != nil {
		l.dirty.Store(true)
	}
	return err
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

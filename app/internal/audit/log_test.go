// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

func entry(i int) hub.AuditEntry {
	return hub.AuditEntry{
		Time: time.Unix(int64(i), 0).UTC(), Action: hub.AuditVend, Decision: hub.AuditAllowed,
		App: "app_1", Connection: fmt.Sprint(i), Latency: time.Microsecond,
	}
}

// patience is the limit of a test that is about something else: a real disk
// may be busy. The limit itself is tested on a disk and a clock of our own.
const patience = time.Minute

// place is a data folder with its store.
type place struct {
	dir    string
	store  hub.Store
	bounds bounds
	limit  time.Duration
	open   opener
}

func newPlace(t testing.TB) *place {
	return &place{dir: t.TempDir(), store: memstore.New(), bounds: defaultBounds, limit: patience, open: openFile}
}

func (p *place) tryOpen() (*Log, error) {
	return Open(context.Background(), Config{Dir: p.dir, Store: p.store, Logger: slog.New(slog.DiscardHandler), bounds: p.bounds, limit: p.limit, open: p.open})
}

func (p *place) mustOpen(t testing.TB) *Log {
	t.Helper()
	l, err := p.tryOpen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// written are the lines of the current file.
func (p *place) written(t testing.TB) [][]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, hub.AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}

func record(t testing.TB, l *Log, e hub.AuditEntry) {
	t.Helper()
	if err := l.Record(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

func readAll(t testing.TB, l *Log) (out []hub.AuditEntry) {
	t.Helper()
	for r, err := range l.Read(t.Context(), hub.AuditFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.AuditEntry)
	}
	return out
}

// verify fails unless the log is whole.
func verify(t testing.TB, l *Log) hub.AuditReport {
	t.Helper()
	r, err := l.Verify(t.Context())
	if err != nil || len(r.Problems) > 0 {
		t.Fatalf("verify: %+v, %v", r.Problems, err)
	}
	return r
}

func TestWhatIsRecordedIsInTheFileWhenRecordReturns(t *testing.T) {
	p := newPlace(t)
	l := p.mustOpen(t)
	for i := range 10 {
		record(t, l, entry(i))
		got := readAll(t, l)
		if len(got) != i+1 || got[i] != entry(i) {
			t.Fatalf("after %d entries the file holds %+v", i+1, got)
		}
	}
	info, err := os.Stat(filepath.Join(p.dir, hub.AuditFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestManyWritersLoseNothing(t *testing.T) {
	p := newPlace(t)
	synctest.Test(t, func(t *testing.T) { // where a busy machine takes no time
		l := p.mustOpen(t)
		const n = 2000
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				e := entry(i)
				if i%100 == 0 {
					e.Action = hub.AuditAppAdd
				}
				if err := l.Record(t.Context(), e); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, e := range readAll(t, l) {
			seen[e.Connection] = true
		}
		if r := verify(t, l); r.Entries != n || len(seen) != n {
			t.Errorf("%d of %d entries", len(seen), n)
		}
		if err := l.Record(t.Context(), entry(0)); hub.AsError(err).Code != hub.CodeAudit {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestRotationKeepsTheNewest(t *testing.T) {
	p := newPlace(t)
	p.bounds = bounds{size: 2000, keep: 3}
	synctest.Test(t, func(t *testing.T) {
		l := p.mustOpen(t)
		for i := range 100 {
			record(t, l, entry(i))
			time.Sleep(time.Second) // for the oldest to be removed
		}
		list, err := os.ReadDir(p.dir)
		if err != nil || len(list) != 3 {
			t.Fatalf("%v, %v", list, err)
		}
		for _, f := range list {
			if info, err := f.Info(); err != nil || info.Size() > 2000+700 || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %d bytes, %v, %v", f.Name(), info.Size(), info.Mode(), err)
			}
		}
		got := readAll(t, l)
		if len(got) < 5 || len(got) > 90 {
			t.Errorf("%d entries are left", len(got))
		}
		for i, e := range got {
			if want := entry(100 - len(got) + i); e != want {
				t.Fatalf("entry %d is %+v, want %+v", i, e, want)
			}
		}
		verify(t, l)
	})
}

// TestRotationIsInterrupted: a file that a crash saved from being removed is no
// reason for an alarm, and goes the next time.
func TestRotationIsInterrupted(t *testing.T) {
	p := newPlace(t)
	p.bounds = bounds{size: 1, keep: 2} // a file for each entry
	for i := range 6 {
		l := p.mustOpen(t)
		record(t, l, entry(i))
		verify(t, l)
		if err := l.Close(); err != nil { // before anything is removed
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		l := p.mustOpen(t)
		verify(t, l)
		record(t, l, entry(6))
		time.Sleep(2 * time.Second)
		verify(t, l)
		if list, err := os.ReadDir(p.dir); err != nil || len(list) != 2 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

func TestNumbersGoOnAfterARestart(t *testing.T) {
	p := newPlace(t)
	p.bounds = bounds{size: 1500, keep: 9}
	for i := range 10 {
		l := p.mustOpen(t)
		record(t, l, entry(i))
		if want := uint64(2 * (i + 1)); l.chain.Seq != want { // each with a session
			t.Fatalf("entry %d got the number %d, want %d", i+1, l.chain.Seq, want)
		}
		if r := verify(t, l); r.Entries != i+1 {
			t.Fatalf("%+v", r)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHalfALineIsTakenAway(t *testing.T) {
	p := newPlace(t)
	l := p.mustOpen(t)
	record(t, l, entry(1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.dir, hub.AuditFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, b[:20]...), 0o600); err != nil {
		t.Fatal(err)
	}
	l = p.mustOpen(t)
	record(t, l, entry(2))
	if got := readAll(t, l); len(got) != 2 || got[0] != entry(1) || got[1] != entry(2) {
		t.Errorf("got %+v", got)
	}
	verify(t, l)
}

func TestEntriesStayOnOneLine(t *testing.T) {
	p := newPlace(t)
	l := p.mustOpen(t)
	e := entry(1)
	e.App = "app\n{\"v\":1}\x1b[2J\u2028"
	record(t, l, e)
	if lines := p.written(t); len(lines) != 2 { // with the session's
		t.Errorf("the file holds %q", lines)
	}
	if got := readAll(t, l); got[0] != e {
		t.Errorf("got %+v", got[0])
	}
}

// TestFileTakenAway: an audit that nobody can find is none.
func TestFileTakenAway(t *testing.T) {
	p := newPlace(t)
	l := p.mustOpen(t)
	record(t, l, entry(1))
	path := filepath.Join(p.dir, hub.AuditFile)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // what cannot be opened for writing, even by root
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for l.Record(t.Context(), entry(2)) == nil {
		if time.Now().After(deadline) {
			t.Fatal("entries go on into a file that is gone")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	record(t, l, entry(3))
	if got := readAll(t, l); len(got) != 1 || got[0] != entry(3) {
		t.Errorf("got %+v", got)
	}
	if r, err := l.Verify(t.Context()); err != nil || len(r.Problems) != 1 {
		t.Errorf("what was taken away is not missed: %+v, %v", r, err)
	}
}

func TestOpenFailsWhereNothingCanBeWritten(t *testing.T) {
	p := newPlace(t)
	p.dir = filepath.Join(p.dir, "missing")
	if _, err := p.tryOpen(); err == nil {
		t.Error("no error")
	}
}

// disk is a file whose faults can be chosen.
type disk struct {
	bytes.Buffer
	mu     sync.Mutex
	write  func(b []byte) (int, error)
	sync   func() error
	trunc  func() error
	synced int // bytes
}

func (d *disk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trunc != nil {
		return d.trunc()
	}
	d.Buffer.Truncate(int(size))
	return nil
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	f := d.write
	d.mu.Unlock()
	if f != nil {
		return f(b)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Buffer.Write(b)
}

func (d *disk) Sync() error {
	d.mu.Lock()
	f := d.sync
	d.mu.Unlock()
	if f != nil {
		if err := f(); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.synced = d.Len()
	return nil
}

func (d *disk) Close() error { return nil }

func (d *disk) set(f func(*disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

func (d *disk) state() (written, synced int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Len(), d.synced
}

// onDisk runs f in a bubble of fake time, with a log on a disk of its choice.
func onDisk(t *testing.T, f func(t *testing.T, l *Log, d *disk)) {
	t.Helper()
	p := newPlace(t)
	real, info, err := openFile(filepath.Join(p.dir, hub.AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = real.Close() }()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		p.open = func(string) (file, os.FileInfo, error) { return d, info, nil }
		p.limit = writeLimit
		l, err := p.tryOpen()
		if err != nil {
			t.Fatal(err)
		}
		f(t, l, d)
		d.set(func(d *disk) { d.write, d.sync = nil, nil })
		_ = l.Close()
	})
}

func TestVendsAreSyncedWithinASecond(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		begin := time.Now()
		record(t, l, entry(1))
		if w, s := d.state(); w == 0 || s != 0 || time.Since(begin) != 0 {
			t.Errorf("%d bytes written, %d synced after %v", w, s, time.Since(begin))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w, s := d.state(); w != s {
			t.Errorf("%d of %d bytes are on disk after a second", s, w)
		}
	})
}

// TestRestingLog: a log that nobody writes looks at nothing; its next entry finds
// out what happened meanwhile, before it is written.
func TestRestingLog(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		record(t, l, entry(1))
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := os.Remove(l.path(0)); err != nil {
			t.Fatal(err)
		}
		opened := 0
		again := l.cfg.open
		l.cfg.open = func(path string) (file, os.FileInfo, error) {
			opened++
			return again(path)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		record(t, l, entry(2))
		if opened != 1 {
			t.Errorf("the entry went into a file that is gone")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w, s := d.state(); w != s {
			t.Errorf("%d of %d bytes are on disk after a second", s, w)
		}
	})
}

func TestOtherActionsAreSyncedFirst(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		e := entry(1)
		e.Action = hub.AuditDisconnect
		record(t, l, e)
		if w, s := d.state(); w == 0 || w != s {
			t.Errorf("%d of %d bytes are on disk", s, w)
		}
		d.set(func(d *disk) { d.sync = func() error { return errors.New("I/O error") } })
		if err := l.Record(t.Context(), e); hub.AsError(err).Code != hub.CodeAudit {
			t.Errorf("without a sync: %v", err)
		}
		record(t, l, entry(2)) // a vend needs the write only
	})
}

func TestSlowSyncDelaysNoVend(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		d.set(func(d *disk) { d.sync = func() error { time.Sleep(2 * time.Second); return nil } })
		durable := make(chan error)
		go func() {
			e := entry(1)
			e.Action = hub.AuditAppAdd
			durable <- l.Record(t.Context(), e)
		}()
		synctest.Wait()
		begin := time.Now()
		for i := range 10 {
			record(t, l, entry(i))
		}
		if time.Since(begin) != 0 {
			t.Errorf("the vends waited %v", time.Since(begin))
		}
		if err := <-durable; err != nil || time.Since(begin) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestHungDiskIsNotWaitedFor(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		d.set(func(d *disk) {
			d.write = func([]byte) (int, error) { time.Sleep(time.Minute); return 0, errors.New("timeout") }
		})
		begin := time.Now()
		err := l.Record(t.Context(), entry(1))
		if hub.AsError(err).Code != hub.CodeAudit || time.Since(begin) != 250*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		time.Sleep(time.Minute)
		d.set(func(d *disk) { d.write = nil })
		synctest.Wait()
		record(t, l, entry(2))
	})
}

// TestManyWaitForASlowDisk: a thousand callers at once wait for their turn, share
// what the disk does for them, and none is told that it is stuck.
func TestManyWaitForASlowDisk(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		writes, syncs := 0, 0
		d.set(func(d *disk) {
			d.write = func(b []byte) (int, error) {
				time.Sleep(200 * time.Millisecond)
				d.mu.Lock()
				defer d.mu.Unlock()
				writes++
				return d.Buffer.Write(b)
			}
			d.sync = func() error {
				time.Sleep(2 * time.Second)
				syncs++
				return nil
			}
		})
		for name, action := range map[string]hub.AuditAction{"vends": hub.AuditVend, "what has to be on disk": hub.AuditAppGrant} {
			w, s, begin := writes, syncs, time.Now()
			var wg sync.WaitGroup
			for i := range 1000 {
				wg.Go(func() {
					e := entry(i)
					e.Action = action
					if err := l.Record(t.Context(), e); err != nil {
						t.Errorf("%s: after %v: %v", name, time.Since(begin), hub.AsError(err).Err)
					}
				})
			}
			wg.Wait()
			if w, s = writes-w, syncs-s; w > 4 || s > 3 || time.Since(begin) < writeLimit {
				t.Errorf("%s: %d writes and %d syncs in %v", name, w, s, time.Since(begin))
			}
		}
	})
}

// TestDiskThatStopsAmidAQueue: who waits for his turn at a disk that does not
// answer learns it as soon as the first.
func TestDiskThatStopsAmidAQueue(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		d.set(func(d *disk) {
			d.write = func([]byte) (int, error) { time.Sleep(time.Minute); return 0, errors.New("timeout") }
		})
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 5000 { // more than the queue holds
			wg.Go(func() {
				if err := l.Record(t.Context(), entry(i)); hub.AsError(err).Code != hub.CodeAudit || time.Since(begin) > 2*writeLimit {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Hour)
	})
}

func TestFullDisk(t *testing.T) {
	onDisk(t, func(t *testing.T, l *Log, d *disk) {
		record(t, l, entry(1))
		d.set(func(d *disk) {
			d.write = func(b []byte) (int, error) {
				d.mu.Lock()
				defer d.mu.Unlock()
				n, _ := d.Buffer.Write(b[:7])
				return n, errors.New("no space left on device")
			}
		})
		for range 2 {
			err := l.Record(t.Context(), entry(2))
			if hub.AsError(err).Code != hub.CodeAudit || !strings.Contains(hub.AsError(err).Err.Error(), "no space") {
				t.Fatalf("got %v", err)
			}
		}
		d.set(func(d *disk) { d.write = nil })
		record(t, l, entry(3))
		// Two sessions, since keys of a failed write are not used again, and
		// nothing of what failed.
		var numbers []uint64
		for n, raw := range rawLines(strings.NewReader(d.String())) {
			var got line
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatalf("line %d: %q", n, raw)
			}
			numbers = append(numbers, got.Seq)
		}
		if !slices.Equal(numbers, []uint64{1, 2, 3, 4}) {
			t.Errorf("the file holds the lines %v", numbers)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	l := newPlace(b).mustOpen(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			record(b, l, entry(1))
		}
	})
}

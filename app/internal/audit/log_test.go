// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func entry(i int) hub.AuditEntry {
	return hub.AuditEntry{
		Time: time.Unix(int64(i), 0).UTC(), Action: hub.AuditVend, Decision: hub.AuditAllowed,
		App: "app_1", Connection: fmt.Sprint(i), Latency: time.Microsecond,
	}
}

func mustOpen(t testing.TB, dir string) *Log {
	t.Helper()
	return mustOpenBounded(t, dir, defaultBounds)
}

func mustOpenBounded(t testing.TB, dir string, b bounds) *Log {
	t.Helper()
	l, err := open(dir, b, slog.New(slog.DiscardHandler), openFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func record(t testing.TB, l *Log, e hub.AuditEntry) {
	t.Helper()
	if err := l.Record(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

func readAll(t testing.TB, dir string) (out []hub.AuditEntry) {
	t.Helper()
	for e, err := range Read(dir) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func TestWhatIsRecordedIsInTheFileWhenRecordReturns(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	for i := range 10 {
		record(t, l, entry(i))
		got := readAll(t, dir)
		if len(got) != i+1 || got[i] != entry(i) {
			t.Fatalf("after %d entries the file holds %+v", i+1, got)
		}
	}
	info, err := os.Stat(filepath.Join(dir, Name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestManyWritersLoseNothing(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
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
	var seq uint64
	for l, err := range readFile(filepath.Join(dir, Name)) {
		if err != nil {
			t.Fatal(err)
		}
		if seq++; l.Seq != seq {
			t.Fatalf("line %d has the number %d", seq, l.Seq)
		}
		seen[l.Connection] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d entries", len(seen), n)
	}
	if err := l.Record(t.Context(), entry(0)); hub.AsError(err).Code != hub.CodeAudit {
		t.Errorf("after the end: %v", err)
	}
}

func TestRotationKeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	l := mustOpenBounded(t, dir, bounds{size: 1000, keep: 3})
	for i := range 100 {
		record(t, l, entry(i))
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, f := range list {
		if info, err := f.Info(); err != nil || info.Size() > 1000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, %v, %v", f.Name(), info.Size(), info.Mode(), err)
		}
	}
	got := readAll(t, dir)
	if len(got) < 10 || len(got) > 90 {
		t.Errorf("%d entries are left", len(got))
	}
	for i, e := range got {
		if want := entry(100 - len(got) + i); e != want {
			t.Fatalf("entry %d is %+v, want %+v", i, e, want)
		}
	}
}

func TestNumbersGoOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		l := mustOpenBounded(t, dir, bounds{size: 500, keep: 2})
		record(t, l, entry(i))
		if l.seq != uint64(i+1) {
			t.Fatalf("entry %d got the number %d", i+1, l.seq)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHalfALineDoesNotSwallowTheNext(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	record(t, l, entry(1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, Name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, b[:20]...), 0o600); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, dir)
	record(t, l, entry(2))
	var good, bad int
	for e, err := range Read(dir) {
		switch {
		case err != nil:
			bad++
		case e == entry(1) || e == entry(2):
			good++
		}
	}
	if good != 2 || bad != 1 {
		t.Errorf("%d entries, %d broken lines", good, bad)
	}
}

func TestEntriesStayOnOneLine(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	e := entry(1)
	e.App = "app\n{\"v\":1}\x1b[2J\u2028"
	record(t, l, e)
	b, err := os.ReadFile(filepath.Join(dir, Name))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(b, []byte("\n")) != 1 || bytes.ContainsRune(b, 0x1b) {
		t.Errorf("the file holds %q", b)
	}
	if got := readAll(t, dir); got[0] != e {
		t.Errorf("got %+v", got[0])
	}
}

// TestFileTakenAway: an audit that nobody can find is none.
func TestFileTakenAway(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, dir)
	record(t, l, entry(1))
	path := filepath.Join(dir, Name)
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
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	record(t, l, entry(3))
	if got := readAll(t, dir); len(got) != 1 || got[0] != entry(3) {
		t.Errorf("got %+v", got)
	}
}

func TestOpenFailsWhereNothingCanBeWritten(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "missing"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}

// disk is a file whose faults can be chosen.
type disk struct {
	bytes.Buffer
	mu     sync.Mutex
	write  func(b []byte) (int, error)
	sync   func() error
	synced int // bytes
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
	dir := t.TempDir()
	real, info, err := openFile(filepath.Join(dir, Name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = real.Close() }()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		l, err := open(dir, defaultBounds, slog.New(slog.DiscardHandler), func(string) (file, os.FileInfo, error) { return d, info, nil })
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
		lines := strings.Split(strings.TrimSuffix(d.String(), "\n"), "\n")
		if len(lines) != 4 || !strings.Contains(lines[0], `"connection":"1"`) || !strings.Contains(lines[3], `"connection":"3"`) {
			t.Errorf("the file holds %q", lines)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	l := mustOpen(b, b.TempDir())
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			record(b, l, entry(1))
		}
	})
}

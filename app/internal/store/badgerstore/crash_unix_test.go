// SPDX-License-Identifier: Apache-2.0

//go:build unix

package badgerstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// child makes this test binary run one of its tests in a process of its own.
func child(t *testing.T, test, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), "STANDPIPE_TEST_CHILD="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// childDir is the folder that the parent gave, if this is a child.
func childDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("STANDPIPE_TEST_CHILD")
	if dir == "" {
		t.Skip("runs in a child process of another test")
	}
	return dir
}

var latest = hub.Ref{Kind: hub.KindSetting, ID: "latest"}

func numbered(n int) hub.Ref { return hub.Ref{Kind: hub.KindTokens, ID: strconv.Itoa(n)} }

// content of a numbered record: mostly small, some that fill memtables, some
// for the value log.
func content(n int) []byte {
	size := 100
	switch {
	case n%20 == 0:
		size = 100_000
	case n%2 == 0:
		size = 30_000
	}
	return bytes.Repeat([]byte{byte(n)}, size)
}

// TestKilled kills a writer again and again and looks whether everything that
// it acknowledged is there, and updates are whole.
func TestKilled(t *testing.T) {
	dir, v := newVault(t)
	acknowledged := 0
	for round := range 8 {
		cmd := child(t, "TestKilledWriter", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, words := bufio.NewScanner(out), "" // words: of its test, should it fail
		target := acknowledged + 20 + 90*round
		for lines.Scan() {
			if s, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				n, err := strconv.Atoi(s)
				if err != nil || n != acknowledged+1 {
					t.Fatalf("acknowledged %q after %d", s, acknowledged)
				}
				if acknowledged = n; n == target {
					break
				}
				continue
			}
			words += lines.Text() + "\n"
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it still said before it died
			if s, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				acknowledged, _ = strconv.Atoi(s)
			}
		}
		_ = cmd.Wait()
		if acknowledged < target {
			t.Fatalf("round %d: the writer stopped by itself at %d:\n%s", round, acknowledged, words)
		}
		// The next writer goes on after what it finds: it may be one more.
		acknowledged = checkAfterKill(t, dir, acknowledged)
	}
	if v.Info().StoreID == "" {
		t.Error("no store id")
	}
}

func checkAfterKill(t *testing.T, dir string, acknowledged int) int {
	t.Helper()
	v, err := seal.Open(dir, seal.Source{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		t.Fatalf("the store does not open after a kill: %v", err)
	}
	defer s.Close()
	r, err := s.Get(t.Context(), latest)
	if err != nil {
		t.Fatal(err)
	}
	last, _ := strconv.Atoi(string(r.Value))
	if last < acknowledged || last > acknowledged+1 || r.Generation != uint64(last) {
		t.Fatalf("acknowledged %d, found %d at generation %d", acknowledged, last, r.Generation)
	}
	for n := 1; n <= last; n++ {
		r, err := s.Get(t.Context(), numbered(n))
		if err != nil || !bytes.Equal(r.Value, content(n)) {
			t.Fatalf("record %d of %d: %v", n, last, err)
		}
	}
	if _, err := s.Get(t.Context(), numbered(last+1)); !errors.Is(err, hub.ErrNotFound) {
		t.Fatalf("an update was applied by half: %v", err)
	}
	return last
}

func TestKilledWriter(t *testing.T) {
	dir := childDir(t)
	v, err := seal.Open(dir, seal.Source{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 1_000_000 {
		var n int
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			r, err := tx.Get(latest)
			if err != nil && !errors.Is(err, hub.ErrNotFound) {
				return err
			}
			n, _ = strconv.Atoi(string(r.Value))
			n++
			if _, err := tx.Put(numbered(n), 0, content(n)); err != nil {
				return err
			}
			_, err = tx.Put(latest, r.Generation, []byte(strconv.Itoa(n)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Printf("ack %d\n", n); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPrivateFiles: with the widest umask, and through flushes and
// compactions, no file of the folder is open to others.
func TestPrivateFiles(t *testing.T) {
	dir, v := newVault(t)
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	check := func(when string) {
		t.Helper()
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a compaction removed it
			}
			if err != nil {
				return err
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %s has mode %v", when, path, info.Mode())
			}
			kinds[filepath.Ext(path)] = true
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 800 {
		if err := s.Update(t.Context(), func(tx hub.Tx) error { _, err := tx.Put(numbered(n), 0, content(n)); return err }); err != nil {
			t.Fatal(err)
		}
	}
	check("open")
	if _, err := os.Stat(filepath.Join(seal.StoreDir(dir), "LOCK")); err != nil {
		t.Errorf("the lock file was not looked at: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("closed")
	for _, ext := range []string{".sst", ".vlog", ".mem"} {
		if !kinds[ext] {
			t.Errorf("no %s file was looked at", ext)
		}
	}
	if _, err := seal.Open(dir, seal.Source{}); err != nil {
		t.Errorf("the vault's own check: %v", err)
	}
}

// TestStuckDisk takes the folder away behind the store's check, so that Badger
// can write its log but no new files, until a write fails; then gives it back.
func TestStuckDisk(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	var unchecked atomic.Bool
	s.space = func(dir string) error {
		if unchecked.Load() {
			return nil
		}
		return checkSpace(dir)
	}
	store := seal.StoreDir(dir)
	if err := os.Rename(store, store+".away"); err != nil {
		t.Fatal(err)
	}
	write := func(n int) error {
		return s.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(numbered(n), 0, bytes.Repeat([]byte{byte(n)}, 60_000))
			return err
		})
	}
	err := write(0)
	wantStorage(t, err, "cannot be reached")

	unchecked.Store(true)
	acknowledged := 0
	for n := 1; n < 1000; n++ {
		if err = write(n); err != nil {
			break
		}
		acknowledged = n
	}
	wantStorage(t, err, "cannot be written")
	unchecked.Store(false)
	for range 3 {
		wantStorage(t, write(acknowledged+1), "cannot be written")
		if _, err := s.Get(t.Context(), numbered(1)); err != nil {
			wantStorage(t, err, "cannot be written")
		}
	}

	if err := os.Rename(store+".away", store); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for err := write(2000); err != nil; err = write(2000) {
		select {
		case <-deadline:
			t.Fatalf("not usable after it was mended: %v", err)
		case <-tick.C:
		}
	}
	for n := 1; n <= acknowledged; n++ {
		if _, err := s.Get(t.Context(), numbered(n)); err != nil {
			t.Fatalf("acknowledged record %d of %d: %v", n, acknowledged, err)
		}
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("modes do not bind root")
	}
	dir, v := newVault(t)
	store := seal.StoreDir(dir)
	s := openStore(t, dir, v)
	fill(t, s)
	write := func() error {
		return s.Update(t.Context(), func(tx hub.Tx) error {
			r, err := tx.Get(victim)
			if err != nil {
				return err
			}
			_, err = tx.Put(victim, r.Generation, []byte("new"))
			return err
		})
	}
	if err := os.Chmod(store, 0o500); err != nil {
		t.Fatal(err)
	}
	wantStorage(t, write(), "cannot be written", "chmod 700")
	if _, err := s.Get(t.Context(), victim); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := os.Chmod(store, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("mended: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(store, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Open(store, v, nil)
	wantStorage(t, err, "written")
	if err := os.Chmod(store, 0o700); err != nil {
		t.Fatal(err)
	}
	openStore(t, dir, v)
}

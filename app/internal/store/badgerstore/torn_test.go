// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// files are the files of a database folder by name, as a power cut would leave
// them at this moment.
type files map[string][]byte

func readFiles(t *testing.T, dir string) files {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := files{}
	for _, e := range entries {
		if out[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// end is where the content of a file ends: Badger's logs are longer, and zero
// from there on.
func end(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }

// write makes a folder of files, sparse as they were.
func (f files) write(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range f {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b[:end(b)], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, int64(len(b))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// with is a copy in which one file is another.
func (f files) with(name string, content []byte) files {
	out := maps.Clone(f)
	out[name] = content
	return out
}

// last is the newest file with an ending.
func (f files) last(t *testing.T, ending string) string {
	t.Helper()
	names := slices.Sorted(maps.Keys(f))
	slices.Reverse(names)
	for _, n := range names {
		if strings.HasSuffix(n, ending) {
			return n
		}
	}
	t.Fatalf("there is no file %s among %v", ending, names)
	return ""
}

// torn are the ways in which a file can end at an offset: zeros follow, as
// the logs have them, or nothing.
func torn(b []byte, at int) map[string][]byte {
	zeros := make([]byte, len(b))
	copy(zeros, b[:at])
	return map[string][]byte{"zeros": zeros, "short": bytes.Clone(b[:at])}
}

// tornStore is a store at two moments: with `whole` updates on disk and known to
// the anchor, and with one more, whose large value is in the value log.
func tornStore(t *testing.T) (v *seal.Vault, whole int, anchor uint64, before, after files) {
	t.Helper()
	_, v = newVault(t)
	s := openStoreAt(t, v.StoreDir(), v)
	put := func(n int) {
		t.Helper()
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(numbered(n), 0, content(n))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	whole = 79 // content(80) is large
	for n := 1; n <= whole; n++ {
		put(n)
		if n == whole/2 { // from here on there are tables as well as logs
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openStoreAt(t, v.StoreDir(), v)
		}
	}
	anchor = s.last.Load().epoch
	before = readFiles(t, v.StoreDir())
	put(whole + 1)
	after = readFiles(t, v.StoreDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return v, whole, anchor, before, after
}

// TestTornInFlight: the power fails while an update is being written, and the
// last file ends in the middle of it. Everything that was acknowledged before is
// there, and of the update nothing.
func TestTornInFlight(t *testing.T) {
	v, whole, anchor, before, after := tornStore(t)
	log, table := before.last(t, ".vlog"), before.last(t, ".mem")
	for _, c := range []struct {
		name string
		from files // what else is on disk by then
	}{{log, before}, {table, before.with(log, after[log])}} {
		from, to := end(before[c.name]), end(after[c.name])
		if to <= from {
			t.Fatalf("the update wrote nothing to %s", c.name)
		}
		for _, at := range []int{from, from + 1, from + 9, (from + to) / 2, to - 1} {
			for way, content := range torn(after[c.name], at) {
				t.Run(fmt.Sprintf("%s/%d of %d/%s", c.name, at-from, to-from, way), func(t *testing.T) {
					if err := v.SetAnchor(anchor); err != nil {
						t.Fatal(err)
					}
					s, err := Open(c.from.with(c.name, content).write(t), v, nil)
					if err != nil {
						t.Fatalf("it does not open: %v", err)
					}
					defer s.Close()
					if lost, damaged := missing(t, s, whole); len(lost)+len(damaged) > 0 {
						t.Errorf("lost %v, damaged %v", lost, damaged)
					}
					if _, err := s.Get(t.Context(), numbered(whole+1)); !errors.Is(err, hub.ErrNotFound) {
						t.Errorf("of the update: %v", err)
					}
					// And it can be written again.
					err = s.Update(t.Context(), func(tx hub.Tx) error {
						_, err := tx.Put(numbered(whole+1), 0, []byte("anew"))
						return err
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// missing are the records up to n that are not there, and those that are told
// to be damaged. One that is anything else than it was fails the test.
func missing(t *testing.T, s *Store, n int) (lost, damaged []int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		r, err := s.Get(t.Context(), numbered(i))
		ie, isDamaged := errors.AsType[*hub.IntegrityError](err)
		switch {
		case errors.Is(err, hub.ErrNotFound):
			lost = append(lost, i)
		case isDamaged:
			damaged = append(damaged, i)
			if ie.Ref != numbered(i) || !strings.Contains(err.Error(), strconv.Quote(ie.Ref.ID)) {
				t.Errorf("record %d: the error does not name it: %v", i, err)
			}
		case err != nil:
			t.Errorf("record %d: %v", i, err)
		case !bytes.Equal(r.Value, content(i)):
			t.Errorf("record %d is not what was written", i)
		}
	}
	return lost, damaged
}

// TestTornAway: a file system that loses what it had acknowledged cuts the last
// file of each kind. Nothing is lost in silence: the store is refused, or it
// names each record that is damaged, or all is there.
func TestTornAway(t *testing.T) {
	v, whole, anchor, before, _ := tornStore(t)
	told := map[string]int{}
	for _, kind := range []string{".mem", ".vlog", ".sst", "MANIFEST"} {
		name := before.last(t, kind)
		full := end(before[name])
		for _, at := range []int{0, 1, 20, full / 3, full / 2, full - 20, full - 1} {
			if at >= full {
				continue
			}
			for way, content := range torn(before[name], at) {
				t.Run(fmt.Sprintf("%s/%d of %d/%s", name, at, full, way), func(t *testing.T) {
					if err := v.SetAnchor(anchor); err != nil {
						t.Fatal(err)
					}
					dir := before.with(name, content).write(t)
					s, err := Open(dir, v, nil)
					if err != nil {
						e := hub.AsError(err)
						_, damaged := errors.AsType[*hub.IntegrityError](err)
						if !damaged && e.Code != hub.CodeIntegrity && e.Code != hub.CodeStorage && !errors.Is(err, ErrStoreMissing) {
							t.Errorf("refused with %s: %v", e.Code, err)
						}
						told["refused"]++
						return
					}
					defer s.Close()
					lost, damaged := missing(t, s, whole)
					if len(lost) > 0 {
						t.Errorf("lost in silence: %v", lost)
					}
					if len(damaged) > 0 {
						told["named"]++
						if x, err := s.Examine(t.Context()); err == nil && x.Damaged == 0 {
							t.Error("doctor finds nothing wrong")
						}
						return
					}
					told["whole"]++
				})
			}
		}
	}
	if told["refused"] == 0 || told["named"] == 0 {
		t.Errorf("the cuts did not reach what they should: %v", told)
	}
	t.Logf("%v", told)
}

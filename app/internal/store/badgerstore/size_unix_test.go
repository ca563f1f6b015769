// SPDX-License-Identifier: Apache-2.0

//go:build unix

package badgerstore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// onDisk is how many bytes of the disk a folder takes. Badger's logs are sparse.
func onDisk(t *testing.T, dir string) (bytes int64) {
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
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			bytes += st.Blocks * 512
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// TestSizeIsBounded refreshes every connection again and again: what was
// replaced does not add up. The full test has the numbers of a large
// installation.
func TestSizeIsBounded(t *testing.T) {
	connections, rounds := 200, uint64(40)
	if os.Getenv("STANDPIPE_TEST_LONG") != "" {
		connections, rounds = 10_000, 200
	}
	_, v := newVault(t)
	if n := os.Getenv("STANDPIPE_TEST_CONNECTIONS"); n != "" {
		connections, _ = strconv.Atoi(n)
	}
	value := bytes.Repeat([]byte("v"), 2000)
	// refresh renews all tokens up to a round, and measures the closed store:
	// of an open one, the log takes up to 16 MiB more.
	refresh := func(from, to uint64) int64 {
		s, err := Open(v.StoreDir(), v, nil)
		if err != nil {
			t.Fatal(err)
		}
		for round := from; round < to; round++ {
			for at := 0; at < connections; at += 100 {
				err := s.Update(t.Context(), func(tx hub.Tx) error {
					for n := at; n < at+100; n++ {
						if _, err := tx.Put(hub.Ref{Kind: hub.KindTokens, ID: strconv.Itoa(n)}, round, value); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		s.collectOnce()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return onDisk(t, v.StoreDir())
	}
	half := refresh(0, rounds/2)
	full := refresh(rounds/2, rounds)
	t.Logf("%d connections with %.1f MiB of tokens take %.1f MiB after %d refreshes and %.1f MiB after %d", connections,
		float64(connections*len(value))/(1<<20), float64(half)/(1<<20), rounds/2, float64(full)/(1<<20), rounds)
	if float64(full) > 1.1*float64(half) {
		t.Errorf("the store grows with each refresh")
	}
}

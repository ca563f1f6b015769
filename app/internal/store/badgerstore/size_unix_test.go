// SPDX-License-Identifier: Apache-2.0

//go:build unix

package badgerstore

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// taken is how many bytes of the disk a folder takes.
func taken(t *testing.T, dir string) (bytes int64) {
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
		if err == nil {
			bytes += onDisk(info)
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
		connections = 10_000
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
		return taken(t, v.StoreDir())
	}
	// Between two compactions a store grows, and then it is small again: what
	// counts is the most that it takes, until half of the rounds and until all.
	const looks = 20
	var sizes []string
	var most [2]int64
	for look := range uint64(looks) {
		size := refresh(look*rounds/looks, (look+1)*rounds/looks)
		half := look * 2 / looks
		most[half] = max(most[half], size)
		sizes = append(sizes, fmt.Sprintf("%.1f", float64(size)/(1<<20)))
	}
	t.Logf("%d connections with %.1f MiB of tokens take at most %.1f MiB until %d refreshes and %.1f MiB until %d (%s)", connections,
		float64(connections*len(value))/(1<<20), float64(most[0])/(1<<20), rounds/2, float64(most[1])/(1<<20), rounds, strings.Join(sizes, " "))
	if float64(most[1]) > 1.1*float64(most[0]) {
		t.Errorf("the store grows with each refresh")
	}
}

// TestSizeBeforeTables: what is in the log only, of a store that was just
// opened, takes room as well.
func TestSizeBeforeTables(t *testing.T) {
	_, v := newVault(t)
	s, err := Open(v.StoreDir(), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	value := make([]byte, 1<<20)
	_, _ = rand.Read(value) // never fails, as documented
	err = s.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindTokens, ID: "1"}, 0, value)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Size(); got < int64(len(value)) || got > 32<<20 {
		t.Errorf("%d bytes", got)
	}
}

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestReadersSeeTheLatest: a transaction that served earlier reads is not used
// for what was written since, and none is kept open that would hold on to it.
func TestReadersSeeTheLatest(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	ref := hub.Ref{Kind: hub.KindTokens, ID: "a"}
	write := func(n uint64) {
		t.Helper()
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(ref, n-1, binary.BigEndian.AppendUint64(nil, n))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func() uint64 {
		r, err := s.Get(t.Context(), ref)
		if err != nil {
			t.Error(err)
			return 0
		}
		return binary.BigEndian.Uint64(r.Value)
	}
	idle := func() int {
		s.h.reads.mu.Lock()
		defer s.h.reads.mu.Unlock()
		return len(s.h.reads.idle)
	}
	write(1)
	read()
	if read(); idle() != 1 {
		t.Errorf("%d transactions wait after two reads one after the other", idle())
	}
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for last := uint64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				n := read()
				if n < last {
					t.Errorf("%d after %d", n, last)
					return
				}
				last = n
			}
		})
	}
	for n := uint64(2); n < 100; n++ {
		write(n)
		if got := read(); got < n {
			t.Fatalf("%d after %d was written", got, n)
		}
	}
	close(stop)
	group.Wait()
	if n := idle(); n > maxIdleReaders {
		t.Errorf("%d transactions wait", n)
	}
	write(100)
	if n := idle(); n != 0 {
		t.Errorf("%d transactions see what was replaced", n)
	}

	read()
	if err := s.h.compactLevels(func(int64) int { return 0 }); err != nil {
		t.Fatal(err)
	}
	if n := idle(); n != 0 {
		t.Errorf("%d transactions were open during a compaction", n)
	}
	if err := s.Update(t.Context(), func(tx hub.Tx) error { return tx.Delete(ref) }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), ref); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
}

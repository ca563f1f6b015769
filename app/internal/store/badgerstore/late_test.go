// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// TestLateCommit: an update that the disk takes after its caller was told that it
// did not is there for the next one, which waits for it, and after a restart.
func TestLateCommit(t *testing.T) {
	dir, v := newVault(t)
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.patience = time.Nanosecond // no disk is as fast
	late := 0
	for generation := range uint64(20) {
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			r, err := tx.Get(victim)
			if generation > 0 && (err != nil || r.Generation != generation) {
				t.Errorf("update %d sees generation %d, %v", generation+1, r.Generation, err)
			}
			_, err = tx.Put(victim, generation, []byte{byte(generation)})
			return err
		})
		if err != nil {
			if hub.AsError(err).Code != hub.CodeStorage {
				t.Fatal(err)
			}
			late++
		}
	}
	if late == 0 {
		t.Error("no update was late")
	}
	s.patience = commitPatience
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(seal.StoreDir(dir), v, nil); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r, err := s.Get(t.Context(), victim); err != nil || r.Generation != 20 {
		t.Errorf("after a restart: generation %d, %v", r.Generation, err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

func TestForeign(t *testing.T) {
	p, other := newPlace(t), newPlace(t)
	p.bounds = bounds{size: 1, keep: 9} // a file for each entry
	for _, at := range []*place{p, other} {
		l := at.mustOpen(t)
		record(t, l, entry(1))
		record(t, l, entry(2))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, store hub.Store, want bool) {
		t.Helper()
		if got, err := Foreign(t.Context(), p.dir, store); err != nil || got != want {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	want("of its store", p.store, false)
	want("of another store", other.store, true)
	want("of a store without a key", memstore.New(), true)

	// One line that opens is enough, whatever became of the rest: verify is to
	// name what was altered.
	theirs, err := os.ReadFile(filepath.Join(other.dir, hub.AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	put := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(p.dir, hub.AuditFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(string(theirs))
	want("of both, to the one", p.store, false)
	want("of both, to the other", other.store, false)
	if err := os.Remove(filepath.Join(p.dir, hub.AuditFile+".1")); err != nil {
		t.Fatal(err)
	}
	want("of the other alone", p.store, true)
	put(`{"v":1,"seq":1}` + "\n")
	want("of the earlier format", p.store, false)
	put(`{"v":1,"seq":1}` + "\n" + string(theirs))
	want("of the earlier format, and then of the other", p.store, true)
	put("")
	want("empty", p.store, false)
	if err := os.Remove(filepath.Join(p.dir, hub.AuditFile)); err != nil {
		t.Fatal(err)
	}
	want("none", p.store, false)
}

// TestBegin: what begins is empty, nobody else's, and a log like any other.
func TestBegin(t *testing.T) {
	p := newPlace(t)
	if err := Begin(p.dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(p.dir, hub.AuditFile))
	if err != nil || info.Size() != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	l := p.mustOpen(t)
	record(t, l, entry(1))
	if r := verify(t, l); r.First != 1 || r.Entries != 1 {
		t.Errorf("%+v", r)
	}
}

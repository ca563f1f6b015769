// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// The fixtures are data folders with their key file, as each format's own
// program left them: format1.tar.gz was made with the last version that wrote
// format 1. With -update, that of the current format is made anew.
var update = flag.Bool("update", false, "make the fixture of the current format")

// fixture unpacks the data folder of a format and returns how to open it.
func fixture(t *testing.T, format int) (dir string, key seal.Source) {
	t.Helper()
	root := t.TempDir()
	f, err := os.Open(fmt.Sprintf("testdata/format%d.tar.gz", format))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, filepath.FromSlash(h.Name))
		if h.FileInfo().IsDir() {
			err = os.MkdirAll(path, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, b, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err = seal.ParseSource("file:" + filepath.Join(root, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "data"), key
}

// wantFixture checks what every fixture holds, and that it can be written.
func wantFixture(t *testing.T, s *Store) {
	t.Helper()
	for n := range 5 {
		id := fmt.Sprintf("data_installation_%d", n)
		for ref, want := range map[hub.Ref]hub.Record{
			{Kind: hub.KindConnection, ID: id}: {Generation: 1, Value: []byte(`{"v":1,"id":"` + id + `"}`)},
			{Kind: hub.KindTokens, ID: id}:     {Generation: uint64(n) + 1, Value: []byte("tokens of " + id)},
		} {
			r, err := s.Get(t.Context(), ref)
			if err != nil || r.Generation != want.Generation || string(r.Value) != string(want.Value) {
				t.Errorf("%v: generation %d, %q, %v", ref, r.Generation, r.Value, err)
			}
		}
	}
	if _, err := s.Get(t.Context(), hub.Ref{Kind: hub.KindApp, ID: "gone"}); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("a deleted record: %v", err)
	}
	count := 0
	for r, err := range s.List(t.Context(), hub.KindTokens) {
		if err != nil {
			t.Errorf("list: %v, %v", r.Ref, err)
		}
		count++
	}
	if count != 5 {
		t.Errorf("%d token records", count)
	}
	err := s.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindSetting, ID: "theme"}, 3, []byte("light"))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// fillFixture writes what wantFixture wants.
func fillFixture(t *testing.T, s *Store) {
	t.Helper()
	put := func(kind hub.Kind, id, value string, times uint64) {
		for g := range times {
			err := s.Update(t.Context(), func(tx hub.Tx) error {
				_, err := tx.Put(hub.Ref{Kind: kind, ID: id}, g, []byte(value))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range uint64(5) {
		id := fmt.Sprintf("data_installation_%d", n)
		put(hub.KindConnection, id, `{"v":1,"id":"`+id+`"}`, 1)
		put(hub.KindTokens, id, "tokens of "+id, n+1)
	}
	put(hub.KindSetting, "theme", "dark", 3)
	put(hub.KindApp, "gone", "gone", 1)
	if err := s.Update(t.Context(), func(tx hub.Tx) error { return tx.Delete(hub.Ref{Kind: hub.KindApp, ID: "gone"}) }); err != nil {
		t.Fatal(err)
	}
}

func TestFormat1(t *testing.T) {
	dir, key := fixture(t, 1)
	v, err := seal.Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Outdated() || v.Info().Format != 1 {
		t.Fatalf("%+v", v.Info())
	}
	next := migrateTo(t, v)
	name, err := v.Name("audit", "token fingerprints")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := next.Name("audit", "token fingerprints"); err != nil || n != name {
		t.Errorf("a name changed: %v", err)
	}
	wantFixture(t, openStoreAt(t, next.StoreDir(), next))
	again, err := seal.Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	if again.Outdated() || again.StoreDir() != next.StoreDir() {
		t.Errorf("after it: %+v", again.Info())
	}
	if err := again.RemoveLeftovers(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "store")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old store: %v", err)
	}
}

func migrateTo(t *testing.T, v *seal.Vault) *seal.Vault {
	t.Helper()
	next := v.Successor()
	if err := Migrate(t.Context(), v.StoreDir(), v, next.StoreDir(), next, nil); err != nil {
		t.Fatal(err)
	}
	if err := next.Commit(); err != nil {
		t.Fatal(err)
	}
	return next
}

func TestFormat2(t *testing.T) {
	if *update {
		makeFixture(t)
	}
	dir, key := fixture(t, 2)
	v, err := seal.Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	// The anchor's path is that of the machine it was made on.
	s, err := Open(v.StoreDir(), v, nil)
	if !errors.Is(err, seal.ErrNoAnchor) {
		t.Fatalf("without its anchor: %v, %v", s, err)
	}
	s, err = Open(v.StoreDir(), v, nil, AcceptRollback(true))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantFixture(t, s)
}

func makeFixture(t *testing.T) {
	root := "/tmp/standpipe-fixture"
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	key, err := seal.ParseSource("file:" + root + "/key")
	if err != nil {
		t.Fatal(err)
	}
	v, err := seal.Init(root+"/data", key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(v.StoreDir(), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	fillFixture(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(fmt.Sprintf("testdata/format%d.tar.gz", seal.Format))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".anchor") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(b))}); err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	})
	if err := errors.Join(err, w.Close(), z.Close(), f.Close(), os.RemoveAll(root)); err != nil {
		t.Fatal(err)
	}
}

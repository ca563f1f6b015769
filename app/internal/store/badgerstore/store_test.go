// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"path/filepath"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/storetest"
)

// newVault makes a data folder whose key is in a file outside it.
func newVault(t testing.TB) (dir string, v *seal.Vault) {
	t.Helper()
	root := t.TempDir()
	source, err := seal.ParseSource("file:" + filepath.Join(root, "key"))
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(root, "data")
	v, err = seal.Init(dir, source)
	if err != nil {
		t.Fatal(err)
	}
	return dir, v
}

// openStore opens the store of a data folder; it is closed with the test.
func openStore(t testing.TB, dir string, v Sealer) *Store {
	t.Helper()
	return openStoreAt(t, seal.StoreDir(dir), v)
}

func openStoreAt(t testing.TB, dir string, v Sealer) *Store {
	t.Helper()
	s, err := Open(dir, v, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) hub.Store {
		dir, v := newVault(t)
		return openStore(t, dir, v)
	})
}

func TestReopen(t *testing.T) {
	dir, _ := newVault(t)
	storetest.RunReopen(t, func(t *testing.T) (hub.Store, func()) {
		v, err := seal.Open(dir, seal.Source{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(seal.StoreDir(dir), v, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

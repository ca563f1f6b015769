// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	oneStore     = "00112233445566778899aabbccddeeff"
	anotherStore = "ffeeddccbbaa99887766554433221100"
)

// inventoryIn is an inventory in a data folder, with its key beside that.
func inventoryIn(t *testing.T) (f *InventoryFile, key string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	key = filepath.Join(dir, "state", "standpipe", "inventory.key")
	return NewInventoryFile(filepath.Join(dir, "data"), key), key
}

func writeInventory(t *testing.T, f *InventoryFile, store, content string) []byte {
	t.Helper()
	if err := f.Write(store, []byte(content)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.path())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantInventory(t *testing.T, f *InventoryFile, store, content string) {
	t.Helper()
	gotStore, got, err := f.Read()
	if err != nil || gotStore != store || string(got) != content {
		t.Errorf("read %q of store %s: %v", got, gotStore, err)
	}
}

func TestInventoryFile(t *testing.T) {
	f, key := inventoryIn(t)
	if _, _, err := f.Read(); !errors.Is(err, ErrNoInventory) {
		t.Errorf("none: %v", err)
	}
	sealed := writeInventory(t, f, oneStore, "canary one")
	wantInventory(t, f, oneStore, "canary one")
	if again := writeInventory(t, f, oneStore, "canary two"); bytes.Contains(sealed, []byte("canary")) || bytes.Contains(again, []byte("canary")) {
		t.Error("the file tells what is in it")
	}
	wantInventory(t, f, oneStore, "canary two")
	for path, want := range map[string]os.FileMode{key: 0o600, f.path(): 0o600, filepath.Dir(key): os.ModeDir | 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(f.dir, filepath.Base(key))); err == nil {
		t.Error("the key lies in the data folder")
	}

	// A new store in the folder has a key of its own.
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	writeInventory(t, f, anotherStore, "canary three")
	wantInventory(t, f, anotherStore, "canary three")
	if after, _ := os.ReadFile(key); bytes.Equal(before, after) {
		t.Error("two stores share a key")
	}
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Read(); !errors.Is(err, ErrNoInventory) {
		t.Errorf("removed: %v", err)
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("the key of a removed inventory is left")
	}
	if err := f.Remove(); err != nil {
		t.Errorf("removed again: %v", err)
	}
}

// TestInventoryKilled: between the two files that a writing replaces, the new
// inventory is the one that counts.
func TestInventoryKilled(t *testing.T) {
	f, key := inventoryIn(t)
	writeInventory(t, f, oneStore, "first")
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	writeInventory(t, f, oneStore, "second")
	if err := os.WriteFile(key, before, 0o600); err != nil {
		t.Fatal(err)
	}
	wantInventory(t, f, oneStore, "second")
	writeInventory(t, f, oneStore, "third")
	wantInventory(t, f, oneStore, "third")
}

// TestInventoryTampered: who can write the data folder can destroy an
// inventory, and can make none.
func TestInventoryTampered(t *testing.T) {
	foreign, _ := inventoryIn(t)
	ofAnother := writeInventory(t, foreign, oneStore, "an app of the attacker")
	for name, attack := range map[string]struct {
		do   func(t *testing.T, f *InventoryFile, key string, older, latest []byte) []byte
		want error
	}{
		"another's":      {func(*testing.T, *InventoryFile, string, []byte, []byte) []byte { return ofAnother }, ErrTampered},
		"an older one":   {func(_ *testing.T, _ *InventoryFile, _ string, older, _ []byte) []byte { return older }, ErrTampered},
		"cut":            {func(_ *testing.T, _ *InventoryFile, _ string, _, latest []byte) []byte { return latest[:len(latest)-1] }, ErrTampered},
		"cut to nothing": {func(*testing.T, *InventoryFile, string, []byte, []byte) []byte { return []byte{1} }, ErrTampered},
		"emptied":        {func(*testing.T, *InventoryFile, string, []byte, []byte) []byte { return nil }, ErrNewerFormat},
		"in the clear":   {func(*testing.T, *InventoryFile, string, []byte, []byte) []byte { return []byte(`{"v":1,"apps":[]}`) }, ErrNewerFormat},
		"a newer format": {func(_ *testing.T, _ *InventoryFile, _ string, _, latest []byte) []byte {
			latest[0]++
			return latest
		}, ErrNewerFormat},
		"another number": {func(_ *testing.T, _ *InventoryFile, _ string, older, _ []byte) []byte {
			older[inventoryHead-1]++
			return older
		}, ErrTampered},
		"a flipped bit": {func(_ *testing.T, _ *InventoryFile, _ string, _, latest []byte) []byte {
			latest[len(latest)-20] ^= 1
			return latest
		}, ErrTampered},
		"another store": {func(_ *testing.T, _ *InventoryFile, _ string, _, latest []byte) []byte {
			latest[5] ^= 1
			return latest
		}, ErrTampered},
		"without key": {func(t *testing.T, _ *InventoryFile, key string, _, latest []byte) []byte {
			if err := os.Remove(key); err != nil {
				t.Fatal(err)
			}
			return latest
		}, ErrKeyMissing},
		"with a broken key": {func(t *testing.T, _ *InventoryFile, key string, _, latest []byte) []byte {
			if err := os.WriteFile(key, []byte(`{"v":1}`), 0o600); err != nil {
				t.Fatal(err)
			}
			return latest
		}, ErrWrongKey},
		"with an open key": {func(t *testing.T, _ *InventoryFile, key string, _, latest []byte) []byte {
			if err := os.Chmod(key, 0o644); err != nil {
				t.Fatal(err)
			}
			return latest
		}, ErrUnsafe},
	} {
		t.Run(name, func(t *testing.T) {
			f, key := inventoryIn(t)
			older := writeInventory(t, f, oneStore, "older")
			latest := writeInventory(t, f, oneStore, "latest")
			if err := os.WriteFile(f.path(), attack.do(t, f, key, older, latest), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, got, err := f.Read(); !errors.Is(err, attack.want) || got != nil {
				t.Errorf("got %q, %v", got, err)
			}
			if attack.want == ErrUnsafe {
				return // nothing is written either, before that is mended
			}
			writeInventory(t, f, oneStore, "anew")
			wantInventory(t, f, oneStore, "anew")
		})
	}
}

// TestInventoryKeyElsewhere: a key within the data folder would be copied with
// it.
func TestInventoryKeyElsewhere(t *testing.T) {
	f, _ := inventoryIn(t)
	for _, inside := range []string{filepath.Join(f.dir, "inventory.key"), filepath.Join(f.dir, "state", "inventory.key")} {
		err := NewInventoryFile(f.dir, inside).Write(oneStore, []byte("x"))
		if err == nil || !strings.Contains(err.Error(), "data folder") {
			t.Errorf("%s: %v", inside, err)
		}
	}
	if left, _ := os.ReadDir(f.dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

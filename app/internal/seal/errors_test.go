// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// newFileVault makes a vault in use, with a key file beside its folder.
func newFileVault(t *testing.T) (dir, key string) {
	t.Helper()
	root := t.TempDir()
	dir, key = filepath.Join(root, "data"), filepath.Join(root, "key")
	mustInit(t, dir, source(t, "file:"+key))
	return dir, key
}

func TestNotInitialised(t *testing.T) {
	useKeychain(t)
	root := t.TempDir()
	if err := os.Chmod(root, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(root, "absent"), root} {
		_, err := Open(dir, Source{})
		wantErr(t, err, ErrNotInitialised, "standpipe keys init", dir)
	}
	if e, _ := os.ReadDir(root); len(e) != 0 {
		t.Errorf("opening left %v behind", e)
	}
}

func TestInitTwice(t *testing.T) {
	dir, _ := newFileVault(t)
	before, _ := os.ReadFile(headerPath(dir))
	_, err := Init(dir, source(t, "file:"+filepath.Join(t.TempDir(), "other")))
	wantErr(t, err, ErrInitialised)
	if after, _ := os.ReadFile(headerPath(dir)); string(after) != string(before) {
		t.Error("the header was changed")
	}
}

func TestInitAtOnce(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "data")
	var won, lost sync.Map
	var wg sync.WaitGroup
	for i := range 8 {
		src := source(t, "file:"+filepath.Join(root, "key"+string(rune('0'+i))))
		wg.Go(func() {
			if v, err := Init(dir, src); err == nil {
				won.Store(src, v)
			} else if errors.Is(err, ErrInitialised) {
				lost.Store(src, err)
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	won.Range(func(_, v any) bool {
		n++
		o, err := Open(dir, Source{})
		if err != nil || o.StoreID() != v.(*Vault).StoreID() { //nolint:forcetypeassert // stored above
			t.Errorf("the winner's vault does not open: %v", err)
		}
		return true
	})
	if n != 1 {
		t.Errorf("%d made the keys, want one", n)
	}
	lost.Range(func(src, _ any) bool {
		if _, err := os.Stat(src.(Source).Path); err == nil { //nolint:forcetypeassert // stored above
			t.Errorf("a loser left %v behind", src)
		}
		return true
	})
}

func TestKeyMissing(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		dir, key := newFileVault(t)
		if err := os.Rename(key, key+".away"); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, Source{})
		wantErr(t, err, ErrKeyMissing, key, "--key")
		if _, err := os.Stat(key); err == nil {
			t.Error("a key was made for a store that has one")
		}
		if _, err := Open(dir, source(t, "file:"+key+".away")); err != nil {
			t.Errorf("the key at its new place: %v", err)
		}
	})
	t.Run("keychain", func(t *testing.T) {
		k := useKeychain(t)
		dir := filepath.Join(t.TempDir(), "data")
		v := mustInit(t, dir, Source{})
		delete(k.items, "standpipe/"+v.StoreID())
		_, err := Open(dir, Source{})
		wantErr(t, err, ErrKeyMissing, v.StoreID())
		if _, ok := k.items["standpipe/"+v.StoreID()]; ok {
			t.Error("a key was made for a store that has one")
		}
	})
	t.Run("passphrase not given", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		mustInit(t, dir, fdSource(t, "secret"))
		_, err := Open(dir, Source{})
		wantErr(t, err, ErrKeyMissing, "passphrase-fd:N")
	})
	t.Run("empty passphrase", func(t *testing.T) {
		_, err := Init(filepath.Join(t.TempDir(), "data"), fdSource(t, "\n"))
		if !errors.Is(err, ErrKeyMissing) {
			t.Errorf("%v", err)
		}
	})
	t.Run("credential", func(t *testing.T) {
		t.Setenv("CREDENTIALS_DIRECTORY", "")
		_, err := Init(filepath.Join(t.TempDir(), "data"), source(t, "credential:sp"))
		wantErr(t, err, ErrKeyMissing, "LoadCredentialEncrypted=sp")
		t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
		_, err = Init(filepath.Join(t.TempDir(), "data"), source(t, "credential:sp"))
		wantErr(t, err, ErrKeyMissing, "none of that name")
	})
	t.Run("header", func(t *testing.T) {
		dir, _ := newFileVault(t)
		if err := os.Remove(headerPath(dir)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, Source{})
		wantErr(t, err, ErrKeyMissing, "vault.json", "backup")
		_, err = Init(dir, source(t, "file:"+filepath.Join(t.TempDir(), "k")))
		wantErr(t, err, ErrKeyMissing)
	})
}

func TestStoreMissing(t *testing.T) {
	gone := func(t *testing.T, path string) {
		t.Helper()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("store removed", func(t *testing.T) {
		dir, _ := newFileVault(t)
		gone(t, StoreDir(dir))
		_, err := Open(dir, Source{})
		wantErr(t, err, ErrStoreMissing, "store missing", "backup")
	})
	t.Run("store emptied", func(t *testing.T) {
		dir, _ := newFileVault(t)
		gone(t, filepath.Join(StoreDir(dir), "MANIFEST"))
		_, err := Open(dir, Source{})
		wantErr(t, err, ErrStoreMissing)
	})
	t.Run("folder gone, key in the keychain", func(t *testing.T) {
		k := useKeychain(t)
		dir := filepath.Join(t.TempDir(), "data")
		v := mustInit(t, dir, Source{})
		gone(t, dir)
		for _, open := range []func(string, Source) (*Vault, error){Open, Init} {
			_, err := open(dir, Source{})
			wantErr(t, err, ErrStoreMissing, v.StoreID(), "keys forget")
		}
		key := k.items["standpipe/"+v.StoreID()]
		if err := ForgetFolder(dir); err != nil {
			t.Fatal(err)
		}
		if err := ForgetFolder(dir); err != nil {
			t.Errorf("forgetting twice: %v", err)
		}
		if _, err := Init(dir, Source{}); err != nil {
			t.Errorf("after forgetting: %v", err)
		}
		if k.items["standpipe/"+v.StoreID()] != key {
			t.Error("forgetting the folder lost the key of its store")
		}
	})
	t.Run("folder gone, key in a file", func(t *testing.T) {
		dir, key := newFileVault(t)
		gone(t, dir)
		src := source(t, "file:"+key)
		for _, open := range []func(string, Source) (*Vault, error){Open, Init} {
			_, err := open(dir, src)
			wantErr(t, err, ErrStoreMissing, key, "backup")
		}
	})
	t.Run("folder moved", func(t *testing.T) {
		useKeychain(t)
		root := t.TempDir()
		mustInit(t, filepath.Join(root, "a"), Source{})
		if err := os.Rename(filepath.Join(root, "a"), filepath.Join(root, "b")); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(filepath.Join(root, "b"), Source{}); err != nil {
			t.Fatalf("a moved folder does not open: %v", err)
		}
		gone(t, filepath.Join(root, "b"))
		_, err := Open(filepath.Join(root, "b"), Source{})
		wantErr(t, err, ErrStoreMissing)
	})
}

func TestWrongKey(t *testing.T) {
	dir, key := newFileVault(t)
	_, other := newFileVault(t)
	_, err := Open(dir, source(t, "file:"+other))
	wantErr(t, err, ErrWrongKey, other)
	_, err = Open(dir, fdSource(t, "a passphrase"))
	wantErr(t, err, ErrWrongKey, "file:"+key)

	for _, bad := range []string{"", "# only a comment\n", "not base64!\n", "c2hvcnQ=\n",
		"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\nMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"} {
		_, err := Open(dir, source(t, "file:"+write(t, filepath.Join(t.TempDir(), "k"), bad)))
		wantErr(t, err, ErrWrongKey)
	}
	_, err = Open(dir, source(t, "file:"+write(t, filepath.Join(t.TempDir(), "k"), strings.Repeat("x", 5000))))
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("an endless key file: %v", err)
	}

	pdir := filepath.Join(t.TempDir(), "data")
	mustInit(t, pdir, fdSource(t, "right"))
	_, err = Open(pdir, fdSource(t, "wrong"))
	wantErr(t, err, ErrWrongKey, "passphrase")
}

func TestKeychainUnavailable(t *testing.T) {
	k := useKeychain(t)
	k.err = errors.New("no such interface")
	dir := filepath.Join(t.TempDir(), "data")
	_, err := Init(dir, Source{})
	wantErr(t, err, ErrKeychainUnavailable, "standpipe keys init --key file:PATH", "passphrase-file:PATH", "credential:NAME")
	if hub.OutcomeOf(hub.AsError(err).Code).Exit != hub.ExitNotConfigured {
		t.Errorf("exit code %d", hub.OutcomeOf(hub.AsError(err).Code).Exit)
	}
	if e, _ := os.ReadDir(dir); len(e) != 0 {
		t.Errorf("a failed birth left %v behind", e)
	}
	_, err = Open(dir, Source{})
	wantErr(t, err, ErrNotInitialised)

	k.err = nil
	mustInit(t, dir, Source{})
	k.err = errors.New("locked")
	_, err = Open(dir, Source{})
	wantErr(t, err, ErrKeychainUnavailable)
}

// TestTamperedHeader alters each field of a header, and each byte of it.
func TestTamperedHeader(t *testing.T) {
	dir, _ := newFileVault(t)
	path := headerPath(dir)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(t *testing.T, data []byte) error {
		t.Helper()
		write(t, path, string(data))
		_, err := Open(dir, Source{})
		if err == nil {
			t.Errorf("accepted:\n%s", data)
		}
		return err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(good, &fields); err != nil {
		t.Fatal(err)
	}
	for field, changed := range map[string]any{
		"state": "new", "created_at": "2020-01-01T00:00:00Z", "data_keys": "AAAA", "name_keys": fields["data_keys"],
		"mac": "AAAA", "extra": "field", "store_id": "short", "format": 0, "kdf": map[string]any{"name": "argon2id"},
		"sequence": 7, "folder": "store.2", "anchor": "inside", "slot": map[string]any{"check": "AAAA", "key": "AAAA"}, "rotating": true,
	} {
		t.Run(field, func(t *testing.T) {
			h := map[string]any{}
			for k, v := range fields {
				h[k] = v
			}
			h[field] = changed
			b, _ := json.Marshal(h)
			cause := ErrTampered
			switch field { // what is looked at before there are keys to check the whole
			case "folder":
				cause = ErrStoreMissing
			case "slot":
				cause = ErrWrongKey
			}
			wantErr(t, refused(t, b), cause)
		})
	}
	t.Run("another store's id", func(t *testing.T) {
		b := strings.Replace(string(good), fields["store_id"].(string), strings.Repeat("0", 32), 1) //nolint:forcetypeassert // a string
		wantErr(t, refused(t, []byte(b)), ErrTampered)
	})
	t.Run("another source", func(t *testing.T) {
		// The same key at another place: only the MAC can tell.
		key, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "key"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(filepath.Dir(dir), "kez"), string(key))
		wantErr(t, refused(t, []byte(strings.Replace(string(good), "/key\"", "/kez\"", 1))), ErrTampered)
	})
	t.Run("cut", func(t *testing.T) {
		for n := 0; n < len(good)-2; n += 7 {
			wantErr(t, refused(t, good[:n]), ErrTampered)
		}
		wantErr(t, refused(t, append(append([]byte{}, good...), "{}"...)), ErrTampered)
	})
	t.Run("flipped", func(t *testing.T) {
		for i := range good {
			b := append([]byte{}, good...)
			b[i] ^= 0x01
			write(t, path, string(b))
			// Base64 has unused bits: what means the same may pass.
			if v, err := Open(dir, Source{}); err == nil && string(v.header.encode(true)) != string(good) {
				t.Errorf("byte %d (%q) may be flipped to %q", i, good[i], b[i])
			}
		}
	})
	write(t, path, string(good))
	if _, err := Open(dir, Source{}); err != nil {
		t.Errorf("the untouched header: %v", err)
	}
}

func TestHostileKDF(t *testing.T) {
	for _, k := range []kdf{
		{Name: "argon2id", MemoryKiB: 1 << 30, Time: 3, Threads: 4, Salt: make([]byte, 16)},
		{Name: "argon2id", MemoryKiB: 64 << 10, Time: 1 << 20, Threads: 4, Salt: make([]byte, 16)},
		{Name: "argon2id", MemoryKiB: 64 << 10, Time: 0, Threads: 4, Salt: make([]byte, 16)},
		{Name: "argon2id", MemoryKiB: 64 << 10, Time: 3, Threads: 0, Salt: make([]byte, 16)},
		{Name: "argon2id", MemoryKiB: 64 << 10, Time: 3, Threads: 4, Salt: nil},
		{Name: "plain", MemoryKiB: 64 << 10, Time: 3, Threads: 4, Salt: make([]byte, 16)},
	} {
		if k.valid() {
			t.Errorf("%+v is accepted", k)
		}
	}
	if !newKDF().valid() {
		t.Error("our own parameters are refused")
	}
}

func TestNewerFormat(t *testing.T) {
	dir, _ := newFileVault(t)
	write(t, headerPath(dir), `{"format": 3, "all": "else is unknown"}`)
	_, err := Open(dir, Source{})
	wantErr(t, err, ErrNewerFormat, "format 3", "newer")
}

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/keychain"
)

// memoryKeychain stands for the keychain of the system. The real one is tested
// in TestRealKeychain.
type memoryKeychain struct {
	mu    sync.Mutex
	items map[string]string
	err   error // answered instead
	calls int
}

func (k *memoryKeychain) Get(service, account string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	v, ok := k.items[service+"/"+account]
	switch {
	case k.err != nil:
		return "", k.err
	case !ok:
		return "", keychain.ErrNotFound
	}
	return v, nil
}

func (k *memoryKeychain) Set(service, account, value string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	if k.err == nil {
		k.items[service+"/"+account] = value
	}
	return k.err
}

func (k *memoryKeychain) Delete(service, account string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	if k.err != nil {
		return k.err
	}
	if _, ok := k.items[service+"/"+account]; !ok {
		return keychain.ErrNotFound
	}
	delete(k.items, service+"/"+account)
	return nil
}

func useKeychain(t *testing.T) *memoryKeychain {
	t.Helper()
	k, before := &memoryKeychain{items: map[string]string{}}, items
	items = k
	t.Cleanup(func() { items = before })
	return k
}

func source(t *testing.T, s string) Source {
	t.Helper()
	src, err := ParseSource(s)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fdSource gives a passphrase as an inherited pipe would.
func fdSource(t *testing.T, passphrase string) Source {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString(passphrase); err != nil {
		t.Fatal(err)
	}
	w.Close()
	fd := dup(t, r) // so that the finalizer of r cannot close a stranger's
	r.Close()
	return Source{Kind: PassphraseFD, fd: fd}
}

// mustInit makes a vault whose store is in use.
func mustInit(t *testing.T, dir string, s Source) *Vault {
	t.Helper()
	v, err := Init(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	inhabit(t, dir)
	if err := v.Settle(); err != nil {
		t.Fatal(err)
	}
	return v
}

func inhabit(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(StoreDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(StoreDir(dir), "MANIFEST"), "x")
}

func wantErr(t *testing.T, err, cause error, words ...string) {
	t.Helper()
	if !errors.Is(err, cause) {
		t.Fatalf("error %v, want %v", err, cause)
	}
	e, ok := errors.AsType[*hub.Error](err)
	if !ok {
		t.Fatalf("%T is not a *hub.Error", err)
	}
	if e.Remedy == "" {
		t.Errorf("no remedy: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("the error does not mention %q:\n%v", w, e)
		}
	}
}

func TestEverySource(t *testing.T) {
	for _, kind := range []string{"keychain", "file", "file-provided", "passphrase-file", "passphrase-fd", "credential", "credential-raw"} {
		t.Run(kind, func(t *testing.T) {
			useKeychain(t)
			root := t.TempDir()
			var first, again Source // again is what a second start names
			switch kind {
			case "keychain":
			case "file":
				first = source(t, "file:"+filepath.Join(root, "new", "key"))
			case "file-provided":
				first = source(t, "file:"+write(t, filepath.Join(root, "key"), "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"))
			case "passphrase-file":
				first = source(t, "passphrase-file:"+write(t, filepath.Join(root, "pass"), "correct horse\n"))
			case "passphrase-fd":
				first, again = fdSource(t, "correct horse"), fdSource(t, "correct horse\n")
			case "credential":
				t.Setenv("CREDENTIALS_DIRECTORY", root)
				write(t, filepath.Join(root, "sp"), "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
				first = source(t, "credential:sp")
			case "credential-raw":
				t.Setenv("CREDENTIALS_DIRECTORY", root)
				write(t, filepath.Join(root, "sp"), "\x00\n345678901234567890123456789\xff\r\n")
				first = source(t, "credential:sp")
			}
			dir := filepath.Join(root, "data")
			v := mustInit(t, dir, first)
			sealed, err := v.Seal([]byte("aad"), []byte("content"))
			if err != nil {
				t.Fatal(err)
			}
			name, err := v.Name("record", "x")
			if err != nil {
				t.Fatal(err)
			}

			w, err := Open(dir, again)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := w.Open([]byte("aad"), sealed); err != nil || string(got) != "content" {
				t.Errorf("opened %q, %v", got, err)
			}
			if n, err := w.Name("record", "x"); err != nil || n != name {
				t.Errorf("the name changed: %v", err)
			}
			if w.Info() != v.Info() || w.Info().Format != Format || len(w.StoreID()) != 32 {
				t.Errorf("info %+v, before %+v", w.Info(), v.Info())
			}
			if want := strings.TrimSuffix(strings.TrimSuffix(kind, "-provided"), "-raw"); !strings.HasPrefix(w.Info().Source, want) {
				t.Errorf("the store remembers %q", w.Info().Source)
			}
			if w.Fresh() {
				t.Error("a store in use is fresh")
			}
		})
	}
}

func TestSealBindsItsAssociatedData(t *testing.T) {
	v := mustInit(t, filepath.Join(t.TempDir(), "d"), source(t, "file:"+filepath.Join(t.TempDir(), "k")))
	sealed, err := v.Seal([]byte("here"), []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open([]byte("there"), sealed); err == nil {
		t.Error("a value opens elsewhere")
	}
	for i := range sealed {
		sealed[i] ^= 1
		if _, err := v.Open([]byte("here"), sealed); err == nil {
			t.Errorf("byte %d may be flipped", i)
		}
		sealed[i] ^= 1
	}
	again, err := v.Seal([]byte("here"), []byte("content"))
	if err != nil || string(again) == string(sealed) {
		t.Errorf("the same content is sealed to the same bytes (%v)", err)
	}
	a, _ := v.Name("a", "bc")
	b, _ := v.Name("ab", "c")
	if a == b {
		t.Error("names of two domains collide")
	}
}

func TestParseSource(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"":                     "",
		"keychain":             "keychain",
		"file:/a/b":            "file:/a/b",
		"file:rel/key":         "file:" + filepath.Join(wd, "rel/key"),
		"passphrase-file:/a:b": "passphrase-file:/a:b",
		"passphrase-fd:3":      "passphrase-fd",
		"credential:name":      "credential:name",
	} {
		s, err := ParseSource(in)
		if err != nil || s.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, s, err, want)
		}
	}
	for _, in := range []string{"file", "file:", "keychain:x", "passphrase-fd:", "passphrase-fd:-1", "passphrase-fd:x",
		"credential:", "credential:../x", "credential:a/b", "credential:..", "env:KEY", "plain", "/a/path"} {
		_, err := ParseSource(in)
		if e, ok := errors.AsType[*hub.Error](err); !ok || e.Code != hub.CodeInvalid || !strings.Contains(e.Remedy, "passphrase-fd:N") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// TestNoSecretInTheHeader looks for the key and the passphrase in all that is
// written to the data folder.
func TestNoSecretInTheHeader(t *testing.T) {
	k := useKeychain(t)
	dir := filepath.Join(t.TempDir(), "a")
	v := mustInit(t, dir, Source{})
	header, err := os.ReadFile(headerPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	key := k.items["standpipe/"+v.StoreID()]
	if key == "" || strings.Contains(string(header), key) {
		t.Errorf("the header holds the master key %q", key)
	}
	if len(k.items) != 3 {
		t.Errorf("%d keychain items, want the key, the anchor and the note of its folder", len(k.items))
	}

	dir = filepath.Join(t.TempDir(), "b")
	mustInit(t, dir, fdSource(t, "canary-passphrase"))
	if header, err = os.ReadFile(headerPath(dir)); err != nil || strings.Contains(string(header), "canary") {
		t.Errorf("the header holds the passphrase (%v)", err)
	}
}

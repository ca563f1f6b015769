// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func wantLocked(t *testing.T, v *Vault) {
	t.Helper()
	if !v.Locked() {
		t.Fatal("it does not say that it is locked")
	}
	_, sealErr := v.Seal(nil, []byte("x"))
	_, openErr := v.Open(nil, []byte("x"))
	_, nameErr := v.Name("record", "x")
	for what, err := range map[string]error{"seal": sealErr, "open": openErr, "name": nameErr} {
		if e, ok := errors.AsType[*hub.Error](err); !ok || e.Code != hub.CodeLocked || e.Remedy == "" {
			t.Errorf("%s while locked: %v", what, err)
		}
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	v := mustInit(t, dir, fdSource(t, "correct horse"))
	sealed, err := v.Seal([]byte("aad"), []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	name, err := v.Name("record", "x")
	if err != nil {
		t.Fatal(err)
	}
	wrap := v.keys.Load().wrap

	v.Lock()
	wantLocked(t, v)
	v.Lock()
	if wrap.pages != nil {
		t.Error("the wrapping key is still there")
	}
	if v.StoreID() == "" || v.Fresh() {
		t.Error("what needs no key is not told any more")
	}

	wantErr(t, v.Unlock(Passphrase(secret.New("wrong horse"))), ErrWrongKey)
	wantErr(t, v.Unlock(Source{}), ErrKeyMissing, "passphrase")
	wantErr(t, v.Unlock(source(t, "file:"+filepath.Join(t.TempDir(), "k"))), ErrWrongKey)
	wantLocked(t, v)
	if err := v.Unlock(Passphrase(secret.New("correct horse"))); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open([]byte("aad"), sealed); err != nil || string(got) != "content" || v.Locked() {
		t.Errorf("unlocked: %q, %v", got, err)
	}
	if n, err := v.Name("record", "x"); err != nil || n != name {
		t.Errorf("the name changed: %v", err)
	}
	if err := v.Unlock(Passphrase(secret.New("whatever"))); err != nil {
		t.Errorf("unlocking what is open: %v", err)
	}
	if err := v.Close(); err != nil || !v.Locked() {
		t.Errorf("closed: %v", err)
	}
}

func TestLockWithAKeyThatNeedsNobody(t *testing.T) {
	useKeychain(t)
	v := mustInit(t, filepath.Join(t.TempDir(), "data"), Source{})
	v.Lock()
	wantLocked(t, v)
	if err := v.Unlock(Source{}); err != nil || v.Locked() {
		t.Errorf("unlock from the keychain: %v", err)
	}
}

// TestTypedPassphrase: a store whose passphrase was typed remembers that one
// has to be given, and nothing else of it.
func TestTypedPassphrase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	v := mustInit(t, dir, Passphrase(secret.New("correct horse\n")))
	if got := v.Info().Source; got != "passphrase-fd" {
		t.Errorf("the store remembers %q", got)
	}
	if _, err := Open(dir, fdSource(t, "correct horse")); err != nil {
		t.Error(err)
	}
}

// TestLockWhileInUse: what runs when the lock falls ends well or with "locked",
// never with a broken seal.
func TestLockWhileInUse(t *testing.T) {
	v := mustInit(t, filepath.Join(t.TempDir(), "data"), source(t, "file:"+filepath.Join(t.TempDir(), "k")))
	sealed, err := v.Seal(nil, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				got, err := v.Open(nil, sealed)
				e, _ := errors.AsType[*hub.Error](err)
				if err == nil && string(got) != "content" || err != nil && (e == nil || e.Code != hub.CodeLocked) {
					t.Errorf("%q, %v", got, err)
					return
				}
			}
		})
	}
	for range 20 {
		v.Lock()
		if err := v.Unlock(Source{}); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestGuardedMemory(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	g, err := guard(key)
	if err != nil {
		t.Fatal(err)
	}
	if key[0] != 0 || key[31] != 0 {
		t.Error("the original was not wiped")
	}
	err = g.use(func(b []byte) error {
		if string(b) != "0123456789abcdef0123456789abcdef" {
			t.Errorf("it holds %q", b)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	checkPages(t, g)
	g.destroy()
	g.destroy()
	if err := g.use(func([]byte) error { return nil }); hub.AsError(err).Code != hub.CodeLocked {
		t.Errorf("use of a destroyed key: %v", err)
	}
}

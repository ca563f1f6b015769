// SPDX-License-Identifier: Apache-2.0

package keychain

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zalando/go-keyring"
)

func TestMain(m *testing.M) {
	keyring.MockInit()
	// The mock needs no bus, but the look for one does.
	_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	os.Exit(m.Run())
}

func TestItems(t *testing.T) {
	if _, err := Get(Service, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("before it is there: %v", err)
	}
	for _, value := range []string{"one", "two"} {
		if err := Set(Service, "a", value); err != nil {
			t.Fatal(err)
		}
		if v, err := Get(Service, "a"); v != value || err != nil {
			t.Errorf("got %q, %v; want %q", v, err, value)
		}
	}
	if err := Delete(Service, "a"); err != nil {
		t.Error(err)
	}
	if err := Delete(Service, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// TestPatience: a keychain that does not answer is not waited for for ever.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, end := time.Now(), make(chan struct{})
		defer close(end)
		_, err := within(func() (string, error) { <-end; return "", nil })
		if took := time.Since(began); err == nil || errors.Is(err, ErrNotFound) || took != Patience {
			t.Errorf("%v after %s", err, took)
		}
	})
}

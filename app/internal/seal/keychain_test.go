// SPDX-License-Identifier: Apache-2.0

//go:build linux

package seal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealKeychain runs TestInRealKeychain in a D-Bus session of its own, with
// an unlocked gnome-keyring whose files are in a temporary folder.
func TestRealKeychain(t *testing.T) {
	for _, tool := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; it is what a Linux keychain is tested against", tool)
		}
	}
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "-c",
		`echo -n pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null && "$@"`, "sh",
		os.Args[0], "-test.run=^TestInRealKeychain$", "-test.v")
	cmd.Env = append(os.Environ(), "STANDPIPE_TEST_KEYCHAIN=1", "HOME="+home, "XDG_DATA_HOME="+home,
		"XDG_RUNTIME_DIR="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestInRealKeychain") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestInRealKeychain(t *testing.T) {
	if os.Getenv("STANDPIPE_TEST_KEYCHAIN") == "" {
		t.Skip("run by TestRealKeychain, which starts a keychain")
	}
	dir := filepath.Join(t.TempDir(), "data")
	v := mustInit(t, dir, Source{})
	if v.Info().Source != "keychain" {
		t.Errorf("source %q", v.Info().Source)
	}
	w, err := Open(dir, Source{})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := v.Seal(nil, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Open(nil, sealed); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, err = Init(dir, Source{})
	wantErr(t, err, ErrStoreMissing, v.StoreID())
	if err := ForgetFolder(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(dir, Source{}); err != nil {
		t.Error(err)
	}
}

// TestNoSession: without a D-Bus session the system's keychain is refused, and
// none is started.
func TestNoSession(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	_, err := Init(filepath.Join(t.TempDir(), "data"), Source{})
	wantErr(t, err, ErrKeychainUnavailable, "D-Bus", "file:PATH")
}

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestInstall: what `make install` puts into a home folder runs from there, the
// service finds all that it names, and what `make uninstall` leaves is the data.
func TestInstall(t *testing.T) {
	t.Parallel()
	rig.NewHome(t) // for what is installed: it is built by now
	home := t.TempDir()
	install := func(what string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(rig.Root(), "tools", "install.sh"), what)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	install("install")
	bin := filepath.Join(home, ".local", "bin", "standpipe")
	cmd := exec.Command(bin, "plugin", "describe", filepath.Join(filepath.Dir(bin), "plugins", "standpipe-provider-github"))
	cmd.Env = []string{"HOME=" + home}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "GitHub") {
		t.Errorf("%v\n%s", err, out)
	}
	unit, err := os.ReadFile(filepath.Join(home, ".config", "systemd", "user", "standpipe.service"))
	if err != nil || !strings.Contains(string(unit), "\nExecStart="+bin+" serve\n") || strings.Contains(string(unit), "=%h/.local/bin/") || !strings.Contains(string(unit), "\nReadWritePaths=%h/.local/share/standpipe\n") {
		t.Errorf("the unit: %v\n%s", err, unit)
	}
	data := filepath.Join(home, ".local", "share", "standpipe")
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder, without which the service does not start: %v, %v", info, err)
	}
	kept := filepath.Join(data, "kept")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	install("install") // an update
	install("uninstall")
	err = filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path != kept {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if _, missing := os.Stat(kept); err != nil || missing != nil {
		t.Errorf("%v, %v", err, missing)
	}
}

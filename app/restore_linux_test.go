// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestRestoreFullDisk runs TestRestoreOnFullDisk in a mount namespace of its
// own, where it may mount a small disk.
func TestRestoreFullDisk(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRestoreOnFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), "STANDPIPE_TEST_CHILD="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || strings.Contains(string(out), "MOUNT REFUSED") {
		t.Skipf("this system allows no mount in a namespace of one's own: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRestoreOnFullDisk") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRestoreOnFullDisk: where the new store has no room beside the old one,
// the old one stays, and nothing is left of the new one.
func TestRestoreOnFullDisk(t *testing.T) {
	disk := os.Getenv("STANDPIPE_TEST_CHILD")
	if disk == "" {
		t.Skip("runs in a child process of another test")
	}
	if err := unix.Mount("disk", disk, "tmpfs", 0, "size=96m,mode=0700"); err != nil {
		t.Fatalf("MOUNT REFUSED: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	m := newMachine(t)
	m.data = filepath.Join(disk, "data")
	m.born("mine")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	b := backupOf(t, key.Recipient(), "", false, "rotating", "lasting")
	restore := func() error {
		_, err := Restore(t.Context(), Options{Data: m.data}, RestoreOptions{Replace: true, File: bytes.NewReader(b), Identities: []age.Identity{key}})
		return err
	}
	filler := filepath.Join(disk, "filler")
	var free unix.Statfs_t
	if err := unix.Statfs(disk, &free); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filler, make([]byte, int64(free.Bavail)*free.Bsize-(20<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := restore(); hub.AsError(err).Code != hub.CodeStorage {
		t.Errorf("on a full disk: %v", err)
	}
	if got := m.folders(); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if got := m.states(); !maps.Equal(got, map[string]string{"mine": "connected"}) {
		t.Errorf("the old store: %v", got)
	}
	if err := restore(); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

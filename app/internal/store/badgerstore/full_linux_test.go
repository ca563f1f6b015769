// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// TestFullDisk runs TestOnFullDisk in a mount namespace of its own, where it
// may mount a small disk.
func TestFullDisk(t *testing.T) {
	cmd := child(t, "TestOnFullDisk", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || strings.Contains(string(out), "MOUNT REFUSED") {
		t.Skipf("this system allows no mount in a namespace of one's own: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOnFullDisk") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOnFullDisk(t *testing.T) {
	disk := childDir(t)
	if err := unix.Mount("disk", disk, "tmpfs", 0, "size=64m,mode=0700"); err != nil {
		t.Fatalf("MOUNT REFUSED: %v", err)
	}
	// Cleanups run in reverse, so the store is closed first.
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	dir := filepath.Join(disk, "data")
	v, err := seal.Init(dir, seal.Source{Kind: seal.KeyFile, Path: filepath.Join(t.TempDir(), "key")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s)
	write := func(id string) error {
		return s.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: id}, 0, []byte("acknowledged"))
			return err
		})
	}
	if err := write("before"); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	fillDisk(t, filler)

	for range 100 {
		wantStorage(t, write("while full"), "is full", "Make room")
	}
	if _, err := s.Get(t.Context(), victim); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := write("after"); err != nil {
		t.Fatalf("with room again: %v", err)
	}

	// Closing and opening with a full disk: an error, not a crash, and nothing lost.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fillDisk(t, filler)
	_, err = Open(seal.StoreDir(dir), v, nil)
	wantStorage(t, err, "is full")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, v)
	for _, id := range []string{"before", "after"} {
		if _, err := s.Get(t.Context(), hub.Ref{Kind: hub.KindApp, ID: id}); err != nil {
			t.Errorf("acknowledged %s: %v", id, err)
		}
	}
	if _, err := s.Get(t.Context(), hub.Ref{Kind: hub.KindApp, ID: "while full"}); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("a refused write: %v", err)
	}
}

// fillDisk writes a file until there is no room for a single byte more.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

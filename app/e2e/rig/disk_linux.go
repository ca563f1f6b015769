// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// diskSize has room for the plugins that the hub copies, and what it wants to be
// free.
const diskSize = 256 << 20

// Disk is a small ext4 file system of a home's own.
type Disk struct {
	h           *Home
	image, path string
	filler      string
}

// OnDisk moves the data folder to a disk of its own, in the mount namespace of
// this process: the test must have called Apart. It skips the test where the
// system allows no such thing.
func (h *Home) OnDisk() *Disk {
	h.t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		h.t.Skipf("this system lets nothing be mounted: %v", err)
	}
	d := &Disk{h: h, image: filepath.Join(h.Dir, "disk.img"), path: filepath.Join(h.Dir, "disk")}
	d.filler = filepath.Join(d.path, "filler")
	if err := errors.Join(os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, diskSize), os.Mkdir(d.path, 0o755)); err != nil {
		h.t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", "-F", "-m", "0", d.image)
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.path).CombinedOutput(); err != nil {
		h.t.Skipf("this system mounts no file: %v %s", err, out)
	}
	h.t.Cleanup(func() { _ = unix.Unmount(d.path, unix.MNT_DETACH) })
	data := filepath.Join(d.path, "data")
	d.run("cp", "-a", h.Data, data)
	for i, e := range h.Env {
		if strings.HasPrefix(e, "STANDPIPE_DATA=") {
			h.Env[i] = "STANDPIPE_DATA=" + data
		}
	}
	h.Data = data
	return d
}

// Fill leaves no room for a single byte.
func (d *Disk) Fill() {
	d.h.t.Helper()
	f, err := os.Create(d.filler)
	if err != nil {
		d.h.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.h.t.Fatal(err)
		}
	}
}

// Free undoes Fill.
func (d *Disk) Free() {
	d.h.t.Helper()
	if err := os.Remove(d.filler); err != nil {
		d.h.t.Fatal(err)
	}
}

// Break makes the disk read-only at once, whatever is open there, as ext4 does
// after an error of the device.
func (d *Disk) Break() { d.h.t.Helper(); d.run("mount", "-o", "remount,abort", d.path) }

// Repair checks the disk and mounts it again. It waits until nothing is open
// there: a hub that was killed leaves plugins, which end by themselves.
func (d *Disk) Repair() {
	d.h.t.Helper()
	Eventually(d.h.t, "nobody uses the disk", func() bool { return unix.Unmount(d.path, 0) == nil })
	out, err := exec.Command("e2fsck", "-p", d.image).CombinedOutput()
	if e, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || e.ExitCode() != 1) { // 1: errors were corrected
		d.h.t.Fatalf("e2fsck: %v\n%s", err, out)
	}
	d.run("mount", "-o", "loop", d.image, d.path)
}

func (d *Disk) run(name string, args ...string) {
	d.h.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.h.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package badgerstore

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// reserve is how much room must be left to write. Badger writes its log and
// its tables through memory maps of sparse files, where a full disk is no
// error but the end of the process; this is what one flush and one compaction
// may need.
const reserve = 32 << 20

var errReadOnly = unix.EROFS

// restrictNewFiles makes files and folders of this process private, whatever
// mode they are created with.
func restrictNewFiles() { unix.Umask(0o077) }

// onDisk is how many bytes of the disk a file takes: Badger's logs are sparse.
func onDisk(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

// checkSpace reports why dir cannot be written now, or nil. It costs a few
// microseconds.
func checkSpace(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return hub.Errorf(hub.CodeStorage, "the store %s cannot be reached: %w", dir, err).
			WithRemedy("See that the folder is there and its disk is mounted.")
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return hub.Errorf(hub.CodeStorage, "the store %s cannot be written: %w", dir, err).
			WithRemedy("See that its disk is not mounted read-only, and: chmod 700 %s", dir)
	}
	if free := uint64(st.Bavail) * uint64(st.Bsize); free < reserve {
		return hub.Errorf(hub.CodeStorage, "the disk of %s is full: %d MiB are free, %d are needed to write safely", dir, free>>20, reserve>>20).
			WithRemedy("Make room; the store works again when there is.")
	}
	return nil
}

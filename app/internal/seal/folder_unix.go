// SPDX-License-Identifier: Apache-2.0

//go:build unix

package seal

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ownerOf names the owner of a file and reports whether that is this user.
func ownerOf(info fs.FileInfo) (string, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "somebody unknown", false
	}
	return fmt.Sprintf("uid %d", st.Uid), int(st.Uid) == os.Geteuid()
}

func openToOthers(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

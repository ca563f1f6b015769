// SPDX-License-Identifier: Apache-2.0

//go:build unix

package pluginhost

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// trustedOwner reports whether files of uid may say what runs: those of root,
// of this user, and of whoever owns this very program, for he decides anyway.
func trustedOwner(uid uint32) bool {
	return uid == 0 || uid == uint32(os.Geteuid()) || int64(uid) == programOwner()
}

var programOwner = sync.OnceValue(func() int64 {
	path, err := os.Executable()
	if err != nil {
		return -1
	}
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return int64(info.Sys().(*syscall.Stat_t).Uid)
})

// checkTrusted refuses what somebody else owns or may write.
func checkTrusted(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("the owner of %s cannot be told", path)
	}
	if !trustedOwner(st.Uid) {
		return fmt.Errorf("%s belongs to user %d; it must belong to you or to root", path, st.Uid)
	}
	mode := info.Mode().Perm()
	// A group of one's own (user-private groups, umask 002) is oneself.
	if mode&0o002 != 0 || mode&0o020 != 0 && int(st.Gid) != os.Getegid() {
		return fmt.Errorf("%s may be written by others (mode %04o); run: chmod go-w %s", path, mode, path)
	}
	return nil
}

// ownedByUs reports whether this user owns the file.
func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid == uint32(os.Geteuid())
}

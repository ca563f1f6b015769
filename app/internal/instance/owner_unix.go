// SPDX-License-Identifier: Apache-2.0

//go:build unix

package instance

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

func uidOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

func ownedByUs(info fs.FileInfo) bool { return uidOf(info) == os.Geteuid() }

func readableByOthers(info fs.FileInfo) bool { return info.Mode().Perm()&0o055 != 0 }

func writableByOthers(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// ownerName names the owner of a file for people.
func ownerName(info fs.FileInfo) string {
	uid := strconv.Itoa(uidOf(info))
	if u, err := user.LookupId(uid); err == nil {
		return fmt.Sprintf("%s (uid %s)", u.Username, uid)
	}
	return "uid " + uid
}

// SPDX-License-Identifier: Apache-2.0

//go:build unix

package client

import (
	"io/fs"
	"os"
	"syscall"
)

// private reports whether a file is this user's and nobody else's.
func private(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}

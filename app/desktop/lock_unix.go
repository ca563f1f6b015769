// SPDX-License-Identifier: Apache-2.0

//go:build unix

package desktop

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock of a file; nil when another process has it. It ends
// with the file, and with the process.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, f.Close()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

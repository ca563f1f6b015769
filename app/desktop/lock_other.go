// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package desktop

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// tryLock takes the place of a lock: here a file that is open cannot be removed.
func tryLock(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil // in use
	}
	return os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

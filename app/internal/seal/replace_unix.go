// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package seal

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// replaceFile puts a file of mode 0600 in the place of another, in one durable
// step.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := renameio.WriteFile(path, data, 0o600, renameio.WithTempDir(dir), renameio.IgnoreUmask()); err != nil {
		return err
	}
	return syncDir(dir)
}

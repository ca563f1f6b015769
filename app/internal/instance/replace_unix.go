// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package instance

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// replaceFile writes a file of mode 0600 in one step, by way of a file beside
// it and not of one in the shared temporary folder.
func replaceFile(path string, data []byte) error {
	return renameio.WriteFile(path, data, 0o600, renameio.WithTempDir(filepath.Dir(path)))
}

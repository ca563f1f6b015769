// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// Reset moves the vault of a data folder aside, so that a new one can be made:
// the way out where neither its key, nor a recovery key, nor a backup is left.
// It returns the folder that the old one is kept in, or nothing where there
// was none. The caller holds the data folder.
func Reset(dir string) (kept string, err error) {
	dir, err = absolute(dir)
	if err != nil {
		return "", err
	}
	if err := checkFolder(dir, "the data folder"); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "", err
	}
	there, err := Occupied(dir)
	if err != nil {
		return "", err
	}
	if there != nil {
		kept = filepath.Join(dir, "lost-"+time.Now().UTC().Format("20060102T150405Z")+"-"+strings.ToLower(rand.Text()[:6]))
		if err := moveAway(dir, kept); err != nil {
			return "", storage("move the store aside: %w", err)
		}
	}
	// A keychain that cannot be asked knows nothing either.
	if err := ForgetFolder(dir); err != nil && !errors.Is(err, ErrKeychainUnavailable) {
		return kept, err
	}
	return kept, nil
}

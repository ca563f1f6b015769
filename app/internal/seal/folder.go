// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// StoreDir is where the database of a data folder is.
func StoreDir(dir string) string { return filepath.Join(dir, "store") }

func headerPath(dir string) string { return filepath.Join(dir, "vault.json") }

func absolute(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", storage("find the data folder %s: %w", dir, err)
	}
	return abs, nil
}

// checkFolder reports why dir is not a private folder of this user, or nil. A
// missing one is fs.ErrNotExist.
func checkFolder(dir, what string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return storage("look at %s: %w", what, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return unsafePath("%s %s is a symbolic link; it is not followed, as it can be turned elsewhere", what, dir).
			WithRemedy("Name the real folder, with --data or STANDPIPE_DATA, or remove the link.")
	case !info.IsDir():
		return unsafePath("%s %s is not a folder", what, dir).WithRemedy("Move it away.")
	}
	return checkPrivate(dir, info, what, 0o700)
}

// checkPrivate reports why others could get at a file or folder, or nil. mode
// is what it should be.
func checkPrivate(path string, info fs.FileInfo, what string, mode fs.FileMode) error {
	if owner, ours := ownerOf(info); !ours {
		return unsafePath("%s %s (mode %04o) belongs to %s, not to the user who runs standpipe", what, path, info.Mode().Perm(), owner).
			WithRemedy("Run standpipe as its owner, or use another place.")
	}
	if open := openToOthers(info); open {
		return unsafePath("%s %s has mode %04o: other users can get at it; it must be %04o", what, path, info.Mode().Perm(), mode).
			WithRemedy("See that nobody changed it, then: chmod %o %s", mode, shell(path))
	}
	return nil
}

// checkStore checks the database folder and everything in it. There may be
// none yet. It reports whether there is anything in it.
func checkStore(dir string) (inUse bool, err error) {
	root := StoreDir(dir)
	if err := checkFolder(root, "the store"); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		inUse = true
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.IsDir() && !info.Mode().IsRegular() {
			return unsafePath("%s in the store is neither file nor folder (%s); standpipe did not put it there", path, info.Mode().Type()).
				WithRemedy("Remove it, or restore the data folder from a backup.")
		}
		if err := checkPrivate(path, info, "in the store,", 0o600); err != nil {
			if e, ok := errors.AsType[*hub.Error](err); ok && openToOthers(info) {
				return e.WithRemedy("See that nobody changed it, then: chmod -R go-rwx %s", shell(root))
			}
			return err
		}
		return nil
	})
	if err != nil {
		if _, ok := errors.AsType[*hub.Error](err); !ok {
			err = storage("look through the store: %w", err)
		}
		return false, err
	}
	return inUse, nil
}

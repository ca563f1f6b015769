// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// firstFolder is where the first database of a data folder is.
const firstFolder = "store"

// StoreDir is where the database of a data folder is, or is to be. It believes
// the header; of an open vault, its method of the same name knows.
func StoreDir(dir string) string {
	h, err := readHeader(dir)
	if err != nil {
		return filepath.Join(dir, firstFolder)
	}
	return filepath.Join(dir, h.Folder)
}

// nextFolder is the name of the folder that follows another.
func nextFolder(folder string) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(folder, firstFolder+"."))
	return firstFolder + "." + strconv.Itoa(max(n, 1)+1)
}

// NextStoreDir is where the store may be copied to, see MoveStore.
func (v *Vault) NextStoreDir() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return filepath.Join(v.dir, nextFolder(v.header.Folder))
}

// storeFolders lists the folders of stores in a data folder, of which the
// header names the one that counts.
func storeFolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, storage("look through the data folder: %w", err)
	}
	var out []string
	for _, e := range entries {
		if storeFolder.MatchString(e.Name()) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// RemoveLeftovers removes the folders of stores that were replaced, or were
// never finished, and the keychain's items of an earlier source, where the
// keychain lets it; else a later call does.
func (v *Vault) RemoveLeftovers() error {
	folders, err := storeFolders(v.dir)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if f == v.StoreDir() {
			continue
		}
		if err := os.RemoveAll(f); err != nil {
			return storage("remove the replaced store %s: %w", f, err)
		}
	}
	if err := v.emptyKeychain(); err != nil && !errors.Is(err, ErrKeychainUnavailable) {
		return err
	}
	return nil
}

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

// CheckModes reports why others could get at the vault of a data folder, or
// what does not belong there, or nil.
func CheckModes(dir string) error {
	dir, err := absolute(dir)
	if err != nil {
		return err
	}
	if err := checkFolder(dir, "the data folder"); err != nil {
		return err
	}
	if _, err := readHeader(dir); errors.Is(err, fs.ErrNotExist) {
		return notInitialised(dir)
	} else if err != nil {
		return err
	}
	_, err = checkStores(dir)
	return err
}

// checkStores is checkStore for every store of a data folder, whose header is
// missing. It returns one that is in use, or nothing.
func checkStores(dir string) (inUse string, err error) {
	folders, err := storeFolders(dir)
	if err != nil {
		return "", err
	}
	for _, f := range folders {
		used, err := checkStore(f)
		if err != nil {
			return "", err
		}
		if used {
			inUse = f
		}
	}
	return inUse, nil
}

// checkStore checks a database folder and everything in it. There may be none
// yet. It reports whether there is anything in it.
func checkStore(root string) (inUse bool, err error) {
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

// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// ensureFolder creates dir with mode 0700, or checks the one that is there. An
// empty folder of ours that others can merely read is closed to them; any other
// deviation is refused, because who could write there may have left something.
func ensureFolder(dir string) error {
	err := os.MkdirAll(filepath.Dir(dir), 0o700)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		in, why := filepath.Dir(dir), err
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			in, why = filepath.Dir(e.Path), e.Err
		}
		return hub.Errorf(hub.CodeStorage, "the folder %s cannot be made: %w", dir, why).
			WithRemedy("See that you may write in %s, or use another folder with --data or STANDPIPE_DATA.", in)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return hub.Errorf(hub.CodeStorage, "look at the folder %s: %w", dir, err)
	}
	if info.IsDir() && ownedByUs(info) && readableByOthers(info) && !writableByOthers(info) && isEmpty(dir) {
		if err := os.Chmod(dir, 0o700); err != nil {
			return hub.Errorf(hub.CodeStorage, "close the folder %s to others: %w", dir, err)
		}
	}
	return checkFolder(dir)
}

// checkFolder reports why dir is not a private folder of this user, with path
// and mode, or nil.
func checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return hub.Errorf(hub.CodeStorage, "look at the folder %s: %w", dir, err)
	}
	mode := info.Mode().Perm()
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return hub.Errorf(hub.CodeStorage, "%s is a symbolic link (mode %04o); standpipe does not follow links to its folders, as they can be turned elsewhere", dir, mode).
			WithRemedy("Name the real folder instead, with --data or STANDPIPE_DATA, or remove the link.")
	case !info.IsDir():
		return hub.Errorf(hub.CodeStorage, "%s (mode %04o) is not a folder", dir, mode).
			WithRemedy("Move it away.")
	case !ownedByUs(info):
		return hub.Errorf(hub.CodeStorage, "the folder %s (mode %04o) belongs to %s, not to the user who runs standpipe", dir, mode, ownerName(info)).
			WithRemedy("Remove it, or use another folder with --data or STANDPIPE_DATA.")
	case readableByOthers(info) || writableByOthers(info):
		return hub.Errorf(hub.CodeStorage, "the folder %s has mode %04o: other users can get into it; it must be 0700", dir, mode).
			WithRemedy("See that nobody left anything in it, then: chmod 700 %s", dir)
	}
	return nil
}

func isEmpty(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.ReadDir(1)
	return errors.Is(err, io.EOF)
}

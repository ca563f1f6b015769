// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// WriteFile makes a file of mode 0600 that holds what fill writes, durably and
// in one step: until then it has another name, and when anything fails nothing
// is left of it. An existing file is replaced only with overwrite.
func WriteFile(path string, overwrite bool, fill func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil && !overwrite {
		return exists(path)
	}
	part := path + "." + rand.Text()[:8] + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return unwritable(path, err)
	}
	defer os.Remove(part)
	err = fill(f)
	faults.Point("backup.written")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return unwritable(path, err)
	}
	if err := place(part, path, overwrite); errors.Is(err, fs.ErrExist) {
		return exists(path)
	} else if err != nil {
		return unwritable(path, err)
	}
	faults.Point("backup.placed")
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func exists(path string) error {
	return hub.Errorf(hub.CodeConflict, "%s is there already, and is not overwritten", path).
		WithRemedy("Name another file, or add --force.")
}

// unwritable passes on what fill said itself.
func unwritable(path string, err error) error {
	if e, ok := errors.AsType[*hub.Error](err); ok {
		return e
	}
	return hub.Errorf(hub.CodeStorage, "write %s: %w", path, err).
		WithRemedy("See that the folder can be written and has room. Nothing was left there.")
}

// place gives a file its name. A link fails where the name was taken meanwhile;
// file systems without links (USB sticks) are asked first.
func place(part, path string, overwrite bool) error {
	if overwrite {
		return os.Rename(part, path)
	}
	err := os.Link(part, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(part, path)
}

// syncFolder makes a name durable, where the system can.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil //nolint:nilerr // the file is there, and this folder may not be read
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, fs.ErrPermission) {
		return hub.Errorf(hub.CodeStorage, "bring %s to disk: %w", dir, err)
	}
	return nil
}

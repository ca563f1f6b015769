// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxPlugin bounds the size of a plugin's executable in bytes.
const maxPlugin = 512 << 20

// hashError says that a file is not what was pinned.
type hashError struct {
	path      string
	want, got digest
}

func (e *hashError) Error() string {
	return fmt.Sprintf("%s was changed since it was installed: its SHA-256 is %s, pinned is %s; install it again if you trust it", e.path, e.got, e.want)
}

// privateCopy returns the path of an executable in dir, a folder of mode 0700,
// that holds exactly the bytes whose hash is want, and that only this user can
// read. It is made from the file at source unless it exists already.
//
// What is hashed is what is written: source may be swapped at any time, before
// or after, and the copy has the pinned bytes or is not made.
func privateCopy(dir, source string, want digest) (string, error) {
	target := filepath.Join(dir, want.String()+exeSuffix)
	if got, err := hashOfCopy(target); err == nil && got == want {
		return target, nil
	}
	src, err := openRegular(source)
	if err != nil {
		return "", fmt.Errorf("plugin: %w", err)
	}
	defer src.Close()
	tmp, err := os.CreateTemp(dir, "new-") // mode 0600
	if err != nil {
		return "", fmt.Errorf("copy of the plugin: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already when all went well
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(tmp, h), io.LimitReader(src, maxPlugin+1))
	if err == nil && n > maxPlugin {
		err = fmt.Errorf("%s is larger than %d bytes", source, maxPlugin)
	}
	if err == nil {
		err = tmp.Chmod(0o500)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", fmt.Errorf("copy of the plugin: %w", err)
	}
	if got := digest(h.Sum(nil)); got != want {
		return "", &hashError{path: source, want: want, got: got}
	}
	if err := os.Rename(tmp.Name(), target); err != nil {
		return "", fmt.Errorf("copy of the plugin: %w", err)
	}
	return target, nil
}

// hashOfCopy hashes a copy that was made before, if it is a file that only
// this user could have written.
func hashOfCopy(path string) (digest, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return digest{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return digest{}, err
	}
	if !info.Mode().IsRegular() || !ownedByUs(info) || runtime.GOOS != "windows" && info.Mode().Perm() != 0o500 {
		return digest{}, errors.New("not a copy of ours")
	}
	return hashOf(io.LimitReader(f, maxPlugin+1))
}

func hashOf(r io.Reader) (digest, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return digest{}, err
	}
	return digest(h.Sum(nil)), nil
}

// privateDir makes sure that dir is a folder of this user's with mode 0700.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0 || !info.IsDir():
		return fmt.Errorf("%s is not a folder; remove it", dir)
	case !ownedByUs(info):
		return fmt.Errorf("%s belongs to another user; remove it, or set another folder", dir)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to others (mode %04o); run: chmod 700 %s", dir, info.Mode().Perm(), dir)
	}
	return nil
}

var exeSuffix = map[bool]string{true: ".exe"}[runtime.GOOS == "windows"]

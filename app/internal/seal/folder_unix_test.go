// SPDX-License-Identifier: Apache-2.0

//go:build unix

package seal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func dup(t *testing.T, f *os.File) int {
	t.Helper()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestLooseModes(t *testing.T) {
	for name, c := range map[string]struct {
		path func(dir, key string) string
		fix  string
	}{
		"folder":     {func(dir, _ string) string { return dir }, "chmod 700 "},
		"header":     {func(dir, _ string) string { return headerPath(dir) }, "chmod 600 "},
		"store":      {func(dir, _ string) string { return StoreDir(dir) }, "chmod 700 "},
		"store file": {func(dir, _ string) string { return filepath.Join(StoreDir(dir), "MANIFEST") }, "chmod -R go-rwx "},
		"key":        {func(_, key string) string { return key }, "chmod 600 "},
	} {
		t.Run(name, func(t *testing.T) {
			dir, key := newFileVault(t)
			path := c.path(dir, key)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, loose := range []os.FileMode{0o040, 0o004, 0o022, 0o001} {
				if err := os.Chmod(path, info.Mode().Perm()|loose); err != nil {
					t.Fatal(err)
				}
				_, err = Open(dir, Source{})
				wantErr(t, err, ErrUnsafe, path, c.fix)
			}
			if err := os.Chmod(path, info.Mode().Perm()); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, Source{}); err != nil {
				t.Errorf("mended: %v", err)
			}
		})
	}
}

func TestSymbolicLinks(t *testing.T) {
	for name, of := range map[string]func(dir string) string{
		"folder": func(dir string) string { return dir },
		"header": headerPath,
		"store":  StoreDir,
		"file":   func(dir string) string { return filepath.Join(StoreDir(dir), "MANIFEST") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := newFileVault(t)
			path := of(dir)
			if err := os.Rename(path, path+".real"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path+".real", path); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, Source{})
			wantErr(t, err, ErrUnsafe, path)
			if _, err := Init(dir, Source{}); err == nil {
				t.Error("Init accepts it")
			}
		})
	}
}

func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a file away needs root")
	}
	for name, of := range map[string]func(dir, key string) string{
		"folder": func(dir, _ string) string { return dir },
		"header": func(dir, _ string) string { return headerPath(dir) },
		"store":  func(dir, _ string) string { return StoreDir(dir) },
		"file":   func(dir, _ string) string { return filepath.Join(StoreDir(dir), "MANIFEST") },
		"key":    func(_, key string) string { return key },
	} {
		t.Run(name, func(t *testing.T) {
			dir, key := newFileVault(t)
			path := of(dir, key)
			if err := os.Chown(path, 65534, 65534); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, Source{})
			wantErr(t, err, ErrUnsafe, path, "uid 65534")
		})
	}
}

// TestPrivateUnderAnyUmask: neither a wide nor an absurd umask changes the
// modes of what is made.
func TestPrivateUnderAnyUmask(t *testing.T) {
	for _, mask := range []int{0, 0o277} {
		func() {
			before := syscall.Umask(mask)
			defer syscall.Umask(before)
			root := t.TempDir()
			if err := os.Chmod(root, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(root, "data"), 0o700); err != nil {
				t.Fatal(err)
			}
			key := filepath.Join(root, "key")
			v, err := Init(filepath.Join(root, "data"), Source{Kind: KeyFile, Path: key})
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{key, headerPath(v.dir)} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("umask %o: %s has mode %v (%v)", mask, path, info.Mode(), err)
				}
			}
			if err := v.Settle(); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(headerPath(v.dir)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("umask %o: the settled header has mode %v (%v)", mask, info.Mode(), err)
			}
		}()
	}
}

func TestSettleFailsWhole(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root writes where modes forbid it, but not into a file.
		t.Log("as root, the folder is replaced by a file instead of closed")
	}
	root := t.TempDir()
	dir := filepath.Join(root, "data")
	v, err := Init(dir, Source{Kind: KeyFile, Path: filepath.Join(root, "key")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "in the way")
	if err := v.Settle(); err == nil || !v.Fresh() {
		t.Errorf("settled into nothing: %v", err)
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
		t.Fatal(err)
	}
	if err := v.Settle(); err != nil || v.Fresh() {
		t.Errorf("mended: %v", err)
	}
	inhabit(t, dir)
	if w, err := Open(dir, Source{}); err != nil || w.Fresh() {
		t.Errorf("reopened: %v", err)
	}
}

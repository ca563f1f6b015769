// SPDX-License-Identifier: Apache-2.0

package install

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Bounds of an archive.
const (
	maxExecutable = 512 << 20 // bytes
	maxEntries    = 1000
)

// unpack returns the file called want of an archive. Nothing is written: paths
// that escape could not, and are refused all the same, as links and whatever
// else is no plain file are. An honest release has none.
func unpack(file string, archive []byte, want string) ([]byte, error) {
	var out []byte
	take := func(name string, mode fs.FileMode, r io.Reader) error {
		clean := path.Clean(name)
		switch {
		case path.IsAbs(name) || strings.Contains(name, `\`) || clean == ".." || strings.HasPrefix(clean, "../") ||
			strings.Contains("/"+name+"/", "/../"):
			return refused("the archive has a path that escapes: %.200q", name)
		case mode.IsDir():
			return nil
		case !mode.IsRegular():
			return refused("the archive has something that is no plain file: %.200q", name)
		case path.Base(clean) != want:
			return nil
		case out != nil:
			return refused("the archive has %s twice", want)
		}
		b, err := io.ReadAll(io.LimitReader(r, maxExecutable+1))
		if err == nil && len(b) > maxExecutable {
			err = refused("%s is larger than %d bytes", want, maxExecutable)
		}
		out = b
		return err
	}
	var err error
	if strings.HasSuffix(file, ".zip") {
		err = eachZip(archive, take)
	} else {
		err = eachTar(archive, take)
	}
	if err == nil && out == nil {
		err = refused("the archive has no %s", want)
	}
	return out, err
}

func eachTar(archive []byte, take func(string, fs.FileMode, io.Reader) error) error {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return invalid("the archive is no gzip: %w", err)
	}
	r := tar.NewReader(io.LimitReader(z, 2*maxExecutable)) // a bomb ends early
	for range maxEntries {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return invalid("the archive cannot be read: %w", err)
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag == tar.TypeLink { // looks like a regular file to FileInfo
			mode |= fs.ModeSymlink
		}
		if err := take(h.Name, mode, r); err != nil {
			return err
		}
	}
	return refused("the archive has more than %d entries", maxEntries)
}

func eachZip(archive []byte, take func(string, fs.FileMode, io.Reader) error) error {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return invalid("the archive cannot be read: %w", err)
	}
	if len(z.File) > maxEntries {
		return refused("the archive has more than %d entries", maxEntries)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return invalid("the archive cannot be read: %w", err)
		}
		err = take(f.Name, f.Mode(), r)
		_ = r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

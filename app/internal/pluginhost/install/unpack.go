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
	maxExecutable = 512 << 20         // bytes
	maxUnpacked   = 2 * maxExecutable // bytes, of all that is in it
	maxEntries    = 1000
)

// unpack returns the file called want of an archive. Nothing is written: paths
// that escape could not, and are refused all the same, as links and whatever
// else is no plain file are. An honest release has none.
func unpack(file string, archive []byte, want string) ([]byte, error) {
	var out []byte
	take := func(name string, mode fs.FileMode, size uint64, r io.Reader) error {
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
		case size > maxExecutable: // no reader gives more than what is said
			return refused("%s is larger than %d bytes", want, maxExecutable)
		}
		var err error
		out, err = io.ReadAll(r)
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

func eachTar(archive []byte, take func(string, fs.FileMode, uint64, io.Reader) error) error {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return invalid("the archive is no gzip: %w", err)
	}
	bounded := &io.LimitedReader{R: z, N: maxUnpacked}
	r := tar.NewReader(bounded)
	for range maxEntries {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if bounded.N == 0 {
			return refused("the archive is a bomb: unpacked it is larger than %d bytes", maxUnpacked)
		}
		if err != nil {
			return invalid("the archive cannot be read: %w", err)
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag == tar.TypeLink { // looks like a regular file to FileInfo
			mode |= fs.ModeSymlink
		}
		if err := take(h.Name, mode, uint64(max(h.Size, 0)), r); err != nil {
			return err
		}
	}
	return refused("the archive has more than %d entries", maxEntries)
}

func eachZip(archive []byte, take func(string, fs.FileMode, uint64, io.Reader) error) error {
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
		err = take(f.Name, f.Mode(), f.UncompressedSize64, r)
		_ = r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

// Package lock is the lock file of installed plugins, plugins.lock in the data
// folder: what was consented to, to the byte. It says which executables may
// run here, where they came from, whose signature they carry, and which hosts
// they may reach; and it holds the hashes for every platform of a release, so
// that the same file pins the same release on another machine.
package lock

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"

	"github.com/google/renameio/v2/maybe"
)

// Name of the file, in the data folder.
const Name = "plugins.lock"

// Format is the version of the file that this package writes and reads.
const Format = 1

// maxFile bounds the file in bytes.
const maxFile = 1 << 20

// File is what the lock file holds.
type File struct {
	Format  int               `json:"format"`
	Plugins map[string]Plugin `json:"plugins"` // by name
}

// Plugin is an installed plugin.
type Plugin struct {
	Version string `json:"version,omitempty"`
	Source  string `json:"source"`        // path or URL, as it was given
	Key     string `json:"key,omitempty"` // minisign public key that every later release must carry
	// Platforms are the artefacts of the release, by "linux_amd64".
	Platforms map[string]Artefact `json:"platforms"`
	// Hosts and Capabilities are what was shown and consented to.
	Hosts        []string `json:"hosts"`
	Capabilities []string `json:"capabilities"`
	// Development is the folder of a plugin that is being written; its hash is
	// pinned anew at each rebuild.
	Development string `json:"development,omitempty"`
}

// Artefact is what a release has for one platform. Hashes are SHA-256 in hex.
type Artefact struct {
	Archive     string `json:"archive,omitempty"`      // its file name
	ArchiveHash string `json:"archive_hash,omitempty"` // as the release's sums say
	// Executable is the hash of the program itself; known where it was unpacked.
	Executable string `json:"executable,omitempty"`
}

// Platform is that of this program.
func Platform() string { return runtime.GOOS + "_" + runtime.GOARCH }

// Executable is the hash of the program for this platform; empty: none.
func (p Plugin) Executable() string { return p.Platforms[Platform()].Executable }

// Read reads the lock file at path. One that does not exist is an empty one.
func Read(path string) (*File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{Format: Format, Plugins: map[string]Plugin{}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	out, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

var (
	namePattern     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)
	platformPattern = regexp.MustCompile(`^[a-z0-9]+_[a-z0-9]+$`)
)

// Parse reads a lock file. What it cannot understand makes the whole file
// invalid: what it meant to allow cannot be told.
func Parse(b []byte) (*File, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("the lock file is larger than %d bytes", maxFile)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var f File
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("the lock file cannot be read: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the lock file holds more than one value")
	}
	if f.Format != Format {
		return nil, fmt.Errorf("the lock file has format %d; this program knows %d", f.Format, Format)
	}
	for name, p := range f.Plugins {
		if !namePattern.MatchString(name) {
			return nil, fmt.Errorf("the lock file names a plugin %.80q", name)
		}
		for platform, a := range p.Platforms {
			if !platformPattern.MatchString(platform) {
				return nil, fmt.Errorf("the lock file names a platform %.80q of %s", platform, name)
			}
			for _, h := range []string{a.ArchiveHash, a.Executable} {
				if raw, err := hex.DecodeString(h); err != nil || len(raw) != 32 && len(raw) != 0 {
					return nil, fmt.Errorf("the lock file has a hash of %s that is none: %.80q", name, h)
				}
			}
		}
	}
	if f.Plugins == nil {
		f.Plugins = map[string]Plugin{}
	}
	return &f, nil
}

// Write replaces the file at path, whole or not at all, for its owner only.
func (f *File) Write(path string) error {
	f.Format = Format
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return maybe.WriteFile(path, b.Bytes(), 0o600)
}

// Names lists the plugins, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.Plugins)) }

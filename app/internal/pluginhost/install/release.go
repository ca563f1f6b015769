// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"aead.dev/minisign"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

// release is an archive with what stands beside it.
type release struct {
	file      string // of the archive
	name      string
	version   string
	platform  string
	archive   []byte
	hash      string            // of the archive
	sums      map[string]string // file name to hash; nil: there is no list
	key       string            // whose signature the list carries; empty: none
	keyIsFrom string            // where the key was found, for people
}

// archiveName is "acme_1.2.0_linux_amd64.tar.gz".
var archiveName = regexp.MustCompile(`^([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)_([0-9A-Za-z.+-]{1,64})_([a-z0-9]+_[a-z0-9]+)\.(?:tar\.gz|zip)$`)

// Sizes in bytes.
const (
	maxArchive = 256 << 20
	maxBeside  = 1 << 20
)

// readRelease reads an archive from a folder and holds it against its sums and
// signature. pinned is the key that it must be signed with; empty: any, or none.
// remote says that the archive came over a network, where sums are required.
func readRelease(from source, file, pinned string) (*release, error) {
	m := archiveName.FindStringSubmatch(file)
	if m == nil {
		return nil, invalid("%q is not named like an archive of a release (NAME_VERSION_OS_ARCH.tar.gz)", file)
	}
	r := &release{file: file, name: m[1], version: m[2], platform: m[3]}
	var err error
	if r.archive, err = from.read(file, maxArchive); err != nil {
		return nil, err
	}
	r.hash = hashOf(r.archive)
	list := r.name + "_" + r.version + "_SHA256SUMS"
	sums, err := from.read(list, maxBeside)
	if errors.Is(err, fs.ErrNotExist) {
		switch {
		case from.remote():
			return nil, refused("there is no %s beside the archive: what comes over a network is held against its sums", list)
		case pinned != "":
			return nil, refused("the release is not signed, and earlier ones were, with the key %s", pinned)
		}
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if err := r.verify(from, list, sums, pinned); err != nil {
		return nil, err
	}
	if r.sums, err = parseSums(sums); err != nil {
		return nil, invalid("%s: %w", list, err)
	}
	switch want := r.sums[file]; {
	case want == "":
		return nil, refused("%s has no line for %s", list, file)
	case want != r.hash:
		return nil, refused("%s is not what its release says: its SHA-256 is %s, %s has %s", file, r.hash, list, want)
	}
	return r, nil
}

// verify checks the signature of the sums, where there is one.
func (r *release) verify(from source, list string, sums []byte, pinned string) error {
	signature, err := from.read(list+".minisig", maxBeside)
	if errors.Is(err, fs.ErrNotExist) {
		if pinned != "" {
			return refused("the release is not signed, and earlier ones were, with the key %s", pinned)
		}
		return nil
	}
	if err != nil {
		return err
	}
	text := pinned
	r.keyIsFrom = "pinned"
	if text == "" {
		beside, err := from.read("minisign.pub", maxBeside)
		if errors.Is(err, fs.ErrNotExist) {
			return refused("the release is signed, but its key is not known").
				WithRemedy("Give the publisher's public key with --publisher-key.")
		}
		if err != nil {
			return err
		}
		text, r.keyIsFrom = lastLine(beside), "the release itself, seen for the first time"
	}
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(text)); err != nil {
		return invalid("%q is not a minisign public key", text)
	}
	if !minisign.Verify(key, sums, signature) {
		return refused("the signature of %s is not of the key %s", list, text)
	}
	r.key = text
	return nil
}

// lastLine is the key in a minisign.pub, whose first line is a comment.
func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// parseSums reads the output of sha256sum.
func parseSums(b []byte) (map[string]string, error) {
	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		sum, name, _ := strings.Cut(line, " ")
		name = strings.TrimPrefix(strings.TrimLeft(name, " "), "*")
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 || name == "" || out[name] != "" {
			return nil, fmt.Errorf("line %d is not \"<sha256>  <file name>\", or names a file again", n)
		}
		out[name] = strings.ToLower(sum)
	}
	return out, lines.Err()
}

// platforms are the artefacts of the release for the lock file.
func (r *release) platforms(executable string) map[string]lock.Artefact {
	out := map[string]lock.Artefact{}
	for file, sum := range r.sums {
		if m := archiveName.FindStringSubmatch(file); m != nil && m[1] == r.name && m[2] == r.version {
			out[m[3]] = lock.Artefact{Archive: file, ArchiveHash: sum}
		}
	}
	out[r.platform] = lock.Artefact{Archive: r.file, ArchiveHash: r.hash, Executable: executable}
	return out
}

func refused(format string, args ...any) *hub.Error {
	return hub.Errorf(hub.CodeForbidden, format, args...)
}

func invalid(format string, args ...any) *hub.Error {
	return hub.Errorf(hub.CodeInvalid, format, args...)
}

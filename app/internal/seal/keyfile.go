// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// keySize is the size of a master key, in bytes.
const keySize = 32

// maxSecretFile bounds what is read of a key or passphrase file.
const maxSecretFile = 4096

// ownerComment marks a key file as the one of a store, so that a store that
// vanished beside its key is not replaced by an empty one.
const ownerComment = "# standpipe key of store "

// createKeyFile makes a key file, or takes one that somebody provided.
func createKeyFile(path, dir, storeID string) ([]byte, func(), error) {
	noUndo := func() {}
	content, err := readSecretFile(path, "key file")
	if err == nil {
		defer clear(content)
		if owner := keyFileOwner(content); owner != "" {
			return nil, noUndo, keyFileTaken(path, owner)
		}
		key, err := parseKey(content, path)
		return key, noUndo, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, noUndo, err
	}

	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, as documented
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "%s%s in %s\n# Without it the store cannot be read. Keep a copy apart from the store's.\n", ownerComment, storeID, dir)
	buf.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	defer clear(buf.Bytes())
	if err := writeNew(path, buf.Bytes()); err != nil {
		return nil, noUndo, storage("make the key file %s: %w", path, err).
			WithRemedy("Name a place that can be written: standpipe keys init --key file:PATH")
	}
	return key, func() { _ = os.Remove(path) }, nil
}

// keyFileOwner is the store that a key file names, or empty.
func keyFileOwner(content []byte) string {
	_, after, ok := bytes.Cut(content, []byte(ownerComment))
	if !ok {
		return ""
	}
	line, _, _ := bytes.Cut(after, []byte("\n"))
	return string(line)
}

func keyFileTaken(path, owner string) error {
	return fail(hub.CodeNotConfigured, ErrStoreMissing, "store missing: %s is the key of store %s, which is not here", path, owner).
		WithRemedy("Put that store back, from a backup. To begin anew, name another key file; or, if that store is gone for good: rm %s", shell(path))
}

func readKeyFile(path string) ([]byte, error) {
	content, err := readSecretFile(path, "key file")
	if err != nil {
		return nil, err
	}
	defer clear(content)
	return parseKey(content, path)
}

// parseKey finds the key in a file's content: the one line that is neither
// empty nor a comment.
func parseKey(content []byte, path string) ([]byte, error) {
	bad := func() error {
		return fail(hub.CodeNotConfigured, ErrWrongKey, "%s does not hold a key: 32 bytes in base64, on one line, are expected", path).
			WithRemedy("Put the right file there. (A new one can be made with: head -c32 /dev/urandom | base64)")
	}
	var found []byte
	for line := range bytes.Lines(content) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if found != nil {
			return nil, bad()
		}
		found = line
	}
	key := make([]byte, base64.StdEncoding.DecodedLen(len(found)))
	n, err := base64.StdEncoding.Decode(key, found)
	if err != nil || n != keySize {
		clear(key)
		return nil, bad()
	}
	return key[:keySize], nil
}

// readSecretFile reads a file that must be private to the user. The checks are
// made on the open file, so that it cannot be swapped in between.
func readSecretFile(path, what string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "the %s %s is missing: %w", what, path, fs.ErrNotExist).
			WithRemedy("Put it back (from a backup, or mount the medium it is on), or name its new place with --key.")
	}
	if err != nil {
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "open the %s: %w", what, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, storage("look at the %s: %w", what, err)
	}
	if !info.Mode().IsRegular() {
		return nil, unsafePath("the %s %s is not a regular file", what, path)
	}
	if err := checkPrivate(path, info, "the "+what, 0o600); err != nil {
		return nil, err
	}
	return readBounded(f, what+" "+path)
}

// readBounded reads a short secret to its end.
func readBounded(r io.Reader, what string) ([]byte, error) {
	buf := make([]byte, maxSecretFile+1) // one piece, so that one clear wipes it
	n, err := io.ReadFull(r, buf)
	switch {
	case err == nil:
		clear(buf)
		return nil, hub.Errorf(hub.CodeNotConfigured, "the %s is longer than %d bytes", what, maxSecretFile)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		clear(buf)
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "read the %s: %w", what, err)
	}
	return buf[:n], nil
}

// writeNew writes a file that must not exist yet, durably, with mode 0600.
func writeNew(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o600) // whatever the umask took away
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

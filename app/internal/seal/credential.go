// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// readCredential reads a key that systemd handed to this service, see
// systemd.exec(5), LoadCredentialEncrypted=. Systemd owns the folder and sees
// to its modes.
func readCredential(name string) ([]byte, error) {
	missing := func(why string, args ...any) *hub.Error {
		return fail(hub.CodeNotConfigured, ErrKeyMissing, "the key comes from the systemd credential "+name+", but "+why, args...).
			WithRemedy("Add LoadCredentialEncrypted=%s to the unit, and start standpipe through it.", name)
	}
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, missing("this process was given no credentials ($CREDENTIALS_DIRECTORY is not set)")
	}
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing("there is none of that name in %s", dir)
	}
	if err != nil {
		return nil, missing("it cannot be read: %w", err)
	}
	defer f.Close()
	content, err := readBounded(f, "credential "+name)
	if err != nil {
		return nil, err
	}
	if len(content) == keySize {
		return content, nil
	}
	defer clear(content)
	return parseKey(content, path)
}

// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Begin makes an empty log in a folder, which must have none.
func Begin(dir string) error {
	f, _, err := openFile(filepath.Join(dir, hub.AuditFile))
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return f.Close()
}

// Foreign reports whether the log in a folder belongs to another store: it has
// sealed lines, and the key of this store opens none of them.
func Foreign(ctx context.Context, dir string, store hub.Store) (bool, error) {
	key, err := privateKey(ctx, store)
	if errors.Is(err, hub.ErrNotFound) {
		key, err = kem().GenerateKey() // opens as little as the one that Open will make
	}
	if err != nil {
		return false, fmt.Errorf("audit: the key: %w", err)
	}
	names, err := list(dir)
	if err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	sealed := false
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return false, fmt.Errorf("audit: %w", err)
		}
		u := unsealer{private: key}
		for _, raw := range rawLines(bytes.NewReader(b)) {
			o, err := u.open(raw)
			if o.Version != version {
				continue // in the clear: it is no key's
			}
			if err == nil {
				return false, nil
			}
			sealed = true
		}
	}
	return sealed, nil
}

// SPDX-License-Identifier: Apache-2.0

//go:build unix

package audit

import (
	"errors"
	"os"
)

// syncDir makes renames durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"fmt"
	"io"

	"filippo.io/age"
)

// Rewrap passes a backup on to other recipients: it decrypts src as it arrives,
// checks it to its end, and encrypts it to dst. When it fails, dst holds a
// piece that no Reader accepts.
func Rewrap(dst io.Writer, src io.Reader, identity age.Identity, recipients ...age.Recipient) (Manifest, error) {
	out := &writer{Writer: dst}
	m, err := rewrap(out, src, identity, recipients)
	if out.err != nil {
		return Manifest{}, out.err // and not what it led to
	}
	return m, err
}

func rewrap(dst io.Writer, src io.Reader, identity age.Identity, recipients []age.Recipient) (Manifest, error) {
	plain, err := age.Decrypt(src, identity)
	if err != nil {
		return Manifest{}, damaged(err.Error())
	}
	sealed, err := age.Encrypt(dst, recipients...)
	if err != nil {
		return Manifest{}, fmt.Errorf("encrypt the backup: %w", err)
	}
	b, err := read(io.TeeReader(plain, sealed))
	if err != nil {
		return Manifest{}, err
	}
	for _, err := range b.Records() {
		if err != nil {
			return Manifest{}, err
		}
	}
	return b.Manifest(), sealed.Close()
}

// writer remembers the error of a write.
type writer struct {
	io.Writer
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

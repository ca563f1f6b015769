// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/rand"
	"os"

	"golang.org/x/crypto/argon2"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// kdf is how a passphrase becomes a master key. It is stored in the header, so
// that the cost can be raised for new stores.
type kdf struct {
	Name      string `json:"name"` // argon2id
	MemoryKiB uint32 `json:"memory_kib"`
	Time      uint32 `json:"time"` // passes
	Threads   uint8  `json:"threads"`
	Salt      []byte `json:"salt"`
}

// newKDF has the second recommended parameters of RFC 9106, section 4.
func newKDF() *kdf {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails, as documented
	return &kdf{Name: "argon2id", MemoryKiB: 64 << 10, Time: 3, Threads: 4, Salt: salt}
}

// valid bounds the parameters, which are read before anything can be
// authenticated: a header must not be able to take the machine down.
func (k *kdf) valid() bool {
	return k.Name == "argon2id" && k.MemoryKiB >= 8*uint32(k.Threads) && k.MemoryKiB <= 4<<20 &&
		k.Time >= 1 && k.Time <= 64 && k.Threads >= 1 && len(k.Salt) >= 16 && len(k.Salt) <= 64
}

func (k *kdf) derive(passphrase []byte) []byte {
	return argon2.IDKey(passphrase, k.Salt, k.Time, k.MemoryKiB, k.Threads, keySize)
}

func readPassphraseFile(path string) ([]byte, error) {
	content, err := readSecretFile(path, "passphrase file")
	if err != nil {
		return nil, err
	}
	return trimPassphrase(content, "the passphrase file "+path)
}

// readPassphraseFD reads the descriptor to its end and closes it.
func readPassphraseFD(s Source) ([]byte, error) {
	f := os.NewFile(uintptr(s.fd), "passphrase")
	if f == nil {
		return nil, invalidSource(s.String(), "there is no such descriptor")
	}
	defer f.Close()
	content, err := readBounded(f, "passphrase from the descriptor")
	if err != nil {
		return nil, err
	}
	return trimPassphrase(content, "what the descriptor holds")
}

// trimPassphrase takes off the line end that editors and echo leave.
func trimPassphrase(content []byte, what string) ([]byte, error) {
	p := bytes.TrimRight(content, "\r\n")
	if len(p) == 0 {
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "%s is empty; a passphrase is expected", what)
	}
	return p, nil
}

// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"io"
	"strings"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// ToPassphrase makes a backup that a passphrase opens, at the cost of one
// second and 256 MiB.
func ToPassphrase(p secret.Value) (age.Recipient, error) {
	r, err := age.NewScryptRecipient(p.Reveal())
	if err != nil {
		return nil, badPassphrase()
	}
	return r, nil
}

// ByPassphrase opens a backup that ToPassphrase made.
func ByPassphrase(p secret.Value) (age.Identity, error) {
	i, err := age.NewScryptIdentity(p.Reveal())
	if err != nil {
		return nil, badPassphrase()
	}
	return i, nil
}

func badPassphrase() error {
	return hub.Errorf(hub.CodeInvalid, "the passphrase is empty")
}

// Recipients reads public keys as age-keygen prints them: age1….
func Recipients(keys []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, k := range keys {
		if strings.HasPrefix(strings.ToUpper(k), "AGE-SECRET-KEY-") {
			return nil, hub.Errorf(hub.CodeInvalid, "a recipient is a public key, and a secret one was given; others may have seen it").
				WithRemedy("Make a new one with age-keygen, and give the line that begins with age1.")
		}
		list, err := age.ParseRecipients(strings.NewReader(k))
		if err != nil || len(list) != 1 {
			return nil, hub.Errorf(hub.CodeInvalid, "%q is no age recipient", k).
				WithRemedy("A recipient begins with age1; age-keygen makes one.")
		}
		out = append(out, list[0])
	}
	return out, nil
}

// Identities reads an identity file as age-keygen writes it.
func Identities(r io.Reader) ([]age.Identity, error) {
	list, err := age.ParseIdentities(r)
	if err != nil { // its words may hold a piece of the file
		return nil, hub.Errorf(hub.CodeInvalid, "the identity file holds no age identity").
			WithRemedy("It is the file that age-keygen wrote, with a line that begins with AGE-SECRET-KEY-.")
	}
	return list, nil
}

// HeadSize is how much of a file Encrypted and WantsPassphrase want to see, in
// bytes.
const HeadSize = 512

// Encrypted tells from the beginning of a file whether it is an age file.
func Encrypted(head []byte) bool { return bytes.HasPrefix(head, []byte("age-encryption.org/")) }

// WantsPassphrase tells from the beginning of an age file whether a passphrase
// opens it; otherwise an identity does.
func WantsPassphrase(head []byte) bool {
	_, stanza, ok := bytes.Cut(head, []byte("\n"))
	return ok && bytes.HasPrefix(stanza, []byte("-> scrypt "))
}

// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// SourceKind is a kind of place that a master key comes from.
type SourceKind string

// The kinds.
const (
	Keychain       SourceKind = "keychain"        // an item in the keychain of the OS
	KeyFile        SourceKind = "file"            // a file with 32 random bytes in base64
	PassphraseFile SourceKind = "passphrase-file" // a file with a passphrase
	PassphraseFD   SourceKind = "passphrase-fd"   // a descriptor to read a passphrase from
	Credential     SourceKind = "credential"      // a systemd credential with a key

	// typed is a passphrase that a person typed. A store remembers
	// PassphraseFD instead: it has to be given at each start.
	typed SourceKind = "passphrase"
)

// Source says where the master key comes from. The zero Source means "as the
// store remembers", and to Init the keychain.
type Source struct {
	Kind SourceKind `json:"kind"`
	Path string     `json:"path,omitempty"` // absolute; of KeyFile and PassphraseFile
	Name string     `json:"name,omitempty"` // of Credential

	fd         int          // of PassphraseFD; never stored
	passphrase secret.Value // of typed; never stored
}

// Passphrase is the source of a passphrase that a person typed.
func Passphrase(p secret.Value) Source { return Source{Kind: typed, passphrase: p} }

// ParseSource reads the value of --key. Relative paths are taken from the
// working folder; the empty string is the zero Source.
func ParseSource(s string) (Source, error) {
	kind, arg, hasArg := strings.Cut(s, ":")
	switch k := SourceKind(kind); {
	case s == "":
		return Source{}, nil
	case k == Keychain && !hasArg:
		return Source{Kind: k}, nil
	case (k == KeyFile || k == PassphraseFile) && arg != "":
		path, err := filepath.Abs(arg)
		if err != nil {
			return Source{}, invalidSource(s, "the path cannot be made absolute")
		}
		return Source{Kind: k, Path: path}, nil
	case k == PassphraseFD && hasArg:
		fd, err := strconv.Atoi(arg)
		if err != nil || fd < 0 {
			return Source{}, invalidSource(s, "a descriptor is a number")
		}
		return Source{Kind: k, fd: fd}, nil
	case k == Credential && arg != "":
		if arg != filepath.Base(arg) || arg == "." || arg == ".." {
			return Source{}, invalidSource(s, "a credential has a plain name")
		}
		return Source{Kind: k, Name: arg}, nil
	}
	return Source{}, invalidSource(s, "it is none of the known sources")
}

func invalidSource(s, why string) error {
	e := hub.Errorf(hub.CodeInvalid, "the key source %q cannot be used: %s", s, why).
		WithRemedy("Use one of: keychain, file:PATH, passphrase-file:PATH, passphrase-fd:N, credential:NAME")
	e.Field = "key"
	return e
}

// String is the source as ParseSource reads it; of a remembered PassphraseFD,
// whose number is not known, the kind only.
func (s Source) String() string {
	switch s.Kind {
	case KeyFile, PassphraseFile:
		return string(s.Kind) + ":" + s.Path
	case Credential:
		return string(s.Kind) + ":" + s.Name
	}
	return string(s.Kind)
}

// IsZero reports whether no source was named.
func (s Source) IsZero() bool { return s.Kind == "" }

// derives reports whether the source gives a passphrase and not a key.
func (s Source) derives() bool {
	return s.Kind == PassphraseFile || s.Kind == PassphraseFD || s.Kind == typed
}

// remembered is the source as a header holds it: without what is secret or
// means nothing to the next process.
func (s Source) remembered() Source {
	if s.Kind == typed {
		s.Kind = PassphraseFD
	}
	return Source{Kind: s.Kind, Path: s.Path, Name: s.Name}
}

// create makes the secret of a new store, or takes one that was provided. undo
// removes what was made, should the rest of the birth fail.
func (s Source) create(dir, storeID string) (material []byte, undo func(), err error) {
	switch s.Kind {
	case Keychain:
		return createKeychainKey(dir, storeID)
	case KeyFile:
		return createKeyFile(s.Path, dir, storeID)
	}
	material, err = s.read(storeID)
	return material, func() {}, err
}

// read returns the secret of an existing store: 32 bytes, or a passphrase.
// The caller wipes it.
func (s Source) read(storeID string) ([]byte, error) {
	switch s.Kind {
	case Keychain:
		return readKeychainKey(storeID)
	case KeyFile:
		return readKeyFile(s.Path)
	case PassphraseFile:
		return readPassphraseFile(s.Path)
	case PassphraseFD:
		return readPassphraseFD(s)
	case Credential:
		return readCredential(s.Name)
	case typed:
		return trimPassphrase([]byte(s.passphrase.Reveal()), "the passphrase")
	}
	return nil, hub.Errorf(hub.CodeInvalid, "the key source %q is unknown to this version", string(s.Kind))
}

// Descriptor returns the number of a PassphraseFD, and whether it is one.
func (s Source) Descriptor() (fd int, ok bool) { return s.fd, s.Kind == PassphraseFD }

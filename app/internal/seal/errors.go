// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// What can be wrong with a vault. Every error of this package that has one of
// these causes is a *hub.Error which tells it in words and says how to mend it;
// use errors.Is to tell them apart.
var (
	// ErrNotInitialised: the folder holds neither keys nor a store. Init may be called.
	ErrNotInitialised = errors.New("no store yet")
	// ErrInitialised: Init was called on a folder that has keys already.
	ErrInitialised = errors.New("keys exist already")
	// ErrKeyMissing: there is a store, and its key is not where it should be.
	ErrKeyMissing = errors.New("the key is missing")
	// ErrStoreMissing: there is a key, and its store is gone or emptied.
	ErrStoreMissing = errors.New("the store is missing")
	// ErrWrongKey: the key or passphrase is not the one of this store.
	ErrWrongKey = errors.New("wrong key")
	// ErrNewerFormat: a newer version of standpipe wrote this.
	ErrNewerFormat = errors.New("newer format")
	// ErrTampered: the header was altered or is damaged.
	ErrTampered = errors.New("the header was altered or is damaged")
	// ErrNoAnchor: nothing tells whether the store is the latest.
	ErrNoAnchor = errors.New("the rollback anchor is missing")
	// ErrKeychainUnavailable: the OS keychain cannot be used here.
	ErrKeychainUnavailable = errors.New("the keychain cannot be used")
	// ErrUnsafe: a file or folder is open to others, or is not what it should be.
	ErrUnsafe = errors.New("unsafe file or folder")
)

// fail makes the error of a cause. A further error may follow the format's
// operands as its last %w; both are kept.
func fail(code hub.Code, cause error, format string, args ...any) *hub.Error {
	e := hub.Errorf(code, format, args...)
	if e.Err != nil {
		e.Err = fmt.Errorf("%w: %w", cause, e.Err)
	} else {
		e.Err = cause
	}
	return e
}

func notInitialised(dir string) error {
	return fail(hub.CodeNotConfigured, ErrNotInitialised, "the data folder %s has no store yet", dir).
		WithRemedy("Make one: standpipe keys init (key in the keychain), or standpipe keys init --key file:PATH")
}

func storeMissing(dir, store string, source Source) error {
	anew := "mv " + shell(dir) + " " + shell(dir+".old")
	switch source.Kind {
	case Keychain:
		anew += " && standpipe keys forget"
	case KeyFile:
		anew += " && mv " + shell(source.Path) + " " + shell(source.Path+".old")
	}
	return fail(hub.CodeNotConfigured, ErrStoreMissing, "store missing: the keys are here, but %s is empty or gone", store).
		WithRemedy("Restore the data folder from a backup. To begin anew without it: %s", anew)
}

func tampered(path, detail string) error {
	return fail(hub.CodeIntegrity, ErrTampered, "%s was altered or is damaged (%s); it is not used", path, detail).
		WithRemedy("Restore the data folder from a backup.")
}

func unsafePath(format string, args ...any) *hub.Error {
	return fail(hub.CodeStorage, ErrUnsafe, format, args...)
}

func storage(format string, args ...any) *hub.Error {
	return hub.Errorf(hub.CodeStorage, format, args...)
}

// shell quotes a path for a command that the user is told to run.
func shell(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@:", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(filepath.Clean(path), "'", `'\''`) + "'"
}

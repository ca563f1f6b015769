// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// A store that is to take the place of another one is built beside it, in
// folders of the data folder whose names say how far it came:
//
//	incoming      being built; worth nothing, removed when found
//	restored-T    complete. The rename to this name is the one commit point
//	arriving-T    what was there before has been moved to replaced-T
//
// The audit is sealed to a key within the store. It stays where it is, unless the
// new store brings one of its own: then it goes along with the old one.
//
// Whoever holds the data folder and finds one of the latter two goes on from
// there, so that a kill at any moment leaves the old store or the new one.
const (
	incomingName   = "incoming"
	restoredPrefix = "restored-"
	arrivingPrefix = "arriving-"
	replacedPrefix = "replaced-"
)

// vaultFiles names the files and folders of a data folder that make its vault.
func vaultFiles(dir string) ([]string, error) {
	names := []string{"vault.json", "anchor", inventoryName}
	folders, err := storeFolders(dir)
	for _, f := range folders {
		names = append(names, filepath.Base(f))
	}
	return names, err
}

// auditFiles names the files of the audit in a folder.
func auditFiles(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if _, ok := hub.AuditFileNumber(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// Incoming is the folder of a store that is being built to replace the one of
// a data folder.
func Incoming(dir string) string { return filepath.Join(dir, incomingName) }

// Stage makes the keys of a store that is to replace the one of dir, if there
// is one, in Incoming(dir). Its key source may be that of the old store; a key
// file is then used again, a keychain gets an item of its own. Build the store,
// close it, and Install it; or call discard, which leaves nothing behind. The
// caller holds the data folder.
func Stage(dir string, source Source) (v *Vault, discard func(), err error) {
	if dir, err = absolute(dir); err != nil {
		return nil, nil, err
	}
	if err := checkFolder(dir, "the data folder"); err != nil {
		return nil, nil, err
	}
	if source.IsZero() {
		source.Kind = Keychain
	}
	in := Incoming(dir)
	if err := os.RemoveAll(in); err != nil {
		return nil, nil, storage("remove an unfinished restore: %w", err)
	}
	if err := os.Mkdir(in, 0o700); err != nil {
		return nil, nil, storage("make a folder for the new store: %w", err).WithRemedy("See that %s can be written and has room.", dir)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails, as documented
	h := header{
		Format: Format, StoreID: hex.EncodeToString(id), State: stateNew, Folder: firstFolder, Source: source.remembered(),
		CreatedAt: time.Now().UTC().Format(time.RFC3339),
	}
	if source.Kind == Keychain {
		if err := announceIncoming(dir, h.StoreID); err != nil {
			return nil, nil, errors.Join(err, os.RemoveAll(in))
		}
	}
	material, undo, err := source.renew(dir, h.StoreID)
	faults.Point("restore.keyed")
	if err == nil {
		v, err = h.born(in, material)
	}
	discard = func() {
		undo()
		h.removeAnchor(in)
		if source.Kind == Keychain {
			forgetIncoming(dir)
		}
		_ = os.RemoveAll(in)
	}
	if err != nil {
		discard()
		return nil, nil, err
	}
	return v, discard, nil
}

// renew is create for a store that takes another's place: a key that is there
// already may be used, whichever store it is of.
func (s Source) renew(dir, storeID string) (material []byte, undo func(), err error) {
	noUndo := func() {}
	switch s.Kind {
	case Keychain:
		key := make([]byte, keySize)
		_, _ = rand.Read(key) // never fails, as documented
		if err := keychainSet(storeID, base64.StdEncoding.EncodeToString(key)); err != nil {
			clear(key)
			return nil, noUndo, err
		}
		// The item of the folder is set when the store is first opened.
		return key, func() { _ = keychainDelete(storeID) }, nil
	case KeyFile:
		key, err := readKeyFile(s.Path)
		if !errors.Is(err, fs.ErrNotExist) {
			return key, noUndo, err
		}
		return createKeyFile(s.Path, dir, storeID)
	}
	material, err = s.read(storeID)
	return material, noUndo, err
}

// Install puts the store of Incoming(dir), which must be closed, in the place
// of the one of dir, durably. What was there before is kept in the folder that
// it returns; empty where there was nothing. An error before the commit leaves
// the old store as it was; after it, Resume finishes.
func Install(dir string) (replaced string, err error) {
	if dir, err = absolute(dir); err != nil {
		return "", err
	}
	stamp := time.Now().UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:6])
	if err := syncTree(Incoming(dir)); err != nil {
		return "", storage("write the new store: %w", err)
	}
	faults.Point("restore.before-commit")
	if err := os.Rename(Incoming(dir), filepath.Join(dir, restoredPrefix+stamp)); err != nil {
		return "", storage("put the new store in its place: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return "", storage("put the new store in its place: %w", err)
	}
	faults.Point("restore.after-commit")
	if err := finish(dir, stamp); err != nil {
		return "", err
	}
	replaced = filepath.Join(dir, replacedPrefix+stamp)
	if _, err := os.Lstat(replaced); err != nil {
		return "", nil //nolint:nilerr // there was nothing
	}
	return replaced, nil
}

// Resume finishes what a kill left of an Install, or removes what it left of a
// Stage. The caller holds the data folder and has not opened its store.
func Resume(dir string) error {
	dir, err := absolute(dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return storage("look into the data folder: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		stamp, restored := strings.CutPrefix(name, restoredPrefix)
		if !restored {
			var arriving bool
			if stamp, arriving = strings.CutPrefix(name, arrivingPrefix); !arriving {
				continue
			}
		}
		if err := finish(dir, stamp); err != nil {
			return err
		}
	}
	sweepIncoming(dir)
	if err := os.RemoveAll(Incoming(dir)); err != nil {
		return storage("remove an unfinished restore: %w", err)
	}
	return nil
}

// finish goes on after the commit, from wherever it was left.
func finish(dir, stamp string) error {
	failed := func(err error) error {
		return storage("put the restored store in its place: %w", err).
			WithRemedy("See that %s can be written; the next start finishes it.", dir)
	}
	restored, arriving := filepath.Join(dir, restoredPrefix+stamp), filepath.Join(dir, arrivingPrefix+stamp)
	if _, err := os.Lstat(restored); err == nil {
		names, err := outgoing(dir, restored)
		if err != nil {
			return failed(err)
		}
		if err := moveAway(dir, names, filepath.Join(dir, replacedPrefix+stamp)); err != nil {
			return failed(err)
		}
		faults.Point("restore.old-moved")
		if err := os.Rename(restored, arriving); err != nil {
			return failed(err)
		}
		if err := syncDir(dir); err != nil {
			return failed(err)
		}
	}
	names, err := vaultFiles(arriving)
	if err != nil {
		return failed(err)
	}
	audit, err := auditFiles(arriving)
	if err != nil {
		return failed(err)
	}
	for _, name := range append(names, audit...) {
		if err := os.Rename(filepath.Join(arriving, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed(err)
		}
		faults.Point("restore.moving-in")
	}
	if err := syncDir(dir); err != nil {
		return failed(err)
	}
	faults.Point("restore.moved-in")
	if h, err := readHeader(dir); err == nil && h.Source.Kind == Keychain {
		forgetIncoming(dir)
	}
	if err := os.Remove(arriving); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	return nil
}

// outgoing names what gives way in dir to the store in restored: the vault, and
// the audit where that one brings its own.
func outgoing(dir, restored string) ([]string, error) {
	names, err := vaultFiles(dir)
	if err != nil {
		return nil, err
	}
	if own, err := auditFiles(restored); err != nil || own == nil {
		return names, err
	}
	audit, err := auditFiles(dir)
	return append(names, audit...), err
}

// moveAway moves what is left in dir of these files and folders to another
// folder.
func moveAway(dir string, names []string, to string) error {
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(to, name)); err != nil {
			return err
		}
		if err := errors.Join(syncDir(to), syncDir(dir)); err != nil {
			return err
		}
		faults.Point("restore.moving-old")
	}
	return nil
}

// syncTree makes the names in a folder and its folders durable.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

// Replaced lists the folders of the stores that were replaced in a data folder
// and are kept.
func Replaced(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, storage("look into the data folder: %w", err)
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), replacedPrefix) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// Occupant is what holds a data folder, as far as can be told without a key.
type Occupant struct {
	Source  Source // as the store remembers it; zero where that cannot be read
	StoreID string
	// Empty is true where keys were made and no store yet.
	Empty bool
}

// Occupied tells what is in a data folder; nil means nothing. It needs no key
// and believes what it reads, so use it to choose and to ask, not to decide.
func Occupied(dir string) (*Occupant, error) {
	dir, err := absolute(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	used, err := checkStores(dir)
	if err != nil {
		return nil, err
	}
	inUse := used != ""
	h, err := readHeader(dir)
	switch {
	case err == nil:
		return &Occupant{Source: h.Source, StoreID: h.StoreID, Empty: h.State == stateNew && !inUse}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return &Occupant{}, nil // damaged, newer: something is there
	case inUse:
		return &Occupant{}, nil
	}
	return nil, nil
}

// Explicit reports why a remembered source cannot be used without being named
// anew, or nil.
func (s Source) Explicit() error {
	if s.Kind == PassphraseFD {
		return hub.Errorf(hub.CodeNotConfigured, "the key of this store comes from a passphrase, which was not given").
			WithRemedy("Give it with --key %s:N (a descriptor) or --key %s:PATH.", PassphraseFD, PassphraseFile)
	}
	return nil
}

// Prove opens the keys of the store that is being built in Incoming(dir), as
// the start after its Install will do, with the source that it remembers.
func Prove(dir string) error {
	in := Incoming(dir)
	_, err := Open(in, Source{})
	_ = ForgetFolder(in) // Open remembers where a store is, and this one will move
	return err
}

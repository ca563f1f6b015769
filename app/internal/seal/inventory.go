// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// ErrNoInventory: there is no inventory in the data folder.
var ErrNoInventory = errors.New("no inventory")

const (
	inventoryName   = "inventory"
	inventoryFormat = 1
	inventoryHead   = 1 + 16 + 8 // format, store id, sequence
	maxInventory    = 8 << 20
)

// InventoryFile is a sealed file in the data folder, under a key that lies in
// another folder of the user and has nothing to do with the vault's. It is for
// what must outlive the loss of that. What is read was written last, and for
// the store that it names; anything else is an error. Not safe for concurrent
// use.
type InventoryFile struct {
	dir, key string
}

// NewInventoryFile is the inventory of a data folder, with its key at another
// path. Nothing is created.
func NewInventoryFile(dir, key string) *InventoryFile { return &InventoryFile{dir, key} }

// inventoryKey is the file of the key, as JSON. An inventory of a lower
// sequence is an old one that somebody put back.
type inventoryKey struct {
	Version  int    `json:"v"`
	StoreID  string `json:"store_id"`
	Key      []byte `json:"key"` // for AES-256-GCM
	Sequence uint64 `json:"sequence"`
}

func (f *InventoryFile) path() string { return filepath.Join(f.dir, inventoryName) }

// Write seals content in the place of what was there, durably.
func (f *InventoryFile) Write(storeID string, content []byte) error {
	if rel, err := filepath.Rel(f.dir, f.key); err == nil && filepath.IsLocal(rel) {
		return storage("the key of the inventory would lie in the data folder itself: %s", f.key).
			WithRemedy("Put the user's state folder (XDG_STATE_HOME) elsewhere, or switch the inventory off: vault { inventory = false }")
	}
	k, err := f.readKey()
	if errors.Is(err, ErrUnsafe) {
		return err
	}
	if err != nil || k.StoreID != storeID {
		if k, err = f.newKey(storeID); err != nil {
			return err
		}
	}
	defer clear(k.Key)
	a, err := subtle.NewAESGCM(k.Key)
	if err != nil {
		return err
	}
	head, err := inventoryHeader(storeID, k.Sequence+1)
	if err != nil {
		return err
	}
	sealed, err := a.Encrypt(content, inventoryData(head))
	if err != nil {
		return err
	}
	if err := replaceFile(f.path(), append(head, sealed...)); err != nil {
		return storage("write the inventory %s: %w", f.path(), err)
	}
	faults.Point("inventory.written")
	// Only now: the number never runs ahead of the file.
	k.Sequence++
	return f.writeKey(k)
}

// Read returns what was written last, and for which store. The error is
// ErrNoInventory where nothing was.
func (f *InventoryFile) Read() (storeID string, content []byte, err error) {
	data, err := f.readSealed()
	if err != nil {
		return "", nil, err
	}
	if len(data) == 0 || data[0] > inventoryFormat {
		return "", nil, fail(hub.CodeStorage, ErrNewerFormat, "the inventory %s was written by a newer version of standpipe, or is damaged", f.path()).
			WithRemedy("Use that version, or put the latest inventory back.")
	}
	k, err := f.readKey()
	if err != nil {
		return "", nil, err
	}
	defer clear(k.Key)
	a, err := subtle.NewAESGCM(k.Key)
	if err != nil {
		return "", nil, f.badKey()
	}
	return f.open(a, k, data)
}

func (f *InventoryFile) open(a tink.AEAD, k *inventoryKey, data []byte) (storeID string, content []byte, err error) {
	if len(data) < inventoryHead {
		return "", nil, f.altered("it is cut short")
	}
	head, sealed := data[:inventoryHead], data[inventoryHead:]
	if storeID = hex.EncodeToString(head[1:17]); storeID != k.StoreID {
		return "", nil, f.altered("it is of another store than its key")
	}
	if content, err = a.Decrypt(sealed, inventoryData(head)); err != nil {
		return "", nil, f.altered("it does not open")
	}
	if binary.BigEndian.Uint64(head[17:]) < k.Sequence {
		clear(content)
		return "", nil, f.altered("it is older than it was")
	}
	return storeID, content, nil
}

// Remove removes the file and its key.
func (f *InventoryFile) Remove() error {
	for _, path := range []string{f.path(), f.key} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return storage("remove the inventory: %w", err)
		}
	}
	return nil
}

func inventoryHeader(storeID string, sequence uint64) ([]byte, error) {
	id, err := hex.DecodeString(storeID)
	if err != nil || len(id) != 16 {
		return nil, hub.Errorf(hub.CodeInternal, "the store id %q is malformed", storeID)
	}
	return binary.BigEndian.AppendUint64(append([]byte{inventoryFormat}, id...), sequence), nil
}

// inventoryData is the associated data of a sealed inventory.
func inventoryData(head []byte) []byte { return append([]byte("standpipe inventory v1\x00"), head...) }

func (f *InventoryFile) readSealed() ([]byte, error) {
	file, err := os.Open(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoInventory
	}
	if err != nil {
		return nil, storage("open the inventory: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, storage("look at the inventory: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxInventory {
		return nil, f.altered("it is no file of that kind")
	}
	data, err := io.ReadAll(io.LimitReader(file, maxInventory))
	if err != nil {
		return nil, storage("read the inventory: %w", err)
	}
	return data, nil
}

func (f *InventoryFile) readKey() (*inventoryKey, error) {
	text, err := readSecretFile(f.key, "key of the inventory")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail(hub.CodeNotConfigured, ErrKeyMissing, "the key of the inventory is missing: %s", f.key).
			WithRemedy("Put it back, from a backup of your home folder.")
	case err != nil:
		return nil, err
	}
	defer clear(text)
	k := &inventoryKey{}
	if json.Unmarshal(text, k) != nil || k.Version != 1 || len(k.Key) != keySize {
		return nil, f.badKey()
	}
	return k, nil
}

// newKey makes a key, before anything is sealed with it.
func (f *InventoryFile) newKey(storeID string) (*inventoryKey, error) {
	k := &inventoryKey{Version: 1, StoreID: storeID, Key: make([]byte, keySize)}
	_, _ = rand.Read(k.Key) // never fails, as documented
	if err := os.MkdirAll(filepath.Dir(f.key), 0o700); err != nil {
		return nil, storage("make the folder of the inventory's key: %w", err)
	}
	return k, f.writeKey(k)
}

func (f *InventoryFile) writeKey(k *inventoryKey) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	defer clear(text)
	if err := replaceFile(f.key, append(text, '\n')); err != nil {
		return storage("write the key of the inventory, %s: %w", f.key, err)
	}
	return nil
}

func (f *InventoryFile) altered(detail string) error {
	return fail(hub.CodeIntegrity, ErrTampered, "the inventory %s was altered or is damaged (%s); it is not used", f.path(), detail).
		WithRemedy("Put the latest one back, with its key %s.", f.key)
}

func (f *InventoryFile) badKey() error {
	return fail(hub.CodeNotConfigured, ErrWrongKey, "%s does not hold the key of an inventory", f.key).
		WithRemedy("Put the right one back, from a backup of your home folder.")
}

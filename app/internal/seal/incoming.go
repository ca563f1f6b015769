// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"io/fs"
	"os"
)

// A kill between Stage and the commit would leave the staged store's items in
// the keychain, where nobody finds them. So a further item says which store is
// being staged for a folder: written before any other, removed after all. It
// is in the keychain, and not in the folder, because who can write the folder
// must not be able to name the key that is removed.

func incomingAccount(dir string) string { return "incoming:" + dir }

// announceIncoming notes the store that is about to be staged for a folder.
func announceIncoming(dir, storeID string) error { return keychainSet(incomingAccount(dir), storeID) }

// forgetIncoming undoes that, once there is nothing left to be found.
func forgetIncoming(dir string) { _ = keychainDelete(incomingAccount(dir)) }

// sweepIncoming removes from the keychain what a Stage left there that was
// killed. A store that counts is never touched: neither the one of the folder's
// header nor the one that the keychain knows to be in the folder. Where the
// keychain cannot be asked, it is done by a later Stage or not at all; the items
// open nothing.
func sweepIncoming(dir string) {
	in := Incoming(dir)
	if _, err := os.Lstat(in); errors.Is(err, fs.ErrNotExist) {
		return
	}
	if h, err := readHeader(in); err == nil && h.Source.Kind != Keychain {
		return // nobody who has no keychain is asked for it
	}
	staged, err := keychainGet(incomingAccount(dir))
	if err != nil {
		return
	}
	known, _ := keychainGet(folderAccount(dir))
	h, err := readHeader(dir)
	if staged != known && (err != nil || h.StoreID != staged) {
		_ = keychainDelete(staged)
		_ = keychainDelete(anchorAccount(staged))
	}
	_ = keychainDelete(folderAccount(in)) // see Prove
	forgetIncoming(dir)
}

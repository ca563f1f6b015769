// SPDX-License-Identifier: Apache-2.0

// Package seal holds the keys of a data folder and seals what is stored there.
//
// A 32-byte master key comes from the OS keychain, a key file, a systemd
// credential or a passphrase. It opens the header of the folder (vault.json),
// which holds two wrapped Tink keysets: the data keys, which seal values, and
// the name keys, which turn names into meaningless ones. Header and master key
// are born together by [Init]; [Open] never makes a key, and nothing is ever
// written in the clear. The layout, to the byte, is in docs/vault.md.
package seal

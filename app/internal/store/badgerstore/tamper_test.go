// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

const canary = "canary-7d1f-content"

var (
	victim = hub.Ref{Kind: hub.KindTokens, ID: "victim"}
	other  = hub.Ref{Kind: hub.KindTokens, ID: "other"}
	large  = hub.Ref{Kind: hub.KindTokens, ID: "large"} // in the value log
)

// fill writes the records that the attacks are about.
func fill(t *testing.T, s *Store) {
	t.Helper()
	err := s.Update(t.Context(), func(tx hub.Tx) error {
		_, err1 := tx.Put(victim, 0, []byte(canary+" of the victim"))
		_, err2 := tx.Put(other, 0, []byte(canary+" of the other"))
		_, err3 := tx.Put(large, 0, bytes.Repeat([]byte(canary), 10_000))
		_, err4 := tx.Put(hub.Ref{Kind: hub.KindConnection, ID: "c"}, 0, []byte("connection"))
		return errors.Join(err1, err2, err3, err4)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// atRest makes a filled store and closes it.
func atRest(t *testing.T) (dir string, v *seal.Vault, keys *codec) {
	t.Helper()
	dir, v = newVault(t)
	s, err := Open(seal.StoreDir(dir), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, v, s.codec
}

// edit changes a store behind its back, as somebody without the keys would who
// knows which record is which.
func edit(t *testing.T, dir string, f func(txn *badger.Txn) error) {
	t.Helper()
	db, err := badger.Open(dbOptions(seal.StoreDir(dir), slog.New(slog.DiscardHandler), false))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func mustKey(t *testing.T, c *codec, ref hub.Ref) []byte {
	t.Helper()
	key, err := c.key(ref)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func raw(t *testing.T, txn *badger.Txn, key []byte) []byte {
	t.Helper()
	item, err := txn.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := item.ValueCopy(nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantIntegrity checks that ref is refused by name, without content, in every
// way it can be asked for, and that nothing else is.
func wantIntegrity(t *testing.T, s *Store, ref hub.Ref) {
	t.Helper()
	r, err := s.Get(t.Context(), ref)
	ie, ok := errors.AsType[*hub.IntegrityError](err)
	if !ok || ie.Ref != ref || r.Value != nil {
		t.Fatalf("get %v: %q, %v; want an IntegrityError that names it", ref, r.Value, err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error holds content: %v", err)
	}
	if hub.AsError(err).Code != hub.CodeIntegrity {
		t.Errorf("code %s", hub.AsError(err).Code)
	}
	err = s.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(ref, 1, []byte("over it"))
		return err
	})
	if _, ok := errors.AsType[*hub.IntegrityError](err); !ok {
		t.Errorf("put over a record that does not open: %v", err)
	}

	var good, bad int
	for r, err := range s.List(t.Context(), ref.Kind) {
		if _, ok := errors.AsType[*hub.IntegrityError](err); ok {
			bad++
		} else if err != nil || r.Ref == ref {
			t.Errorf("list: %v, %v", r.Ref, err)
		} else {
			good++
		}
	}
	if good != 2 || bad != 1 {
		t.Errorf("listed %d good and %d bad records, want 2 and 1", good, bad)
	}

	// The way out: remove and make anew.
	err = s.Update(t.Context(), func(tx hub.Tx) error {
		if err := tx.Delete(ref); err != nil {
			return err
		}
		_, err := tx.Put(ref, 0, []byte("anew"))
		return err
	})
	if err != nil {
		t.Errorf("remove and make anew: %v", err)
	}
}

// TestTamperedRecords alters records through the database itself, so that all
// its checksums are right.
func TestTamperedRecords(t *testing.T) {
	_, _, foreignKeys := atRest(t)
	flip := func(at int) func(v, other []byte) []byte {
		return func(v, _ []byte) []byte {
			if at < 0 {
				at += len(v)
			}
			v[at] ^= 1
			return v
		}
	}
	for name, alter := range map[string]func(v, other []byte) []byte{
		"format":     flip(0),
		"generation": flip(8),
		"epoch":      flip(headLen - 1),
		"key serial": flip(headLen + serialLen - 1),
		"nonce":      flip(headLen + serialLen + 2),
		"ciphertext": flip(headLen + serialLen + 15),
		"tag":        flip(-1),
		"cut":        func(v, _ []byte) []byte { return v[:len(v)-1] },
		"longer":     func(v, _ []byte) []byte { return append(v, 0) },
		"empty":      func([]byte, []byte) []byte { return nil },
		"head only":  func(v, _ []byte) []byte { return v[:headLen] },
		"moved here": func(_, other []byte) []byte { return other },
		"plaintext": func([]byte, []byte) []byte {
			return []byte("\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x02" + `{"admin":true}`)
		},
		"bare plaintext": func([]byte, []byte) []byte { return []byte(`{"admin":true}`) },
		"from another store": func([]byte, []byte) []byte {
			key := mustKey(t, foreignKeys, victim)
			name := [32]byte(key[prefixLen:])
			if err := foreignKeys.sealer.AddKey(name, 2, newSecret()); err != nil {
				t.Fatal(err)
			}
			e := entry{hub.Record{Ref: victim, Generation: 1, Value: []byte("foreign")}, 1<<20 + 2}
			v, err := foreignKeys.seal(key, e, recordKey{name, 2})
			if err != nil {
				t.Fatal(err)
			}
			return v
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, v, keys := atRest(t)
			vk, ok := mustKey(t, keys, victim), mustKey(t, keys, other)
			edit(t, dir, func(txn *badger.Txn) error {
				return txn.Set(vk, alter(raw(t, txn, vk), raw(t, txn, ok)))
			})
			wantIntegrity(t, openStore(t, dir, v), victim)
		})
	}
}

// TestInjectedRecords adds records that were never written.
func TestInjectedRecords(t *testing.T) {
	dir, v, keys := atRest(t)
	conn, tok := mustKey(t, keys, hub.Ref{Kind: hub.KindConnection, ID: "c"}), mustKey(t, keys, victim)
	edit(t, dir, func(txn *badger.Txn) error {
		// A token record among the connections, under a name like a connection's.
		mixed := append(bytes.Clone(conn[:prefixLen]), tok[prefixLen:]...)
		return errors.Join(
			txn.Set(mixed, raw(t, txn, tok)),
			txn.Set([]byte("plain key"), []byte("plain value")),
			txn.Set(append(bytes.Clone(conn[:prefixLen]), 0), nil),
		)
	})
	s := openStore(t, dir, v)
	var good, bad int
	for r, err := range s.List(t.Context(), hub.KindConnection) {
		switch _, forged := errors.AsType[*hub.IntegrityError](err); {
		case forged:
			bad++
		case err == nil && r.ID == "c":
			good++
		default:
			t.Errorf("listed %v, %v", r.Ref, err)
		}
	}
	if good != 1 || bad != 2 {
		t.Errorf("listed %d good and %d bad connections, want 1 and 2", good, bad)
	}
	if r, err := s.Get(t.Context(), victim); err != nil || !strings.Contains(string(r.Value), "victim") {
		t.Errorf("an untouched record: %v", err)
	}
}

// TestTamperedTable flips single bytes of a sealed value in the .sst file.
func TestTamperedTable(t *testing.T) {
	for _, at := range []int{0, 5, headLen, headLen + serialLen + 8, -1} {
		dir, v, keys := atRest(t)
		flipInFile(t, dir, ".sst", storedValue(t, dir, mustKey(t, keys, victim)), at)
		var log bytes.Buffer
		s, err := Open(seal.StoreDir(dir), v, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		wantIntegrity(t, s, victim)
		if err := s.Close(); err != nil { // which waits for the look at all blocks
			t.Error(err)
		}
		if !strings.Contains(log.String(), "files are damaged") {
			t.Errorf("byte %d: the log does not tell of the damage: %s", at, log.String())
		}
	}
}

// TestTamperedLogs flips a byte in the write-ahead log and in the value log and
// mends Badger's checksum, which needs no key.
func TestTamperedLogs(t *testing.T) {
	for ext, ref := range map[string]hub.Ref{".mem": victim, ".vlog": large} {
		t.Run(ext, func(t *testing.T) {
			dir, v := newVault(t)
			s := openStore(t, dir, v)
			fill(t, s)
			copied := copyFolder(t, dir) // as after a kill: nothing is flushed
			tamperLog(t, copied, ext, mustKey(t, s.codec, ref))
			cv, err := seal.Open(copied, seal.Source{})
			if err != nil {
				t.Fatal(err)
			}
			wantIntegrity(t, openStore(t, copied, cv), ref)
		})
	}
}

// storedValue reads a value as it is on disk.
func storedValue(t *testing.T, dir string, key []byte) (v []byte) {
	t.Helper()
	copied := copyFolder(t, dir) // opening writes
	edit(t, copied, func(txn *badger.Txn) error { v = raw(t, txn, key); return nil })
	return v
}

func copyFolder(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// storeFiles lists the files of a store with a suffix.
func storeFiles(t *testing.T, dir, ext string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(seal.StoreDir(dir), "*"+ext))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s files (%v)", ext, err)
	}
	return files
}

func flipInFile(t *testing.T, dir, ext string, value []byte, at int) {
	t.Helper()
	for _, file := range storeFiles(t, dir, ext) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(b, value); i >= 0 {
			b[i+(at+len(value))%len(value)] ^= 1
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("the value is in no %s file", ext)
}

// tamperLog flips a byte in the last value of key in a Badger log and mends the
// entry's checksum. An entry is: meta, user meta, three varints (length of
// key and of value, expiry), key with an 8-byte timestamp, value, CRC-32C.
func tamperLog(t *testing.T, dir, ext string, key []byte) {
	t.Helper()
	for _, file := range storeFiles(t, dir, ext) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for at := 20; at+2 < len(b); { // after the file's header
			p := at + 2
			var n [3]uint64
			for i := range n {
				v, size := binary.Uvarint(b[p:])
				if size <= 0 {
					t.Fatalf("%s: malformed at %d", file, at)
				}
				n[i], p = v, p+size
			}
			klen, vlen := int(n[0]), int(n[1])
			if klen == 0 {
				break
			}
			end := p + klen + vlen
			if bytes.Equal(b[p:p+klen-8], key) {
				if crc(b[at:end]) != binary.BigEndian.Uint32(b[end:]) {
					t.Fatal("this is not how entries are laid out")
				}
				b[p+klen+vlen/2] ^= 1
				binary.BigEndian.PutUint32(b[end:], crc(b[at:end]))
				if err := os.WriteFile(file, b, 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			at = end + 4
		}
	}
	t.Fatalf("the record is in no %s file", ext)
}

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// SPDX-License-Identifier: Apache-2.0

package badgerstore

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
)

// sample is a store at rest that was written to twice, with what it was before
// the second time: the victim's value was replaced, another record deleted and
// a further one added.
type sample struct {
	t         *testing.T
	dir       string
	v         *seal.Vault
	keys      *codec
	yesterday string            // a copy of the folder
	before    map[string][]byte // the database of yesterday
}

var (
	revoked = hub.Ref{Kind: hub.KindApp, ID: "revoked"}
	added   = hub.Ref{Kind: hub.KindSetting, ID: "added"}
)

func newSample(t *testing.T) *sample {
	t.Helper()
	x := &sample{t: t}
	x.dir, x.v = newVault(t)
	s, err := Open(x.v.StoreDir(), x.v, nil)
	if err != nil {
		t.Fatal(err)
	}
	x.keys = s.codec
	fill(t, s)
	x.write(s, func(tx hub.Tx) error {
		_, err := tx.Put(revoked, 0, []byte("grants"))
		return err
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	x.yesterday = copyFolder(t, x.dir)
	x.before = x.dump()
	if s, err = Open(x.v.StoreDir(), x.v, nil); err != nil {
		t.Fatal(err)
	}
	x.write(s, func(tx hub.Tx) error {
		_, err1 := tx.Put(victim, 1, []byte("second value"))
		_, err2 := tx.Put(added, 0, []byte("added"))
		return errors.Join(err1, err2, tx.Delete(revoked))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *sample) write(s *Store, f func(hub.Tx) error) {
	x.t.Helper()
	if err := s.Update(x.t.Context(), f); err != nil {
		x.t.Fatal(err)
	}
}

// dump reads all of the database as it is on disk.
func (x *sample) dump() map[string][]byte {
	out := map[string][]byte{}
	edit(x.t, copyFolder(x.t, x.dir), func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			v, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			out[string(it.Item().KeyCopy(nil))] = v
		}
		return nil
	})
	return out
}

func (x *sample) key(ref hub.Ref) []byte { return mustKey(x.t, x.keys, ref) }

func (x *sample) list(ref hub.Ref) []byte {
	lk, _, err := x.keys.place(ref.Kind, x.key(ref))
	if err != nil {
		x.t.Fatal(err)
	}
	return lk[:]
}

// back puts values of yesterday in their old places; what was not there then is
// deleted.
func (x *sample) back(txn *badger.Txn, keys ...[]byte) error {
	for _, key := range keys {
		if v, ok := x.before[string(key)]; ok {
			if err := txn.Set(key, v); err != nil {
				return err
			}
		} else if err := txn.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// replaceWith puts another folder in the place of the data folder.
func (x *sample) replaceWith(other string) {
	x.t.Helper()
	if err := errors.Join(os.RemoveAll(x.dir), os.Rename(other, x.dir)); err != nil {
		x.t.Fatal(err)
	}
}

// TestTamperCorpus is every attack on the store as a whole and on which records
// it holds. Attacks on the bytes of a value are in TestTamperedRecords, on the
// header in package seal.
func TestTamperCorpus(t *testing.T) {
	for name, c := range map[string]struct {
		attack func(x *sample)
		// What is reported: at open (a word of the error, and whether
		// AcceptRollback gets past it), or of one record.
		atOpen string
		accept bool
		record hub.Ref
		detail string
	}{
		"a record rolled back": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return x.back(txn, x.key(victim)) })
			},
			record: victim, detail: "an older version",
		},
		"a record rolled back with its key": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return x.back(txn, x.key(victim), x.key(keyRef(x.key(victim)))) })
			},
			record: victim, detail: "an older version",
		},
		"a deleted record brought back": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return x.back(txn, x.key(revoked)) })
			},
			record: revoked, detail: "it was deleted",
		},
		"a record removed": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return txn.Delete(x.key(victim)) })
			},
			record: victim, detail: "removed",
		},
		"a record's key removed": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return txn.Delete(x.key(keyRef(x.key(victim)))) })
			},
			record: victim, detail: "its key",
		},
		"a list altered": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error {
					v := raw(x.t, txn, x.list(victim))
					v[len(v)-1] ^= 1
					return txn.Set(x.list(victim), v)
				})
			},
			record: victim, detail: "the list that vouches for it",
		},
		"a list rolled back": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return x.back(txn, x.list(victim)) })
			},
			atOpen: "lists of its records", accept: true,
		},
		"a list rolled back with its records": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return x.back(txn, x.list(victim), x.key(victim)) })
			},
			atOpen: "lists of its records", accept: true,
		},
		"a list removed": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return txn.Delete(x.list(victim)) })
			},
			atOpen: "lists of its records", accept: true,
		},
		"a list of nothing added": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error {
					lk := x.list(victim)
					lk[len(lk)-1] ^= 0xF0
					return txn.Set(lk, raw(x.t, txn, x.list(victim)))
				})
			},
			atOpen: "lists of its records", accept: true,
		},
		"all records and lists rolled back, but the state": {
			attack: func(x *sample) {
				all := x.dump()
				maps.Copy(all, x.before)
				delete(all, string(stateKey))
				edit(x.t, x.dir, func(txn *badger.Txn) error {
					for key := range all {
						if err := x.back(txn, []byte(key)); err != nil {
							return err
						}
					}
					return nil
				})
			},
			atOpen: "lists of its records", accept: true,
		},
		"the state rolled back": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return x.back(txn, stateKey) })
			},
			atOpen: "lists of its records", accept: true,
		},
		"the state altered": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error {
					v := raw(x.t, txn, stateKey)
					v[len(v)-1] ^= 1
					return txn.Set(stateKey, v)
				})
			},
			atOpen: "state that vouches", accept: true,
		},
		"the state removed": {
			attack: func(x *sample) {
				edit(x.t, x.dir, func(txn *badger.Txn) error { return txn.Delete(stateKey) })
			},
			atOpen: "state that vouches", accept: true,
		},
		"the whole folder rolled back": {
			attack: func(x *sample) { x.replaceWith(x.yesterday) },
			atOpen: "not the latest", accept: true,
		},
		"the store's files rolled back, but the header": {
			attack: func(x *sample) {
				err := errors.Join(os.RemoveAll(x.v.StoreDir()), os.Rename(filepath.Join(x.yesterday, "store"), x.v.StoreDir()))
				if err != nil {
					x.t.Fatal(err)
				}
			},
			atOpen: "not the latest", accept: true,
		},
		"the anchor removed": {
			attack: func(x *sample) {
				if err := os.Remove(x.v.Info().Anchor); err != nil {
					x.t.Fatal(err)
				}
			},
			atOpen: "anchor", accept: true,
		},
		"the anchor altered": {
			attack: func(x *sample) {
				b, err := os.ReadFile(x.v.Info().Anchor)
				if err != nil {
					x.t.Fatal(err)
				}
				b[3] ^= 1
				if err := os.WriteFile(x.v.Info().Anchor, b, 0o600); err != nil {
					x.t.Fatal(err)
				}
			},
			atOpen: "anchor", accept: true,
		},
		"the anchor of another store": {
			attack: func(x *sample) {
				_, other := newVault(x.t)
				if err := os.Rename(other.Info().Anchor, x.v.Info().Anchor); err != nil {
					x.t.Fatal(err)
				}
			},
			atOpen: "anchor", accept: true,
		},
		"an anchor that trails": {
			// No attack: this is what a kill leaves.
			attack: func(x *sample) {
				if err := x.v.SetAnchor(1); err != nil {
					x.t.Fatal(err)
				}
			},
		},
		"the store emptied": {
			attack: func(x *sample) {
				all := x.dump()
				edit(x.t, x.dir, func(txn *badger.Txn) error {
					for key := range all {
						if err := txn.Delete([]byte(key)); err != nil {
							return err
						}
					}
					return nil
				})
			},
			atOpen: "store missing",
		},
		"the store of another vault": {
			attack: func(x *sample) {
				dir, _, _ := atRest(x.t)
				err := errors.Join(os.RemoveAll(x.v.StoreDir()), os.Rename(seal.StoreDir(dir), x.v.StoreDir()))
				if err != nil {
					x.t.Fatal(err)
				}
			},
			atOpen: "store missing",
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			x := newSample(t)
			c.attack(x)
			v, err := seal.Open(x.dir, seal.Source{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(v.StoreDir(), v, nil)
			if c.atOpen == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if c.record != (hub.Ref{}) {
					wantRefused(t, s, c.record, c.detail)
				} else {
					wantFine(t, s)
				}
				return
			}
			if err == nil {
				_ = s.Close()
				t.Fatal("it opened")
			}
			if !strings.Contains(err.Error(), c.atOpen) || strings.Contains(err.Error(), canary) {
				t.Errorf("%v; want %q", err, c.atOpen)
			}
			s, err = Open(v.StoreDir(), v, nil, AcceptRollback(true))
			if (err == nil) != c.accept {
				t.Fatalf("accepting a rollback: %v", err)
			}
			if err != nil {
				return
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			// Accepted is accepted: the next start asks no more.
			s, err = Open(v.StoreDir(), v, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// wantRefused checks that one record is refused by name, by Get and in lists,
// that the others are served, and that deleting it mends the store.
func wantRefused(t *testing.T, s *Store, ref hub.Ref, detail string) {
	t.Helper()
	r, err := s.Get(t.Context(), ref)
	ie, ok := errors.AsType[*hub.IntegrityError](err)
	if !ok || ie.Ref != ref || r.Value != nil || !strings.Contains(ie.Detail, detail) {
		t.Errorf("get: %q, %v; want an IntegrityError that names it and says %q", r.Value, err, detail)
	}
	bad := 0
	for r, err := range s.List(t.Context(), ref.Kind) {
		switch _, forged := errors.AsType[*hub.IntegrityError](err); {
		case forged:
			bad++
		case err != nil || r.Ref == ref:
			t.Errorf("list: %v, %v", r.Ref, err)
		}
	}
	if bad == 0 {
		t.Error("a listing tells nothing of it")
	}
	for _, fine := range []hub.Ref{other, large, added} {
		if _, err := s.Get(t.Context(), fine); err != nil {
			t.Errorf("an untouched record: %v", err)
		}
	}
	if err := s.Update(t.Context(), func(tx hub.Tx) error { return tx.Delete(ref) }); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if _, err := s.Get(t.Context(), ref); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
	for r, err := range s.List(t.Context(), ref.Kind) {
		if err != nil {
			t.Errorf("list after it was deleted: %v, %v", r.Ref, err)
		}
	}
}

func wantFine(t *testing.T, s *Store) {
	t.Helper()
	for _, ref := range []hub.Ref{victim, other, large, added} {
		if _, err := s.Get(t.Context(), ref); err != nil {
			t.Errorf("%v: %v", ref, err)
		}
	}
}

// TestOlderHeader: a header from before the store's last update is refused,
// also where it opens with a secret that was given up.
func TestOlderHeader(t *testing.T) {
	x := newSample(t)
	old, err := os.ReadFile(filepath.Join(x.dir, "vault.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(x.v.StoreDir(), x.v, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.v.ResetAnchor(1); err != nil { // any change of the header
		t.Fatal(err)
	}
	x.write(s, func(tx hub.Tx) error { _, err := tx.Put(victim, 2, []byte("third")); return err })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(x.dir, "vault.json"), old, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := seal.Open(x.dir, seal.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Open(v.StoreDir(), v, nil); !errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "the header is number") {
		t.Errorf("an older header: %v", err)
	}
}

// TestEpochsAreNotUsedAgain: of a second that was lost without anybody
// noticing, no value fits into what came after.
func TestEpochsAreNotUsedAgain(t *testing.T) {
	dir, v := newVault(t)
	s := openStore(t, dir, v)
	fill(t, s)
	lost := copyFolder(t, dir) // while the anchor is not set yet
	if err := s.Update(t.Context(), func(tx hub.Tx) error { _, err := tx.Put(victim, 1, []byte("lost")); return err }); err != nil {
		t.Fatal(err)
	}
	used := s.state.epoch
	w, err := seal.Open(lost, seal.Source{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(w.StoreDir(), w, nil, AcceptRollback(true))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.state.epoch <= used {
		t.Errorf("update %d was made, and the next one is %d", used, again.state.epoch+1)
	}
}

// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// rawKeys are the names of what is in the store of a closed hub, as they are on
// disk.
func (m *machine) rawKeys() (keys []string) {
	m.t.Helper()
	m.raw(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			keys = append(keys, string(it.Item().KeyCopy(nil)))
		}
		return nil
	})
	return keys
}

// spoil alters a value in the store of a closed hub, and returns what puts it back,
// unless it was written anew since.
func (m *machine) spoil(key string) (mend func()) {
	m.t.Helper()
	var whole, spoilt []byte
	m.raw(func(txn *badger.Txn) error {
		item, err := txn.Get([]byte(key))
		if err != nil {
			return err
		}
		if whole, err = item.ValueCopy(nil); err != nil {
			return err
		}
		spoilt = bytes.Clone(whole)
		spoilt[len(spoilt)-1] ^= 1
		return txn.Set([]byte(key), spoilt)
	})
	return func() {
		m.t.Helper()
		m.raw(func(txn *badger.Txn) error {
			item, err := txn.Get([]byte(key))
			if err != nil {
				return err
			}
			if now, err := item.ValueCopy(nil); err != nil || !bytes.Equal(now, spoilt) {
				return err
			}
			return txn.Set([]byte(key), whole)
		})
	}
}

// raw opens the store of a closed hub with nothing but Badger.
func (m *machine) raw(f func(*badger.Txn) error) {
	m.t.Helper()
	stores, err := filepath.Glob(filepath.Join(m.data, "store*"))
	if err != nil || len(stores) != 1 {
		m.t.Fatalf("stores: %v, %v", stores, err)
	}
	db, err := badger.Open(badger.DefaultOptions(stores[0]).WithLogger(nil))
	if err != nil {
		m.t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		m.t.Fatal(err)
	}
}

// TestDamagedStore damages each value of a store in turn. The hub starts, or says
// what it cannot do without; what is of an integration or of a custom provider
// takes nothing with it, and is told with its remedy.
func TestDamagedStore(t *testing.T) {
	m := lived(t)
	a := m.open()
	kept := []hub.KeptIntegration{{Slug: "wiki", Provider: "wiki", ID: "data_integration_wiki", Enabled: true, Credentials: hub.CredentialsPublic, ClientID: "id"}}
	if err := catalog.PutBack(t.Context(), a.store, kept); err != nil {
		t.Fatal(err)
	}
	custom := hub.Custom{
		Slug: "wiki", Name: "Wiki", AuthorizeURL: "https://wiki.test/authorize", TokenURL: "https://wiki.test/token",
		Identity: hub.CustomIdentity{URL: "https://wiki.test/me", Subject: "id"},
	}
	record, err := json.Marshal(struct {
		Version int `json:"v"`
		hub.Custom
	}{1, custom})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.store.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindProvider, ID: "wiki"}, 0, record)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if code, _ := a.sessions.NewCode(); code != "" {
		if _, _, err := a.sessions.Login(t.Context(), code); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	essential := regexp.MustCompile(`the (audit|audit-anchor|vault) record|the state that vouches`)
	damaged := map[string]int{}
	for _, key := range m.rawKeys() {
		mend := m.spoil(key)
		a, err := Open(t.Context(), m.options())
		if err != nil {
			if !essential.MatchString(err.Error()) {
				t.Errorf("the hub does not start: %v", err)
			}
			mend()
			continue
		}
		for _, e := range a.catalog.Damaged() {
			what, _, _ := strings.Cut(e.Message, " in the data folder")
			damaged[what]++
			said := func(message, remedy string) bool {
				return strings.Contains(strings.ToLower(message), what) && remedy == e.Remedy
			}
			if n := a.allNotices(t.Context()); !slices.ContainsFunc(n, func(n contract.Notice) bool { return said(n.Message, n.Remedy) }) {
				t.Errorf("%s: noticed %+v", what, n)
			}
			if d := a.diagnose(t.Context()).Findings; !slices.ContainsFunc(d, func(f contract.Finding) bool {
				return f.Check == "integrations" && f.Status == contract.FindingError && said(f.Detail, f.Remedy)
			}) {
				t.Errorf("%s: diagnosed %+v", what, d)
			}
		}
		if apps, err := a.access.List(t.Context()); err != nil || len(apps)+len(a.access.Damaged()) != 1 {
			t.Errorf("apps: %v, damaged: %v, %v", apps, a.access.Damaged(), err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		mend()
	}
	// Each by itself, and with the list that vouches for it.
	want := map[string]int{`the settings of the integration "wiki"`: 2, `the custom provider "wiki"`: 2}
	if !maps.Equal(damaged, want) {
		t.Errorf("told as damaged: %v, want %v", damaged, want)
	}
	a = m.open()
	defer a.Close()
	if d := a.catalog.Damaged(); len(d) != 0 {
		t.Errorf("mended, and still damaged: %v", d)
	}
}

// TestDamagedAppIsRemoved: one whose id is sealed with what is damaged goes by an
// id of its own until it is removed, and does not come back.
func TestDamagedAppIsRemoved(t *testing.T) {
	m := lived(t)
	for _, key := range m.rawKeys() {
		mend := m.spoil(key)
		a, err := Open(t.Context(), m.options())
		if err != nil { // see TestDamagedStore
			mend()
			continue
		}
		damaged := a.access.Damaged()
		for _, d := range damaged {
			if _, err := a.access.Revoke(t.Context(), d.ID); err != nil || len(a.access.Damaged()) != 0 {
				t.Errorf("%s, %s: %v", d.ID, d.Detail, err)
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if len(damaged) == 0 {
			mend()
			continue
		}
		a = m.open()
		defer func() { _ = a.Close() }()
		list, err := a.access.List(t.Context())
		if err != nil || len(list)+len(a.access.Damaged()) != 0 {
			t.Errorf("removed, and there are %v and %v, %v", list, a.access.Damaged(), err)
		}
		return
	}
	t.Error("no app was damaged")
}

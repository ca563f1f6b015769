// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// damagedStore is a store of which some records do not open: a listing tells of
// them with or without their names, a write needs them deleted.
type damagedStore struct {
	hub.Store
	nameless bool
	damaged  map[hub.Ref]bool
}

func (s *damagedStore) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	if s.damaged[ref] {
		return hub.Record{}, &hub.IntegrityError{Ref: ref, Detail: "its seal is broken"}
	}
	return s.Store.Get(ctx, ref)
}

func (s *damagedStore) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		for rec, err := range s.Store.List(ctx, kind) {
			if s.damaged[rec.Ref] {
				err = &hub.IntegrityError{Ref: rec.Ref, Detail: "its seal is broken"}
				if s.nameless {
					err = &hub.IntegrityError{Detail: "found among others: its seal is broken"}
				}
				rec = hub.Record{}
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func (s *damagedStore) Update(ctx context.Context, f func(hub.Tx) error) error {
	return s.Store.Update(ctx, func(tx hub.Tx) error { return f(&damagedTx{tx, s.damaged}) })
}

type damagedTx struct {
	hub.Tx
	damaged map[hub.Ref]bool
}

func (t *damagedTx) Put(ref hub.Ref, expect uint64, value []byte) (uint64, error) {
	if t.damaged[ref] {
		return 0, &hub.IntegrityError{Ref: ref, Detail: "its seal is broken"}
	}
	return t.Tx.Put(ref, expect, value)
}

func (t *damagedTx) Delete(ref hub.Ref) error {
	delete(t.damaged, ref)
	return t.Tx.Delete(ref)
}

// TestDamagedRecords: one that does not open takes nothing else with it, is told
// by its name and how to mend it, and is mended by being entered again.
func TestDamagedRecords(t *testing.T) {
	git, acmes := hub.Ref{Kind: hub.KindIntegration, ID: "git"}, hub.Ref{Kind: hub.KindProvider, ID: "acme"}
	for name, nameless := range map[string]bool{"by name": false, "without a name": true} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			store := &damagedStore{Store: memstore.New(), nameless: nameless}
			c, _ := openCustom(t, store)
			if _, err := c.SaveCustom(ctx, acme(), true); err != nil {
				t.Fatal(err)
			}
			for _, slug := range []string{"git", "local", "acme"} {
				if _, err := c.Save(ctx, slug, own("id", "key")); err != nil {
					t.Fatal(err)
				}
			}
			store.damaged = map[hub.Ref]bool{git: true, acmes: true}

			c, _ = openCustom(t, store)
			if n := len(c.Damaged()); n != 2 {
				t.Errorf("before the plugins have said their names: %v", c.Damaged())
			}
			if err := c.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			if len(store.damaged) != 2 {
				t.Error("what is damaged was removed by a look at it")
			}
			told := c.Damaged()
			if len(told) != 2 || !strings.Contains(told[0].Message, `"git"`) || !strings.Contains(told[1].Message, `"acme"`) {
				t.Fatalf("told: %v", told)
			}
			for _, e := range told {
				if e.Code != hub.CodeIntegrity || !strings.Contains(e.Message, "its seal is broken") || !strings.Contains(e.Remedy, "backup") {
					t.Errorf("told: %+v", e)
				}
			}
			if e, err := c.Get(ctx, "local"); err != nil || e.Problem != nil || e.Integration.ClientID != "id" {
				t.Errorf("the others: %+v, %v", e, err)
			}
			for _, slug := range []string{"git", "acme"} {
				if _, err := c.Resolve(ctx, slug, nil); err == nil || hub.AsError(err).Code != hub.CodeIntegrity {
					t.Errorf("%s: %v", slug, err)
				}
			}

			if _, err := c.Save(ctx, "git", own("id", "key")); err != nil {
				t.Fatalf("set up again: %v", err)
			}
			if e, err := c.SaveCustom(ctx, acme(), true); err != nil || e.Integration.ClientID != "id" {
				t.Fatalf("declared again: %+v, %v", e, err)
			}
			if told := c.Damaged(); len(told) != 0 {
				t.Errorf("mended, and still told: %v", told)
			}
			c, _ = openCustom(t, store)
			if err := c.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			for _, slug := range []string{"git", "acme"} {
				if _, err := c.Resolve(ctx, slug, nil); err != nil {
					t.Errorf("%s after a restart: %v", slug, err)
				}
			}
		})
	}
}

// TestDamagedCustomProviderCanBeRemoved, with what was set up for it.
func TestDamagedCustomProviderCanBeRemoved(t *testing.T) {
	store := &damagedStore{Store: memstore.New()}
	c, _ := openCustom(t, store)
	if _, err := c.SaveCustom(t.Context(), acme(), true); err != nil {
		t.Fatal(err)
	}
	store.damaged = map[hub.Ref]bool{{Kind: hub.KindProvider, ID: "acme"}: true}
	c, _ = openCustom(t, store)
	if err := c.RemoveCustom(t.Context(), "acme"); err != nil || len(c.Damaged()) != 0 {
		t.Errorf("removed: %v, %v", err, c.Damaged())
	}
	if _, err := c.Custom(t.Context(), "acme"); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("it is still there: %v", err)
	}
}

// TestDamagedIdentityOfTheFile: all the rest is in the file, so it is made anew.
func TestDamagedIdentityOfTheFile(t *testing.T) {
	for name, nameless := range map[string]bool{"by name": false, "without a name": true} {
		t.Run(name, func(t *testing.T) {
			ref := hub.Ref{Kind: hub.KindIntegration, ID: "git"}
			store := &damagedStore{Store: memstore.New(), nameless: nameless}
			fromFile := []hub.Integration{{Slug: "git", Provider: "git", Enabled: true, Credentials: hub.CredentialsOwn, ClientID: "id"}}
			ids := 0
			openFile := func() string {
				c := open(t, store, func(cfg *catalog.Config) {
					cfg.File = fromFile
					cfg.NewID = func(p string) string { ids++; return fmt.Sprint(p, ids) }
				})
				e, err := c.Get(t.Context(), "git")
				if err != nil || len(c.Damaged()) != 0 || e.Integration.ClientID != "id" {
					t.Errorf("%+v, %v, damaged: %v", e, err, c.Damaged())
				}
				return e.Integration.ID
			}
			whole := openFile()
			store.damaged = map[hub.Ref]bool{ref: true}
			if first, second := openFile(), openFile(); first != second || first == whole {
				t.Errorf("its id is %s, then %s", first, second)
			}
		})
	}
}

// TestNewerRecords: what a newer version wrote is told as such, with what helps.
func TestNewerRecords(t *testing.T) {
	for _, kind := range []hub.Kind{hub.KindIntegration, hub.KindProvider} {
		store := memstore.New()
		if err := store.Update(t.Context(), func(tx hub.Tx) error {
			_, err := tx.Put(hub.Ref{Kind: kind, ID: "acme"}, 0, []byte(`{"v":9}`))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		_, err := catalog.New(t.Context(), catalog.Config{Declarer: &declarer{}, Store: store})
		if e := hub.AsError(err); e.Code != hub.CodeStorage || !strings.Contains(e.Message, "acme") || e.Remedy == "" {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/access"
	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// gate is an Access with what it needs.
type gate struct {
	*access.Access
	t      *testing.T
	store  *countingStore
	audit  *auditor
	events <-chan hub.Event
	bus    *events.Bus
	now    time.Time
	ids    int
}

func newGate(t *testing.T) *gate {
	g := &gate{
		t: t, store: &countingStore{Store: memstore.New()}, audit: &auditor{}, bus: events.New(),
		now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
	}
	g.events = g.bus.Subscribe(t.Context())
	g.restart()
	return g
}

func (g *gate) restart() {
	g.t.Helper()
	g.remember()
	a, err := access.New(g.t.Context(), access.Config{
		Store: g.store, Publisher: g.bus, Auditor: g.audit, Now: func() time.Time { return g.now },
		NewID: func(prefix string) string { g.ids++; return fmt.Sprintf("%s_%d", prefix, g.ids) },
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.Access = a
}

// remember does what Run does every few seconds, and closing does once more.
func (g *gate) remember() {
	g.t.Helper()
	if g.Access == nil {
		return
	}
	if err := g.Remember(g.t.Context()); err != nil {
		g.t.Error(err)
	}
}

func (g *gate) add(req hub.NewApp) (*hub.App, string) {
	g.t.Helper()
	app, key, err := g.Add(g.t.Context(), req)
	if err != nil {
		g.t.Fatal(err)
	}
	return app, key
}

func (g *gate) opens(key string) bool {
	_, err := g.Authenticate(g.t.Context(), key)
	if err != nil && hub.AsError(err).Code != hub.CodeUnauthorized {
		g.t.Errorf("got %v", err)
	}
	return err == nil
}

type countingStore struct {
	hub.Store
	updates atomic.Int64
}

func (s *countingStore) Update(ctx context.Context, f func(hub.Tx) error) error {
	s.updates.Add(1)
	return s.Store.Update(ctx, f)
}

type auditor struct {
	err     error
	entries []hub.AuditEntry
}

func (a *auditor) Record(_ context.Context, e hub.AuditEntry) error {
	if a.err == nil {
		a.entries = append(a.entries, e)
	}
	return a.err
}

func TestKeyLivesFromAddToRevoke(t *testing.T) {
	g := newGate(t)
	app, key := g.add(hub.NewApp{Name: " editor ", Grants: []hub.Grant{{Integration: "github"}}})
	if !regexp.MustCompile(`^sp_app_[0-9A-Za-z]{43}$`).MatchString(key) {
		t.Errorf("the key is %q", key)
	}
	if app.Name != "editor" || app.Kind != hub.AppLocal || app.All || len(app.Grants) != 1 || app.Grants[0].ID == "" || app.ExpiresAt.Sub(g.now) != 365*24*time.Hour {
		t.Errorf("the app is %+v", app)
	}
	if ev := <-g.events; ev.Type != hub.EventApps {
		t.Errorf("event %+v", ev)
	}
	for range 2 { // now and after a restart
		got, err := g.Authenticate(t.Context(), key)
		if err != nil || got.ID != app.ID || got.Grants[0].ID != app.Grants[0].ID {
			t.Fatalf("got %+v, %v", got, err)
		}
		g.restart()
	}
	_, other := g.add(hub.NewApp{Name: "other", Kind: hub.AppServer})
	if !strings.HasPrefix(other, "sp_key_") {
		t.Errorf("the key of a server is %q", other)
	}
	if _, err := g.Revoke(t.Context(), app.ID); err != nil {
		t.Fatal(err)
	}
	if g.opens(key) || !g.opens(other) {
		t.Error("a removed key opens, or took another with it")
	}
	g.restart()
	if g.opens(key) {
		t.Error("a removed key is back after a restart")
	}
	if _, err := g.Revoke(t.Context(), app.ID); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("removed again: %v", err)
	}
	list, err := g.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "other" || !list[0].All {
		t.Errorf("listed %+v, %v", list, err)
	}
	want := []hub.AuditAction{hub.AuditAppAdd, hub.AuditAppAdd, hub.AuditAppRemove}
	for i, e := range g.audit.entries {
		if e.Action != want[i] || e.Subject == "" {
			t.Errorf("audited %+v", e)
		}
		if gone := e.Action == hub.AuditAppRemove; (e.Name == app.Name) != gone {
			t.Errorf("%s names %q", e.Action, e.Name)
		}
	}
}

// TestDamagedApps: they are told, keep nobody else out, and are removed one by one.
func TestDamagedApps(t *testing.T) {
	g := newGate(t)
	_, key := g.add(hub.NewApp{Name: "editor"})
	if d := g.Damaged(); len(d) != 0 {
		t.Errorf("damaged: %v", d)
	}
	if err := g.store.Update(t.Context(), func(tx hub.Tx) error {
		for _, id := range []string{"app_x", "app_y"} {
			if _, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: id}, 0, []byte("{")); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	g.restart()
	damaged := func() (ids []string) {
		for _, d := range g.Damaged() {
			ids = append(ids, d.ID)
		}
		return ids
	}
	if list, err := g.List(t.Context()); err != nil || len(list) != 1 || !slices.Equal(damaged(), []string{"app_x", "app_y"}) || !g.opens(key) {
		t.Errorf("listed %+v, %v; damaged are %v", list, err, damaged())
	}

	g.audit.err = errors.New("the disk is full")
	if _, err := g.Revoke(t.Context(), "app_x"); err == nil || len(damaged()) != 2 {
		t.Errorf("removed unseen: %v", err)
	}
	g.audit.err = nil
	for range 2 { // now and after a restart
		if _, err := g.Revoke(t.Context(), "app_x"); err != nil && hub.AsError(err).Code != hub.CodeNotFound {
			t.Fatal(err)
		}
		if !slices.Equal(damaged(), []string{"app_y"}) || !g.opens(key) {
			t.Errorf("damaged are %v", damaged())
		}
		g.restart()
	}
	if e := g.audit.entries[len(g.audit.entries)-1]; e.Action != hub.AuditAppDiscard || e.Subject != "app_x" {
		t.Errorf("audited %+v", e)
	}
	if _, err := g.Revoke(t.Context(), "app_x"); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("removed again: %v", err)
	}
}

func TestStoreHoldsNoKey(t *testing.T) {
	g := newGate(t)
	_, key := g.add(hub.NewApp{Name: "editor"})
	n := 0
	for rec, err := range g.store.List(t.Context(), hub.KindApp) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if bytes.Contains(rec.Value, []byte(key)) || bytes.Contains(rec.Value, []byte(key[len("sp_app_"):])) {
			t.Error("the key is in the store")
		}
	}
	if n != 1 {
		t.Errorf("%d records", n)
	}
}

func TestKeysDiffer(t *testing.T) {
	g := newGate(t)
	seen := map[string]bool{}
	for range 200 {
		_, key := g.add(hub.NewApp{Name: "x"})
		if seen[key] {
			t.Fatal("the same key twice")
		}
		seen[key] = true
	}
}

func TestWrongKeys(t *testing.T) {
	g := newGate(t)
	_, key := g.add(hub.NewApp{Name: "editor"})
	for _, wrong := range []string{"", "sp_app_", key[:len(key)-1], key + "x", strings.ToUpper(key), " " + key, strings.Repeat("x", 1<<20)} {
		if g.opens(wrong) {
			t.Errorf("%.60q opens", wrong)
		}
	}
}

func TestExpiredKey(t *testing.T) {
	g := newGate(t)
	_, key := g.add(hub.NewApp{Name: "editor", ExpiresIn: time.Hour})
	g.now = g.now.Add(time.Hour - time.Second)
	if !g.opens(key) {
		t.Error("refused before its time")
	}
	g.now = g.now.Add(time.Second)
	_, err := g.Authenticate(t.Context(), key)
	if e := hub.AsError(err); e.Code != hub.CodeUnauthorized || !strings.Contains(e.Message, "expired") || e.Remedy == "" {
		t.Errorf("got %v", err)
	}
}

func TestGuessingIsSlowedDownAndHurtsNobodyElse(t *testing.T) {
	g := newGate(t)
	_, key := g.add(hub.NewApp{Name: "editor"})
	refused := 0
	for i := range 100 {
		_, err := g.Authenticate(t.Context(), fmt.Sprint("sp_app_", i))
		e := hub.AsError(err)
		switch {
		case e.Code == hub.CodeTooManyRequests && hub.OutcomeOf(e.Code).HTTP == 429 && e.Wait() > 0 && e.Wait() <= time.Minute:
			refused++
		case e.Code != hub.CodeUnauthorized:
			t.Fatalf("got %v", err)
		}
		if !g.opens(key) {
			t.Fatal("the right key was kept out")
		}
	}
	if refused != 90 {
		t.Errorf("%d of 100 were told to wait", refused)
	}
	g.now = g.now.Add(time.Minute)
	if _, err := g.Authenticate(t.Context(), "sp_app_x"); hub.AsError(err).Code != hub.CodeUnauthorized {
		t.Errorf("a minute later: %v", err)
	}
	g.now = g.now.Add(-time.Hour) // the clock was set back
	if _, err := g.Authenticate(t.Context(), "sp_app_x"); hub.AsError(err).Code != hub.CodeUnauthorized {
		t.Errorf("after the clock was set back: %v", err)
	}
}

func TestLastUseIsWrittenSeldom(t *testing.T) {
	g := newGate(t)
	_, key := g.add(hub.NewApp{Name: "editor"})
	writes := g.store.updates.Load()
	for range 100 {
		g.now = g.now.Add(time.Second)
		if !g.opens(key) {
			t.Fatal("refused")
		}
		g.remember()
	}
	if n := g.store.updates.Load() - writes; n != 1 {
		t.Errorf("%d writes for 100 uses", n)
	}
	if list, _ := g.List(t.Context()); !list[0].LastUsed.Equal(g.now) {
		t.Errorf("last used %v, want %v", list[0].LastUsed, g.now)
	}
	g.now = g.now.Add(time.Hour)
	g.opens(key)
	g.restart()
	if list, _ := g.List(t.Context()); !list[0].LastUsed.Equal(g.now) {
		t.Errorf("after a restart: last used %v, want %v", list[0].LastUsed, g.now)
	}
}

func TestNoAuditNoChange(t *testing.T) {
	g := newGate(t)
	app, key := g.add(hub.NewApp{Name: "editor"})
	g.audit.err = errors.New("disk full")
	if _, _, err := g.Add(t.Context(), hub.NewApp{Name: "other"}); err == nil {
		t.Error("added without an audit")
	}
	if _, err := g.Revoke(t.Context(), app.ID); err == nil {
		t.Error("removed without an audit")
	}
	if list, _ := g.List(t.Context()); len(list) != 1 || !g.opens(key) {
		t.Error("something was changed")
	}
}

func TestInvalidApps(t *testing.T) {
	g := newGate(t)
	for field, req := range map[string]hub.NewApp{
		"name":       {Name: " "},
		"expires_in": {Name: "x", ExpiresIn: -time.Second},
		"kind":       {Name: "x", Kind: "admin"},
		"grants":     {Name: "x", Grants: []hub.Grant{{Connection: "c"}}},
	} {
		if _, _, err := g.Add(t.Context(), req); hub.AsError(err).Code != hub.CodeInvalid || hub.AsError(err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, name := range []string{"a\nb", "a\x1b[2Jb", "a\u202eb", strings.Repeat("x", 65)} {
		if _, _, err := g.Add(t.Context(), hub.NewApp{Name: name}); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
}

func TestDamagedRecordKeepsNobodyElseOut(t *testing.T) {
	g := newGate(t)
	app, bad := g.add(hub.NewApp{Name: "bad"})
	_, good := g.add(hub.NewApp{Name: "good"})
	err := g.store.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(hub.Ref{Kind: hub.KindApp, ID: app.ID}, 1, []byte("garbage"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	g.restart()
	if g.opens(bad) || !g.opens(good) {
		t.Error("a damaged record opens, or keeps the others out")
	}
}

func TestConcurrentUse(t *testing.T) {
	g := newGate(t)
	app, key := g.add(hub.NewApp{Name: "editor"})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, _ = g.Authenticate(t.Context(), key)
			_, _ = g.Authenticate(t.Context(), "wrong")
			_, _ = g.List(t.Context())
			if i == 25 {
				_, _ = g.Revoke(t.Context(), app.ID)
			}
		})
	}
	wg.Wait()
	g.now = g.now.Add(time.Hour) // past the limit on wrong keys
	if g.opens(key) {
		t.Error("the removed key opens")
	}
	g.restart()
	if list, _ := g.List(t.Context()); len(list) != 0 {
		t.Error("noting the last use brought the app back")
	}
}

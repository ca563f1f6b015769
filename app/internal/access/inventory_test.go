// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/access"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// TestAppsPutBack: an app of an inventory is known by its key and may draw
// nothing, whatever it was allowed.
func TestAppsPutBack(t *testing.T) {
	g := newGate(t)
	all, allKey := g.add(hub.NewApp{Name: "everything", All: true, ExpiresIn: time.Hour})
	server, serverKey := g.add(hub.NewApp{Name: "backend", Kind: hub.AppServer})
	_, granted := g.add(hub.NewApp{Name: "granted", Grants: []hub.Grant{{Integration: "github"}}})
	kept := g.Kept()
	if text, _ := json.Marshal(kept); len(kept) != 3 || bytes.Contains(text, []byte("github")) || bytes.Contains(text, []byte(allKey)) {
		t.Errorf("kept: %s", text)
	}

	g.store.Store = memstore.New()
	if err := access.PutBack(t.Context(), g.store, kept); err != nil {
		t.Fatal(err)
	}
	g.restart()
	for _, key := range []string{allKey, serverKey, granted} {
		if !g.opens(key) {
			t.Error("a key that was kept does not open")
		}
	}
	list, _ := g.List(t.Context())
	for _, app := range list {
		if app.All || len(app.Grants) > 0 {
			t.Errorf("%s may draw: %+v", app.Name, app)
		}
		if want := map[string]*hub.App{all.ID: all, server.ID: server}[app.ID]; want != nil &&
			(app.Name != want.Name || app.Kind != want.Kind || !app.ExpiresAt.Equal(want.ExpiresAt)) {
			t.Errorf("%+v, was %+v", app, want)
		}
	}
	g.now = g.now.Add(2 * time.Hour)
	if g.opens(allKey) {
		t.Error("a key lives longer than it was given")
	}
	bad := kept[0]
	bad.ID, bad.KeyHash = "app_bad", bad.KeyHash[1:]
	if err := access.PutBack(t.Context(), g.store, []hub.KeptApp{bad}); err == nil {
		t.Error("half a hash was taken")
	}
}

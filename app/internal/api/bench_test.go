// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/audit"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
)

// BenchmarkVend is a fresh vend from the guard to the body, without a network
// and on a store in memory: what the house itself costs.
func BenchmarkVend(b *testing.B) {
	h := newHouse(b)
	h.connected(hub.Me)
	key := "Bearer " + h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}})
	app := h.App()
	for b.Loop() {
		r := httptest.NewRequest("POST", vendPath, strings.NewReader("{}"))
		r.Host = listen
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", key)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}

// BenchmarkOverhead is a fresh vend on a store and an audit on disk, whole and
// without what decides and records it. tools/bench/overhead.sh makes shares of
// it. HTTP's own cost (a connection, parsing) is in neither.
func BenchmarkOverhead(b *testing.B) {
	quiet := slog.New(slog.DiscardHandler)
	open := func(b *testing.B) (*badgerstore.Store, *audit.Log) {
		dir := filepath.Join(b.TempDir(), "data") // which is made with mode 0700
		source, err := seal.ParseSource("file:" + filepath.Join(b.TempDir(), "key"))
		if err != nil {
			b.Fatal(err)
		}
		vault, err := seal.Init(dir, source)
		if err != nil {
			b.Fatal(err)
		}
		store, err := badgerstore.Open(seal.StoreDir(dir), vault, quiet)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = store.Close() })
		log, err := audit.Open(b.Context(), audit.Config{Dir: dir, Store: store, Logger: quiet})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = log.Close() })
		return store, log
	}
	serve := func(b *testing.B, h http.Handler, path, body, key string) {
		for b.Loop() {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Host = listen
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", key)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				b.Fatalf("status %d: %s", w.Code, w.Body)
			}
		}
	}
	vend := func(b *testing.B, h *house) {
		h.connected(hub.Me)
		serve(b, h.App(), vendPath, "{}", "Bearer "+h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}}))
	}
	b.Run("whole", func(b *testing.B) {
		store, log := open(b)
		vend(b, newHouseOn(b, store, log))
	})
	b.Run("without-audit", func(b *testing.B) {
		store, _ := open(b)
		vend(b, newHouseOn(b, store, yes{}))
	})
	b.Run("without-audit-and-access", func(b *testing.B) {
		store, _ := open(b)
		h := newHouseOn(b, store, yes{})
		h.connected(hub.Me)
		serve(b, h.Local(), "/local/token", `{"integration":"peer"}`, "")
	})
}

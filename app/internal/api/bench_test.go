// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
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

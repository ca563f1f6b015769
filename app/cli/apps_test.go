// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// TestOutstandingOfABackend: what the backend of a product holds for all its
// users does not fill the terminal.
func TestOutstandingOfABackend(t *testing.T) {
	e, out, errs := testEnv("")
	if err := e.outstanding(contract.Revoked{Outstanding: make([]contract.Outstanding, 1000)}); err != nil {
		t.Fatal(err)
	}
	all := out.String() + errs.String()
	if n := strings.Count(all, "\n"); n != 23 || !strings.Contains(all, "and 980 more") {
		t.Errorf("%d lines:\n%s", n, all)
	}
}

// TestDamagedAppIsRevoked: by the id that the list shows, as nobody knows its name.
func TestDamagedAppIsRevoked(t *testing.T) {
	var revoked []string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ui/api/apps", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(contract.Apps{
			Apps:    []contract.App{{ID: "app_1", Name: "editor"}},
			Damaged: []contract.DamagedApp{{ID: "damaged_07", Problem: "its seal is broken"}},
		})
	})
	mux.HandleFunc("DELETE /ui/api/apps/{id}", func(w http.ResponseWriter, r *http.Request) {
		revoked = append(revoked, r.PathValue("id"))
		_ = json.NewEncoder(w).Encode(contract.Revoked{Outstanding: []contract.Outstanding{}})
	})
	c := instance.NewClient(instance.HandlerTransport(mux))
	for name, want := range map[string]string{
		"damaged_07": "Removed what was left of the damaged app damaged_07.\n",
		"editor":     "Revoked editor (app_1). Its key no longer works.\n",
	} {
		e, out, _ := testEnv("")
		if err := e.revokeApp(t.Context(), c, name); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	e, _, _ := testEnv("")
	if err := e.revokeApp(t.Context(), c, "damaged_08"); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("one that is not there: %v", err)
	}
	if len(revoked) != 2 {
		t.Errorf("revoked %v", revoked)
	}
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// TestForgetLost: what was given up is said, also where damage hides what it was;
// where the hub cannot be asked, nothing is given up.
func TestForgetLost(t *testing.T) {
	three := contract.Lost{Accounts: []contract.LostAccount{{Integration: "github", Account: "oc…"}}, More: map[string]int{"slack": 2}}
	for name, tt := range map[string]struct {
		lost       contract.Lost
		err        hub.Code
		text, json string
	}{
		"some":    {three, "", "Given up: 3 accounts.\n", `{"forgotten":{"accounts":[{"integration":"github","account":"oc…"}],"more":{"slack":2}}}` + "\n"},
		"none":    {contract.Lost{Accounts: []contract.LostAccount{}}, "", "None.\n", `{"forgotten":{"accounts":[]}}` + "\n"},
		"damaged": {contract.Lost{}, hub.CodeIntegrity, "Given up: a list that could not be read.\n", `{"forgotten":{"accounts":[]}}` + "\n"},
		"locked":  {contract.Lost{}, hub.CodeLocked, "", ""},
	} {
		for _, asJSON := range []bool{false, true} {
			forgotten := false
			mux := http.NewServeMux()
			mux.HandleFunc("GET /local/lost", func(w http.ResponseWriter, _ *http.Request) {
				if tt.err != "" {
					w.WriteHeader(hub.OutcomeOf(tt.err).HTTP)
					_ = json.NewEncoder(w).Encode(contract.Error{Code: tt.err, Message: "no"})
					return
				}
				_ = json.NewEncoder(w).Encode(tt.lost)
			})
			mux.HandleFunc("DELETE /local/lost", func(w http.ResponseWriter, _ *http.Request) {
				forgotten = true
				w.WriteHeader(http.StatusNoContent)
			})
			e, out, _ := testEnv("")
			e.json = asJSON
			err := e.forgetLost(t.Context(), instance.NewClient(instance.HandlerTransport(mux)))
			if failed := tt.text == ""; (err != nil) != failed || forgotten == failed {
				t.Errorf("%s: ended with %v, forgotten: %t", name, err, forgotten)
			}
			want := tt.text
			if asJSON {
				want = tt.json
			}
			if out.String() != want {
				t.Errorf("%s: printed %q, want %q", name, out, want)
			}
		}
	}
}

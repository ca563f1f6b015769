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

// TestMistyped: who mistypes an integration is told which one it may be; of what
// else is wrong nothing is added.
func TestMistyped(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ui/api/accounts", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(contract.Accounts{Integrations: []contract.Integration{{Slug: "slack"}, {Slug: "github"}, {Slug: "gitlab"}}})
	})
	c := instance.NewClient(instance.HandlerTransport(mux))
	nothing := hub.Errorf(hub.CodeNotFound, "there is none").WithRemedy("Look.")
	for slug, want := range map[string]string{
		"githb":   "Did you mean github or gitlab? Look.",
		"Slack":   "Did you mean slack? Look.",
		"dropbox": "Look.",
		"github":  "Look.",
	} {
		if got := hub.AsError(mistyped(t.Context(), c, slug, nothing)); got.Code != hub.CodeNotFound || got.Remedy != want {
			t.Errorf("%s: %+v, not %q", slug, got, want)
		}
	}
	if nothing.Remedy != "Look." {
		t.Errorf("the error itself was changed: %q", nothing.Remedy)
	}
	other := hub.Errorf(hub.CodeConflict, "it is busy")
	if got := mistyped(t.Context(), c, "githb", other); got != error(other) {
		t.Errorf("another error became %v", got)
	}
	if err := mistyped(t.Context(), c, "githb", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	if _, err := findConnection(t.Context(), c, "githb", ""); hub.AsError(err).Remedy[:23] != "Did you mean github or " {
		t.Errorf("a draw of it: %+v", hub.AsError(err))
	}
}

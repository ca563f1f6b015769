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

// TestGrantsNameAccounts: people name an account as they know it; who means one
// of several, or none, is told.
func TestGrantsNameAccounts(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ui/api/accounts", func(w http.ResponseWriter, _ *http.Request) {
		account := func(id, slug, login, email string) contract.Connection {
			return contract.Connection{ID: id, Integration: slug, Account: contract.Account{Login: login, Email: email, Label: login}}
		}
		_ = json.NewEncoder(w).Encode(contract.Accounts{Connections: []contract.Connection{
			account("c1", "github", "octocat", "mona@example.test"), account("c2", "github", "hubot", "mona@example.test"), account("c3", "gitlab", "octocat", ""),
		}})
	})
	c := instance.NewClient(instance.HandlerTransport(mux))
	for given, want := range map[string]struct {
		id   string
		code hub.Code
	}{
		"github":                               {id: ""},
		"github:octocat":                       {id: "c1"},
		"gitlab:octocat":                       {id: "c3"},
		"github:data_installation_of_somebody": {id: "data_installation_of_somebody"},
		"github:mona@example.test":             {code: hub.CodeAccountSelection},
		"github:nobody":                        {code: hub.CodeNotFound},
	} {
		g, err := parseGrant(given)
		if err != nil {
			t.Fatal(err)
		}
		grants := []contract.NewGrant{g}
		err = nameConnections(t.Context(), c, grants)
		switch {
		case want.code != "" && (err == nil || asHubError(err).Code != want.code):
			t.Errorf("%s: %v, want %s", given, err, want.code)
		case want.code == "" && (err != nil || grants[0].Connection != want.id):
			t.Errorf("%s means %q, %v; want %q", given, grants[0].Connection, err, want.id)
		}
	}
}

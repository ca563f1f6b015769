// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/plugintest"
)

func TestContract(t *testing.T) {
	plugintest.Run(t, plugintest.Config{
		New:      func() sdk.Provider { return provider{} },
		Package:  ".",
		Provider: "example",
		Definition: definition(t, "{base_url}", map[string]any{
			"description": "Read your profile.",
			"config":      []any{map[string]any{"key": "base_url", "label": "Address", "kind": "url", "required": true}},
		}),
		Settings:     map[string]string{"base_url": plugintest.URL},
		ClientID:     "client",
		ClientSecret: clientSecret.Reveal(),
		RedirectURI:  redirectURI,
		Server: plugintest.OAuth(oauthtest.Options{
			Clients: []oauthtest.Client{{ID: "client", Secret: clientSecret.Reveal(), RedirectURIs: []string{redirectURI}}},
			Users:   []oauthtest.User{octocat},
			Rules:   oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true, RequirePKCE: true},
		}),
	})
}

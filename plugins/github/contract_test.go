// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/plugintest"
)

func TestContract(t *testing.T) { contract(t, sandbox.Options{}) }

// TestContractGitHubApp is the same with the other kind of app.
func TestContractGitHubApp(t *testing.T) { contract(t, sandbox.Options{GitHubApp: true}) }

func contract(t *testing.T, o sandbox.Options) {
	plugintest.Run(t, plugintest.Config{
		New:          func() sdk.Provider { return &provider{standard} },
		Package:      ".",
		Provider:     "github",
		ClientID:     sandbox.ClientID,
		ClientSecret: sandbox.ClientSecret,
		RedirectURI:  redirectURI,
		Server:       sandboxtest.Server("github", "octocat-demo", o),
	})
}

func TestPicture(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.WantPicture(w.MustConnect(nil, "read:user"))
}

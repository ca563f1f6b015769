// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/plugintest"
)

// standIn is the sandbox with somebody in front of it.
type standIn struct {
	http.Handler
	*sandboxtest.Person
}

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
		Server: func(url string) (plugintest.Server, error) {
			s, err := sandbox.New(o)
			return standIn{s, sandboxtest.New(url, "github", "octocat-demo")}, err
		},
	})
}

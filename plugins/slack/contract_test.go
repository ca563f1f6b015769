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

const redirectURI = "https://localhost/callback/slack"

// standIn is the sandbox with somebody in front of it.
type standIn struct {
	http.Handler
	*sandboxtest.Person
}

func TestContract(t *testing.T) {
	plugintest.Run(t, plugintest.Config{
		New:          func() sdk.Provider { return &provider{standard} },
		Package:      ".",
		Provider:     "slack",
		ClientID:     sandbox.ClientID,
		ClientSecret: sandbox.ClientSecret,
		RedirectURI:  redirectURI,
		Scopes:       []string{"chat:write", "channels:read", "user:users:read"},
		Server: func(url string) (plugintest.Server, error) {
			s, err := sandbox.New(sandbox.Options{})
			return standIn{s, sandboxtest.New(url, "slack", "ada.demo")}, err
		},
	})
}

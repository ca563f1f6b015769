// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/plugintest"
)

const redirectURI = "https://localhost/callback/slack"

func TestContract(t *testing.T) {
	plugintest.Run(t, plugintest.Config{
		New:          func() sdk.Provider { return &provider{standard} },
		Package:      ".",
		Provider:     "slack",
		ClientID:     sandbox.ClientID,
		ClientSecret: sandbox.ClientSecret,
		RedirectURI:  redirectURI,
		Scopes:       []string{"chat:write", "channels:read", "user:users:read"},
		Server:       sandboxtest.Server("slack", "ada.demo", sandbox.Options{}),
	})
}

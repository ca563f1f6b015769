// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/app/sandbox/sandboxtest"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/plugintest"
)

const redirectURI = "http://localhost:4780/callback/salesforce"

func TestContract(t *testing.T) {
	plugintest.Run(t, plugintest.Config{
		New:          func() sdk.Provider { return &provider{standard} },
		Package:      ".",
		Provider:     "salesforce",
		ClientID:     sandbox.ClientID,
		ClientSecret: sandbox.ClientSecret,
		RedirectURI:  redirectURI,
		Server:       sandboxtest.Server("salesforce", "ada@demo.example.test", sandbox.Options{}),
	})
}

func TestPicture(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.WantPicture(w.MustConnect(nil, "api", "id"))
}

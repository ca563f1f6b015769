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

func TestPicture(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.WantPicture(w.MustConnect(nil, "user:users:read"))
}

// TestNoPicture: a token that may not list people, and a bot's that may.
func TestNoPicture(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	first := w.MustConnect(nil, "chat:write")
	if id, err := w.Identify(first.Tokens.AccessToken, first.Tokens.Metadata); err != nil || id.Account.Picture != "" {
		t.Errorf("%+v, %v", id, err)
	}
	w.WantPicture(w.MustConnect(nil, "users:read"))
}

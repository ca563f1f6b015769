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

const redirectURI = "http://127.0.0.1:4780/callback/google"

// standIn is the sandbox with somebody in front of it. It has no device flow for
// this client: Google wants another type for that, which TestDevice has.
type standIn struct {
	http.Handler
	consenter
}

type consenter interface {
	Consent(authorizationURL string) (string, error)
}

func TestContract(t *testing.T) {
	plugintest.Run(t, plugintest.Config{
		New:          func() sdk.Provider { return &provider{standard} },
		Package:      ".",
		Provider:     "google",
		ClientID:     sandbox.ClientID,
		ClientSecret: sandbox.ClientSecret,
		RedirectURI:  redirectURI,
		Server: func(url string) (plugintest.Server, error) {
			s, err := sandbox.New(sandbox.Options{})
			return standIn{s, sandboxtest.New(url, "google", "ada.demo@example.test")}, err
		},
	})
}

func TestPicture(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.WantPicture(w.MustConnect(nil, "openid", "profile"))
}

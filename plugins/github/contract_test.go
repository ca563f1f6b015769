// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"

	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/plugintest"
	"github.com/standpipe/standpipe/sdk/secret"
)

// github is the sandbox's, whose user presses the buttons.
type github struct {
	http.Handler
	*world
}

func (g github) Consent(authorizationURL string) (string, error) {
	return redirectURI + "?" + g.consent(authorizationURL, "octocat-demo").Encode(), nil
}

func TestContract(t *testing.T) {
	plugintest.Run(t, plugintest.Config{
		New:          func() sdk.Provider { return &provider{standard} },
		Package:      ".",
		Provider:     "github",
		ClientID:     sandbox.ClientID,
		ClientSecret: sandbox.ClientSecret,
		RedirectURI:  redirectURI,
		Server: func(url string) (plugintest.Server, error) {
			s, err := sandbox.New(sandbox.Options{})
			return github{s, &world{&provider{standard}, t, url, secret.New(sandbox.ClientSecret)}}, err
		},
	})
}

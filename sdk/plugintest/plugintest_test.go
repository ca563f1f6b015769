// SPDX-License-Identifier: Apache-2.0

package plugintest_test

import (
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauthtest"
	"github.com/standpipe/standpipe/sdk/plugintest"
	"github.com/standpipe/standpipe/sdk/plugintest/testdata/example/provider"
)

const redirectURI = "http://127.0.0.1:4780/callback/example"

func example() plugintest.Config {
	return plugintest.Config{
		New:          func() sdk.Provider { return provider.New() },
		Package:      "./testdata/example",
		Provider:     "example",
		ClientID:     "app",
		ClientSecret: "a-client-secret",
		RedirectURI:  redirectURI,
		Server: plugintest.OAuth(oauthtest.Options{
			Clients: []oauthtest.Client{{ID: "app", Secret: "a-client-secret", RedirectURIs: []string{redirectURI}}},
			Users:   []oauthtest.User{{Subject: "1", Login: "octocat", Email: "octocat@example.com"}},
			Rules:   oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true, ReuseRevokes: true, RequirePKCE: true},
		}),
	}
}

func TestExample(t *testing.T) { plugintest.Run(t, example()) }

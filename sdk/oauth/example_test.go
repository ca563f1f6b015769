// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// A plain provider is a value; its main hands it to sdk.Serve.
func ExampleStandard() {
	provider := &oauth.Standard{
		Descriptor: sdk.Descriptor{
			Slug: "example", Name: "Example", Description: "Notes and their authors.",
			Scopes:         []sdk.Scope{{Name: "notes:read", Title: "Read your notes", Default: true}},
			SecretRequired: true, Rotation: sdk.RotationNone, Revoke: sdk.ReachToken,
		},
		AuthorizeURL: "https://example.com/oauth/authorize",
		TokenURL:     "https://api.example.com/oauth/token",
		ClientAuth:   oauth.AuthBasic,
		Identity:     &oauth.Identity{URL: "https://api.example.com/me", Subject: "id", Login: "handle"},
		Revocation:   &oauth.Revocation{URL: "https://api.example.com/oauth/revoke"},
	}
	out, err := provider.Authorize(context.Background(), &sdk.AuthorizeRequest{
		Target: sdk.Target{ClientID: "my-app"}, RedirectURI: "http://127.0.0.1:4780/callback/example",
		State: "state", CodeChallenge: "challenge", Scopes: []string{"notes:read"},
	})
	if err != nil {
		panic(err)
	}
	u, _ := url.Parse(out.URL)
	fmt.Println(u.Host, u.Query().Get("scope"), u.Query().Get("code_challenge_method"))
	fmt.Println(provider.Description().AllowedHosts)
	fmt.Println(provider.Validate())
	// Output:
	// example.com notes:read S256
	// [example.com:443 api.example.com:443]
	// <nil>
}

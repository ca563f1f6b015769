// SPDX-License-Identifier: Apache-2.0

// Package provider is a plain provider as a table.
package provider

import (
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// New returns the provider.
func New() *oauth.Standard {
	return &oauth.Standard{
		Descriptor: sdk.Descriptor{
			Slug: "example", Name: "Example", Description: "Read your profile at Example.",
			Scopes:   []sdk.Scope{{Name: "profile", Title: "Read your profile", Default: true}},
			Config:   []sdk.ConfigField{{Key: "base_url", Label: "Address", Required: true, Kind: sdk.FieldURL, Default: "https://example.com"}},
			Rotation: sdk.RotationSingle, Revoke: sdk.ReachGrant,
			Sandbox: map[string]string{"base_url": "{sandbox}"},
		},
		AuthorizeURL: "{base_url}/authorize",
		TokenURL:     "{base_url}/token",
		Identity:     &oauth.Identity{URL: "{base_url}/userinfo", Issuer: "{base_url}", Subject: "sub", Login: "preferred_username", Picture: "picture"},
		Revocation:   &oauth.Revocation{URL: "{base_url}/revoke"},
	}
}

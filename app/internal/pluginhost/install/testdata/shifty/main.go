// SPDX-License-Identifier: Apache-2.0

// Command shifty is a plugin that says of itself what stands at the end of its
// executable, after the word "SHIFTY:", so that one build is many releases.
package main

import (
	"bytes"
	"encoding/json"
	"os"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

func main() {
	var says struct {
		Slug, Version string
		Hosts         []string
		Revokes       bool
		Local         bool // its provider is at an address that is set
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(b[bytes.LastIndex(b, []byte("SHIFTY"+":"))+7:], &says); err != nil {
		panic(err)
	}
	sdk.PluginVersion = says.Version
	s := &oauth.Standard{Descriptor: sdk.Descriptor{
		Slug: says.Slug, Name: "Shifty", Description: "For tests.", AllowedHosts: says.Hosts, RevokeNote: "Revoke it there.",
	}}
	if says.Local {
		s.Descriptor.Config = []sdk.ConfigField{{Key: "base_url", Label: "Address", Kind: sdk.FieldURL, Required: true}}
		s.AuthorizeURL, s.TokenURL = "{base_url}/authorize", "{base_url}/token"
		s.Identity = &oauth.Identity{URL: "{base_url}/userinfo", Issuer: "{base_url}", Subject: "sub", Login: "preferred_username"}
		sdk.Serve(s)
	}
	s.AuthorizeURL, s.TokenURL = "https://"+says.Hosts[0]+"/authorize", "https://"+says.Hosts[0]+"/token"
	if says.Revokes {
		sdk.Serve(s)
	}
	sdk.Serve(less{s})
}

// less is a provider without the optional interfaces.
type less struct{ sdk.Provider }

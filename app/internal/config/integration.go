// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// slugPattern is what the name of a provider or an integration may be.
var slugPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

const slugHelp = "A name has lower-case letters, digits and hyphens, at most 64: it is a part of the redirect URI."

// network says where the calls of an integration may go.
type network string

const (
	networkPublic  network = "public"
	networkPrivate network = "private"
)

// integration reads one block.
func (d *decoder) integration(c *Config, in *hub.Integration, b *hclsyntax.Block) {
	reach := networkPublic
	d.body(b.Body, settings{
		"provider": d.str(&in.Provider, func(s string) (string, string) {
			if slugPattern.MatchString(s) {
				return "", ""
			}
			return fmt.Sprintf("%q is no name of a provider", clean(s)), slugHelp + " `standpipe providers` lists them."
		}),
		"credentials": oneOf(d, &in.Credentials, hub.CredentialsOwn, hub.CredentialsPublic, hub.CredentialsSandbox),
		"client_id": d.str(&in.ClientID, func(s string) (string, string) {
			if s != "" && len(s) <= 1024 {
				return "", ""
			}
			return "The client id is empty or too long", "Copy it from the provider's page of your OAuth app."
		}),
		"client_secret": func(a *hclsyntax.Attribute) { in.ClientSecret = d.secretValue(a) },
		"scopes":        d.strings(&in.Scopes),
		"audiences":     d.audiences(&in.Audiences),
		"description":   d.str(&in.Description, nil),
		"enabled":       d.boolean(&in.Enabled),
		"network":       oneOf(d, &reach, networkPublic, networkPrivate),
		"config":        d.table(&in.Config),
	}, nil)
	in.PrivateNetwork = reach == networkPrivate
	d.credentials(c, in, b)
}

// credentials checks that client id and secret go with the kind of credentials.
func (d *decoder) credentials(c *Config, in *hub.Integration, b *hclsyntax.Block) {
	where := func(name string) hcl.Range {
		if a := b.Body.Attributes[name]; a != nil {
			return a.SrcRange
		}
		return b.DefRange()
	}
	id, secret := b.Body.Attributes["client_id"], b.Body.Attributes["client_secret"]
	switch in.Credentials {
	case hub.CredentialsOwn:
		if id == nil {
			d.fail(where("credentials"), "The client id is missing",
				"Register an OAuth app at the provider and add its client_id.\nTo try it out without one: credentials = \"sandbox\"")
		}
	case hub.CredentialsPublic:
		if secret != nil {
			d.fail(secret.NameRange, "A public client has no secret", "Leave client_secret out, or set credentials = \"own\".")
		}
	case hub.CredentialsSandbox:
		if c.Production() {
			d.fail(where("credentials"), "Sandbox credentials are refused in production",
				"The sandbox is a simulation: its accounts are nobody's. Use your own OAuth app, or set mode = \"server\" for a trial.")
		}
		if c.Sandbox == "" {
			d.fail(where("credentials"), "There is no sandbox", "The setting \"sandbox\" at the top of the file is empty. Remove it for the default address.")
		}
		for _, a := range []*hclsyntax.Attribute{id, secret} {
			if a != nil {
				d.warn(a.NameRange, fmt.Sprintf("%q is not used", a.Name), "The sandbox has a client of its own.")
			}
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// provider is Salesforce: the table, and what a table cannot say.
type provider struct{ *oauth.Standard }

// Identify implements sdk.Identifier. Org and user are taken from the identity
// URL of the token answer, which is there whatever was granted; their names are
// asked for at the host of the connection, and done without where the scopes do
// not reach.
func (p *provider) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	org, user := ids(r.Metadata["identity_url"])
	if user == "" {
		return p.Standard.Identify(ctx, r)
	}
	table, identity := *p.Standard, *p.Standard.Identity
	identity.URL = "{host}/id/" + org + "/" + user
	table.Identity = &identity
	out, err := table.Identify(ctx, r)
	if e, ok := err.(*sdk.Error); ok && e.Reason == sdk.ReasonScopeMissing {
		host := strings.TrimRight(r.Config["host"], "/")
		if host == "" {
			host = descriptor.Config[0].Default
		}
		return &sdk.IdentifyResponse{Account: sdk.Account{Issuer: host, Subject: user, Tenant: org}}, nil
	}
	if err != nil {
		return nil, err
	}
	// To the letter what the token answer says: some answers have the ids in 15
	// characters, others in 18.
	out.Account.Subject, out.Account.Tenant = user, org
	return out, nil
}

// ids takes org and user out of …/id/{org}/{user}; nothing where it is none.
func ids(identity string) (org, user string) {
	u, err := url.Parse(identity)
	if err != nil {
		return "", ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 3 || parts[len(parts)-3] != "id" || !plain(parts[len(parts)-2]) || !plain(parts[len(parts)-1]) {
		return "", ""
	}
	return parts[len(parts)-2], parts[len(parts)-1]
}

// plain reports whether an id is one of Salesforce's: letters and digits.
func plain(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// Revoke implements sdk.Revoker. Salesforce says of a token that it does not
// know any more that its type is not supported.
func (p *provider) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	out, err := p.Standard.Revoke(ctx, r)
	if e, ok := err.(*sdk.Error); ok && (e.ProviderCode == "unsupported_token_type" || e.ProviderCode == "invalid_token") {
		return &sdk.RevokeResponse{Revoked: sdk.ReachToken}, nil
	}
	return out, err
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/secret"
)

// provider is Google: the table, and what a table cannot say.
type provider struct{ *oauth.Standard }

// Authorize implements sdk.Provider. Both reasons for a prompt may hold at once,
// and prompt=consent goes out exactly when no refresh token is held: it costs
// the user a page each time, and one of the hundred tokens that Google keeps per
// account and client.
func (p *provider) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	out, err := p.Standard.Authorize(ctx, r)
	if err != nil {
		return nil, err
	}
	var prompt []string
	if r.NeedRefreshToken {
		prompt = append(prompt, "consent")
	}
	if r.SelectAccount {
		prompt = append(prompt, "select_account")
	}
	if len(prompt) == 0 {
		return out, nil
	}
	u, err := url.Parse(out.URL)
	if err != nil {
		return nil, sdk.Misconfigured("issuer", "the authorization endpoint is no URL")
	}
	q := u.Query()
	q.Set("prompt", strings.Join(prompt, " "))
	u.RawQuery = q.Encode()
	out.URL = u.String()
	return out, nil
}

// Exchange implements sdk.Provider.
func (p *provider) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	out, err := p.Standard.Exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	out.Tokens.Scopes = asAsked(out.Tokens.Scopes, r.Scopes)
	return out, nil
}

// Refresh implements sdk.Refresher.
func (p *provider) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	out, err := p.Standard.Refresh(ctx, r)
	if err != nil {
		return nil, err
	}
	out.Tokens.Scopes = asAsked(out.Tokens.Scopes, r.Scopes)
	return out, nil
}

// PollDevice implements sdk.DeviceAuthorizer.
func (p *provider) PollDevice(ctx context.Context, r *sdk.PollDeviceRequest) (*sdk.PollDeviceResponse, error) {
	out, err := p.Standard.PollDevice(ctx, r)
	if err != nil {
		return nil, err
	}
	out.Tokens.Scopes = asAsked(out.Tokens.Scopes, nil)
	return out, nil
}

// Identify implements sdk.Identifier: by asking, since an ID token goes on
// saying what was true when it was issued.
func (p *provider) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	ask := *r
	ask.IDToken = secret.Value{}
	return p.Standard.Identify(ctx, &ask)
}

// spellings are scopes that Google's answers name in another way than one asks.
var spellings = map[string]string{api + "userinfo.email": "email", api + "userinfo.profile": "profile"}

// asAsked spells granted scopes as they were asked for, so that nothing looks
// missing that was granted. nil stays nil: not said.
func asAsked(granted, asked []string) []string {
	if granted == nil {
		return nil
	}
	out := []string{}
	for _, s := range granted {
		if short := spellings[s]; short != "" && !slices.Contains(asked, s) {
			s = short
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Revoke implements sdk.Revoker. Google says of a token that it does not know
// any more that it is invalid.
func (p *provider) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	out, err := p.Standard.Revoke(ctx, r)
	if e, ok := err.(*sdk.Error); ok && e.ProviderCode == "invalid_token" {
		return &sdk.RevokeResponse{Revoked: sdk.ReachGrant}, nil
	}
	return out, err
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// provider is GitHub: the table, and what a table cannot say.
type provider struct{ *oauth.Standard }

const apiOfGitHub = "https://api.github.com"

// withAPI fills in api_url, which follows from base_url: GitHub Enterprise
// Server has its API below its own address.
func withAPI(t sdk.Target) sdk.Target {
	if t.Config["api_url"] != "" {
		return t
	}
	config := maps.Clone(t.Config)
	if config == nil {
		config = map[string]string{}
	}
	base := strings.TrimRight(config["base_url"], "/")
	if base == "" || base == baseOfGitHub {
		config["api_url"] = apiOfGitHub
	} else {
		config["api_url"] = base + "/api/v3"
	}
	t.Config = config
	return t
}

// Exchange implements sdk.Provider.
func (p *provider) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	out, err := p.Standard.Exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	finish(&out.Tokens, r.Target)
	return out, nil
}

// Refresh implements sdk.Refresher.
func (p *provider) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	out, err := p.Standard.Refresh(ctx, r)
	if err != nil {
		return nil, err
	}
	finish(&out.Tokens, r.Target)
	return out, nil
}

// PollDevice implements sdk.DeviceAuthorizer.
func (p *provider) PollDevice(ctx context.Context, r *sdk.PollDeviceRequest) (*sdk.PollDeviceResponse, error) {
	out, err := p.Standard.PollDevice(ctx, r)
	if err != nil {
		return nil, err
	}
	finish(&out.Tokens, r.Target)
	return out, nil
}

// finish adds to a token answer where the API is, and corrects its scopes.
func finish(tokens *sdk.TokenSet, t sdk.Target) {
	tokens.Scopes = scopesOf(tokens)
	if tokens.Metadata == nil {
		tokens.Metadata = map[string]string{}
	}
	tokens.Metadata["api_url"] = withAPI(t).Config["api_url"]
}

// scopesOf leaves out the empty scope list of a GitHub App's user token, whose
// permissions are those of the app: "" does not mean that nothing was granted.
func scopesOf(t *sdk.TokenSet) []string {
	if isAppToken(t.AccessToken.Reveal()) {
		return nil
	}
	return t.Scopes
}

// isAppToken reports whether a token is a user token of a GitHub App.
func isAppToken(access string) bool { return strings.HasPrefix(access, "ghu_") }

// Identify implements sdk.Identifier.
func (p *provider) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	ask := *r
	ask.Target = withAPI(r.Target)
	out, err := p.Standard.Identify(ctx, &ask)
	if err != nil {
		return nil, err
	}
	if isAppToken(r.AccessToken.Reveal()) {
		out.Scopes = nil
	}
	return out, nil
}

// Revoke implements sdk.Revoker.
func (p *provider) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	ask := *r
	ask.Target = withAPI(r.Target)
	return p.Standard.Revoke(ctx, &ask)
}

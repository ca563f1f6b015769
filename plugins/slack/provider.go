// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

const (
	userPrefix = "user:" // before the scopes of the user token
	userToken  = "user"
	botToken   = "bot"
)

// provider is Slack: the table, and what a table cannot say.
type provider struct{ *oauth.Standard }

// Authorize implements sdk.Provider: bot scopes go out as scope, user scopes as
// user_scope.
func (p *provider) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	ask, table := *r, *p.Standard
	var user []string
	ask.Scopes = nil
	for _, s := range r.Scopes {
		if name, ok := strings.CutPrefix(s, userPrefix); ok {
			user = append(user, name)
		} else {
			ask.Scopes = append(ask.Scopes, s)
		}
	}
	if len(user) > 0 {
		table.AuthorizeParams = map[string]string{"user_scope": strings.Join(user, ",")}
	}
	return table.Authorize(ctx, &ask)
}

// Exchange implements sdk.Provider. The bot's token is the main one; where
// there is none, the user's is.
func (p *provider) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	out, err := p.Standard.Exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	t := &out.Tokens
	t.Name = botToken
	user, hasUser := t.Named[userToken]
	if !hasUser {
		return out, nil
	}
	user.Scopes = asUser(user.Scopes)
	if user.AccessToken.Equal(t.AccessToken) {
		t.Name, t.Scopes, t.Named = userToken, user.Scopes, nil
		return out, nil
	}
	t.Named[userToken] = user
	return out, nil
}

// Refresh implements sdk.Refresher. Bot and user token are renewed alike, each
// with its own refresh token; the answer holds the one that was asked for.
func (p *provider) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	out, err := p.Standard.Refresh(ctx, r)
	if err != nil {
		return nil, err
	}
	t := &out.Tokens
	t.Named, t.Name = nil, ""
	if strings.HasPrefix(t.AccessToken.Reveal(), "xoxe.xoxp-") || r.Name == userToken {
		t.Scopes = asUser(t.Scopes)
	}
	return out, nil
}

// asUser marks scopes as those of the user token. nil stays nil: not said.
func asUser(scopes []string) []string {
	if scopes == nil {
		return nil
	}
	out := []string{}
	for _, s := range scopes {
		out = append(out, userPrefix+s)
	}
	return out
}

// Identify implements sdk.Identifier. The account is who installed the app, in
// which workspace; a bot token by itself would name the bot.
func (p *provider) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	out, err := p.Standard.Identify(ctx, r)
	if err != nil {
		return nil, err
	}
	a := &out.Account
	if installer := r.Metadata["authed_user_id"]; installer != "" && installer != a.Subject {
		a.Subject, a.Login = installer, ""
	}
	a.Picture = p.picture(ctx, r, a.Subject)
	return out, nil
}

// Revoke implements sdk.Revoker. auth.revoke is asked with the token itself, so
// that a token that is gone is not accepted.
func (p *provider) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	out, err := p.Standard.Revoke(ctx, r)
	if e, ok := err.(*sdk.Error); ok && slices.Contains([]string{"invalid_auth", "token_revoked", "token_expired", "account_inactive"}, e.ProviderCode) {
		return &sdk.RevokeResponse{Revoked: sdk.ReachToken}, nil
	}
	return out, err
}

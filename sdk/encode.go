// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"github.com/standpipe/standpipe/sdk/internal/providerpb"
)

// This file writes what a plugin answers; package wire reads it.

// encodeScopes keeps the difference between none and not said.
func encodeScopes(names []string) *providerpb.Scopes {
	if names == nil {
		return nil
	}
	return &providerpb.Scopes{Names: names}
}

func encodeTokens(t *TokenSet) *providerpb.TokenSet {
	p := &providerpb.TokenSet{
		AccessToken: t.AccessToken.Reveal(), RefreshToken: t.RefreshToken.Reveal(), IdToken: t.IDToken.Reveal(),
		TokenType: t.TokenType, ExpiresIn: duration(t.ExpiresIn), ExpirySource: string(t.ExpirySource),
		RefreshExpiresIn: duration(t.RefreshExpiresIn), Scopes: encodeScopes(t.Scopes), Metadata: t.Metadata, Name: t.Name,
	}
	for name, n := range t.Named {
		if p.Named == nil {
			p.Named = make(map[string]*providerpb.NamedToken, len(t.Named))
		}
		p.Named[name] = &providerpb.NamedToken{
			AccessToken: n.AccessToken.Reveal(), RefreshToken: n.RefreshToken.Reveal(),
			ExpiresIn: duration(n.ExpiresIn), ExpirySource: string(n.ExpirySource), Scopes: encodeScopes(n.Scopes),
		}
	}
	return p
}

func encodeAccount(a *Account) *providerpb.Account {
	if a == nil {
		return nil
	}
	return &providerpb.Account{Issuer: a.Issuer, Subject: a.Subject, Tenant: a.Tenant, Login: a.Login, Name: a.Name, Email: a.Email, Picture: a.Picture}
}

func encodeAuthorize(r *AuthorizeResponse) *providerpb.AuthorizeResponse {
	return &providerpb.AuthorizeResponse{Url: r.URL, Issuer: r.Issuer, IssuerRequired: r.IssuerRequired, Pushed: r.Pushed}
}

func encodeExchange(r *ExchangeResponse) *providerpb.ExchangeResponse {
	return &providerpb.ExchangeResponse{Tokens: encodeTokens(&r.Tokens), Account: encodeAccount(r.Account)}
}

func encodeRefresh(r *RefreshResponse) *providerpb.RefreshResponse {
	return &providerpb.RefreshResponse{Tokens: encodeTokens(&r.Tokens), RefreshToken: string(r.RefreshToken)}
}

func encodeRevoke(r *RevokeResponse) *providerpb.RevokeResponse {
	return &providerpb.RevokeResponse{Revoked: string(r.Revoked)}
}

func encodeIdentify(r *IdentifyResponse) *providerpb.IdentifyResponse {
	return &providerpb.IdentifyResponse{Account: encodeAccount(&r.Account), Scopes: encodeScopes(r.Scopes)}
}

func encodeStartDevice(r *StartDeviceResponse) *providerpb.StartDeviceResponse {
	return &providerpb.StartDeviceResponse{
		DeviceCode: r.DeviceCode.Reveal(), UserCode: r.UserCode,
		VerificationUri: r.VerificationURI, VerificationUriComplete: r.VerificationURIComplete,
		ExpiresIn: duration(r.ExpiresIn), Interval: duration(r.Interval),
	}
}

func encodePollDevice(r *PollDeviceResponse) *providerpb.PollDeviceResponse {
	return &providerpb.PollDeviceResponse{Tokens: encodeTokens(&r.Tokens), Account: encodeAccount(r.Account)}
}

func encodeClientCredentials(r *ClientCredentialsResponse) *providerpb.ClientCredentialsResponse {
	return &providerpb.ClientCredentialsResponse{Tokens: encodeTokens(&r.Tokens)}
}

func encodeIntrospect(r *IntrospectResponse) *providerpb.IntrospectResponse {
	return &providerpb.IntrospectResponse{Active: r.Active, ExpiresIn: duration(r.ExpiresIn), Scopes: encodeScopes(r.Scopes)}
}

func encodeCheck(r *CheckResponse) *providerpb.CheckResponse {
	p := &providerpb.CheckResponse{}
	for _, problem := range r.Problems {
		p.Problems = append(p.Problems, &providerpb.Problem{Field: problem.Field, Summary: problem.Summary})
	}
	return p
}

func encodeDescription(r *DescribeResponse) *providerpb.DescribeResponse {
	p := &providerpb.DescribeResponse{Version: r.Version, Sdk: r.SDK}
	for i := range r.Providers {
		p.Providers = append(p.Providers, encodeDescriptor(&r.Providers[i]))
	}
	return p
}

func encodeDescriptor(d *Descriptor) *providerpb.Descriptor {
	p := &providerpb.Descriptor{
		Slug: d.Slug, Name: d.Name, Description: d.Description, Icon: d.Icon,
		DocsUrl: d.DocsURL, ConsoleUrl: d.ConsoleURL, SetupSteps: d.SetupSteps, AllowedHosts: d.AllowedHosts,
		Pkce: string(d.PKCE), SecretRequired: d.SecretRequired,
		Redirect: &providerpb.RedirectRule{
			Host: string(d.Redirect.Host), AnyPort: d.Redirect.AnyPort, AnyPath: d.Redirect.AnyPath,
			Paste: d.Redirect.Paste, LoopbackScopes: d.Redirect.LoopbackScopes,
		},
		Rotation: string(d.Rotation), GraceWindow: duration(d.GraceWindow),
		RefreshMargin: duration(d.RefreshMargin), RefreshIdleLife: duration(d.RefreshIdleLife),
		Revoke: string(d.Revoke), RevokeNote: d.RevokeNote, RevokesGrant: d.RevokesGrant, NarrowsScopes: d.NarrowsScopes, NarrowsAudience: d.NarrowsAudience, Apis: d.APIs, PictureHosts: d.PictureHosts,
		BrandColor: d.BrandColor, Categories: d.Categories, Warnings: d.Warnings,
		RefreshMaxLife: duration(d.RefreshMaxLife), PublicDevice: d.PublicDevice, PushedRequests: d.PushedRequests,
	}
	for reason, remedy := range d.Remedies {
		if p.Remedies == nil {
			p.Remedies = make(map[string]string, len(d.Remedies))
		}
		p.Remedies[string(reason)] = remedy
	}
	for _, s := range d.Scopes {
		p.Scopes = append(p.Scopes, &providerpb.Scope{Name: s.Name, Title: s.Title, Default: s.Default, Required: s.Required, Sensitivity: string(s.Sensitivity)})
	}
	for _, f := range d.Config {
		p.Config = append(p.Config, &providerpb.ConfigField{
			Key: f.Key, Label: f.Label, Description: f.Description, Example: f.Example, Pattern: f.Pattern,
			Default: f.Default, Required: f.Required, Kind: string(f.Kind), Level: string(f.Level),
		})
	}
	if d.Sandbox != nil {
		p.Sandbox = &providerpb.Sandbox{Config: d.Sandbox}
	}
	for _, c := range d.Capabilities {
		p.Capabilities = append(p.Capabilities, string(c))
	}
	return p
}

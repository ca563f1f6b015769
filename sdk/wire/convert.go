// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/internal/providerpb"
	"github.com/standpipe/standpipe/sdk/secret"
)

// This file reads what a plugin sends. It believes nothing and checks nothing:
// that is for the host, which knows what it asked for.

func target(t *sdk.Target) *providerpb.Target {
	return &providerpb.Target{Provider: t.Provider, Definition: t.Definition, Config: t.Config, ClientId: t.ClientID}
}

// scopes keeps the difference between none and not said.
func scopes(p *providerpb.Scopes) []string {
	if p == nil {
		return nil
	}
	if p.GetNames() == nil {
		return []string{}
	}
	return p.GetNames()
}

func tokenSet(p *providerpb.TokenSet) sdk.TokenSet {
	t := sdk.TokenSet{
		AccessToken: secret.New(p.GetAccessToken()), RefreshToken: secret.New(p.GetRefreshToken()), IDToken: secret.New(p.GetIdToken()),
		TokenType: p.GetTokenType(),
		ExpiresIn: p.GetExpiresIn().AsDuration(), ExpirySource: sdk.ExpirySource(p.GetExpirySource()),
		RefreshExpiresIn: p.GetRefreshExpiresIn().AsDuration(),
		Scopes:           scopes(p.GetScopes()), Metadata: p.GetMetadata(), Name: p.GetName(),
	}
	for name, n := range p.GetNamed() {
		if t.Named == nil {
			t.Named = make(map[string]sdk.NamedToken, len(p.GetNamed()))
		}
		t.Named[name] = sdk.NamedToken{
			AccessToken: secret.New(n.GetAccessToken()), RefreshToken: secret.New(n.GetRefreshToken()),
			ExpiresIn: n.GetExpiresIn().AsDuration(), ExpirySource: sdk.ExpirySource(n.GetExpirySource()), Scopes: scopes(n.GetScopes()),
		}
	}
	return t
}

func account(p *providerpb.Account) *sdk.Account {
	if p == nil {
		return nil
	}
	return &sdk.Account{
		Issuer: p.GetIssuer(), Subject: p.GetSubject(), Tenant: p.GetTenant(),
		Login: p.GetLogin(), Name: p.GetName(), Email: p.GetEmail(), Picture: p.GetPicture(),
	}
}

func startDeviceResponse(p *providerpb.StartDeviceResponse) *sdk.StartDeviceResponse {
	return &sdk.StartDeviceResponse{
		DeviceCode: secret.New(p.GetDeviceCode()), UserCode: p.GetUserCode(),
		VerificationURI: p.GetVerificationUri(), VerificationURIComplete: p.GetVerificationUriComplete(),
		ExpiresIn: p.GetExpiresIn().AsDuration(), Interval: p.GetInterval().AsDuration(),
	}
}

func describeResponse(p *providerpb.DescribeResponse) *sdk.DescribeResponse {
	out := &sdk.DescribeResponse{Version: p.GetVersion(), SDK: p.GetSdk()}
	for _, d := range p.GetProviders() {
		out.Providers = append(out.Providers, descriptor(d))
	}
	return out
}

func descriptor(p *providerpb.Descriptor) sdk.Descriptor {
	d := sdk.Descriptor{
		Slug: p.GetSlug(), Name: p.GetName(), Description: p.GetDescription(), Icon: p.GetIcon(),
		DocsURL: p.GetDocsUrl(), ConsoleURL: p.GetConsoleUrl(), SetupSteps: p.GetSetupSteps(),
		AllowedHosts: p.GetAllowedHosts(), PKCE: sdk.PKCEPolicy(p.GetPkce()), SecretRequired: p.GetSecretRequired(),
		Redirect: sdk.RedirectRule{
			Host: sdk.RedirectHost(p.GetRedirect().GetHost()), AnyPort: p.GetRedirect().GetAnyPort(), AnyPath: p.GetRedirect().GetAnyPath(),
			Paste: p.GetRedirect().GetPaste(), LoopbackScopes: p.GetRedirect().GetLoopbackScopes(),
		},
		Rotation: sdk.Rotation(p.GetRotation()), GraceWindow: p.GetGraceWindow().AsDuration(),
		RefreshMargin: p.GetRefreshMargin().AsDuration(), RefreshIdleLife: p.GetRefreshIdleLife().AsDuration(),
		Revoke: sdk.Reach(p.GetRevoke()), RevokeNote: p.GetRevokeNote(), RevokesGrant: p.GetRevokesGrant(), NarrowsScopes: p.GetNarrowsScopes(), NarrowsAudience: p.GetNarrowsAudience(), APIs: p.GetApis(), PictureHosts: p.GetPictureHosts(),
		BrandColor: p.GetBrandColor(), Categories: p.GetCategories(), Warnings: p.GetWarnings(),
		RefreshMaxLife: p.GetRefreshMaxLife().AsDuration(), PublicDevice: p.GetPublicDevice(), PushedRequests: p.GetPushedRequests(),
	}
	for reason, remedy := range p.GetRemedies() {
		if d.Remedies == nil {
			d.Remedies = make(map[sdk.Reason]string, len(p.GetRemedies()))
		}
		d.Remedies[sdk.Reason(reason)] = remedy
	}
	for _, s := range p.GetScopes() {
		d.Scopes = append(d.Scopes, sdk.Scope{Name: s.GetName(), Title: s.GetTitle(), Default: s.GetDefault(), Required: s.GetRequired(), Sensitivity: sdk.Sensitivity(s.GetSensitivity())})
	}
	for _, f := range p.GetConfig() {
		d.Config = append(d.Config, sdk.ConfigField{
			Key: f.GetKey(), Label: f.GetLabel(), Description: f.GetDescription(), Example: f.GetExample(), Pattern: f.GetPattern(),
			Default: f.GetDefault(), Required: f.GetRequired(), Kind: sdk.FieldKind(f.GetKind()), Level: sdk.FieldLevel(f.GetLevel()),
		})
	}
	if s := p.GetSandbox(); s != nil {
		d.Sandbox = map[string]string{}
		for k, v := range s.GetConfig() {
			d.Sandbox[k] = v
		}
	}
	for _, c := range p.GetCapabilities() {
		d.Capabilities = append(d.Capabilities, sdk.Capability(c))
	}
	return d
}

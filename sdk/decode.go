// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"github.com/standpipe/standpipe/sdk/internal/providerpb"
	"github.com/standpipe/standpipe/sdk/secret"
)

// This file reads what a host asks; package wire writes it.

func decodeTarget(p *providerpb.Target) Target {
	return Target{Provider: p.GetProvider(), Definition: p.GetDefinition(), Config: p.GetConfig(), ClientID: p.GetClientId()}
}

func decodeAuthorize(p *providerpb.AuthorizeRequest) *AuthorizeRequest {
	return &AuthorizeRequest{
		Target: decodeTarget(p.GetTarget()), RedirectURI: p.GetRedirectUri(), State: p.GetState(), Nonce: p.GetNonce(),
		CodeChallenge: p.GetCodeChallenge(), Scopes: p.GetScopes(), LoginHint: p.GetLoginHint(),
		SelectAccount: p.GetSelectAccount(), Reconnect: p.GetReconnect(), NeedRefreshToken: p.GetNeedRefreshToken(),
		ClientSecret: secret.New(p.GetClientSecret()), Audiences: p.GetAudiences(),
	}
}

func decodeExchange(p *providerpb.ExchangeRequest) *ExchangeRequest {
	return &ExchangeRequest{
		Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret()), Code: secret.New(p.GetCode()),
		CodeVerifier: secret.New(p.GetCodeVerifier()), RedirectURI: p.GetRedirectUri(), Nonce: p.GetNonce(),
		Scopes: p.GetScopes(), Params: p.GetParams(),
	}
}

func decodeRefresh(p *providerpb.RefreshRequest) *RefreshRequest {
	return &RefreshRequest{
		Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret()), RefreshToken: secret.New(p.GetRefreshToken()),
		Scopes: p.GetScopes(), RedirectURI: p.GetRedirectUri(), Name: p.GetName(), Audience: p.GetAudience(),
	}
}

func decodeRevoke(p *providerpb.RevokeRequest) *RevokeRequest {
	return &RevokeRequest{
		Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret()), Token: secret.New(p.GetToken()),
		Kind: TokenKind(p.GetKind()), Reach: Reach(p.GetReach()),
	}
}

func decodeIdentify(p *providerpb.IdentifyRequest) *IdentifyRequest {
	return &IdentifyRequest{
		Target: decodeTarget(p.GetTarget()), AccessToken: secret.New(p.GetAccessToken()), IDToken: secret.New(p.GetIdToken()),
		Metadata: p.GetMetadata(),
	}
}

func decodeStartDevice(p *providerpb.StartDeviceRequest) *StartDeviceRequest {
	return &StartDeviceRequest{Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret()), Scopes: p.GetScopes()}
}

func decodePollDevice(p *providerpb.PollDeviceRequest) *PollDeviceRequest {
	return &PollDeviceRequest{
		Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret()), DeviceCode: secret.New(p.GetDeviceCode()),
	}
}

func decodeClientCredentials(p *providerpb.ClientCredentialsRequest) *ClientCredentialsRequest {
	return &ClientCredentialsRequest{Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret()), Scopes: p.GetScopes()}
}

func decodeIntrospect(p *providerpb.IntrospectRequest) *IntrospectRequest {
	return &IntrospectRequest{
		Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret()), AccessToken: secret.New(p.GetAccessToken()),
	}
}

func decodeCheck(p *providerpb.CheckRequest) *CheckRequest {
	return &CheckRequest{Target: decodeTarget(p.GetTarget()), ClientSecret: secret.New(p.GetClientSecret())}
}

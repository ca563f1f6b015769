// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"

	"google.golang.org/grpc"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/internal/providerpb"
)

// Client calls a plugin. It implements every interface of package sdk; what the
// plugin does not implement it answers with CodeUnsupported.
//
// A failure of the provider's or the plugin's is an *sdk.Error with all its
// fields, any other one a *TransportError. Safe for concurrent use. Calls have
// no deadline of their own.
type Client struct {
	pb providerpb.ProviderServiceClient
}

// NewClient returns a Client on conn, which stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{pb: providerpb.NewProviderServiceClient(conn)}
}

// The contract, checked by the compiler.
var (
	_ sdk.Provider           = (*Client)(nil)
	_ sdk.Refresher          = (*Client)(nil)
	_ sdk.Revoker            = (*Client)(nil)
	_ sdk.Identifier         = (*Client)(nil)
	_ sdk.DeviceAuthorizer   = (*Client)(nil)
	_ sdk.ClientCredentialer = (*Client)(nil)
	_ sdk.Introspector       = (*Client)(nil)
	_ sdk.Checker            = (*Client)(nil)
)

// call makes one call with the limits that hold for it.
func call[Req, Resp, Out any](ctx context.Context, size int, req *Req,
	method func(context.Context, *Req, ...grpc.CallOption) (*Resp, error), decode func(*Resp) *Out,
) (*Out, error) {
	resp, err := method(ctx, req, grpc.MaxCallSendMsgSize(size), grpc.MaxCallRecvMsgSize(size))
	if err != nil {
		return nil, restore(err)
	}
	return decode(resp), nil
}

// Describe implements sdk.Provider.
func (c *Client) Describe(ctx context.Context, r *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	return call(ctx, MaxDescription, &providerpb.DescribeRequest{Definitions: r.Definitions}, c.pb.Describe, describeResponse)
}

// Authorize implements sdk.Provider.
func (c *Client) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	return call(ctx, MaxMessage, &providerpb.AuthorizeRequest{
		Target: target(&r.Target), RedirectUri: r.RedirectURI, State: r.State, Nonce: r.Nonce, CodeChallenge: r.CodeChallenge,
		Scopes: r.Scopes, LoginHint: r.LoginHint, SelectAccount: r.SelectAccount, Reconnect: r.Reconnect,
		NeedRefreshToken: r.NeedRefreshToken, ClientSecret: r.ClientSecret.Reveal(), Audiences: r.Audiences,
	}, c.pb.Authorize, func(p *providerpb.AuthorizeResponse) *sdk.AuthorizeResponse {
		return &sdk.AuthorizeResponse{URL: p.GetUrl(), Issuer: p.GetIssuer(), IssuerRequired: p.GetIssuerRequired(), Pushed: p.GetPushed()}
	})
}

// Exchange implements sdk.Provider.
func (c *Client) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	return call(ctx, MaxMessage, &providerpb.ExchangeRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(), Code: r.Code.Reveal(), CodeVerifier: r.CodeVerifier.Reveal(),
		RedirectUri: r.RedirectURI, Nonce: r.Nonce, Scopes: r.Scopes, Params: r.Params,
	}, c.pb.Exchange, func(p *providerpb.ExchangeResponse) *sdk.ExchangeResponse {
		return &sdk.ExchangeResponse{Tokens: tokenSet(p.GetTokens()), Account: account(p.GetAccount())}
	})
}

// Refresh implements sdk.Refresher.
func (c *Client) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	return call(ctx, MaxMessage, &providerpb.RefreshRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(), RefreshToken: r.RefreshToken.Reveal(),
		Scopes: r.Scopes, RedirectUri: r.RedirectURI, Name: r.Name, Audience: r.Audience,
	}, c.pb.Refresh, func(p *providerpb.RefreshResponse) *sdk.RefreshResponse {
		return &sdk.RefreshResponse{Tokens: tokenSet(p.GetTokens()), RefreshToken: sdk.RefreshOutcome(p.GetRefreshToken())}
	})
}

// Revoke implements sdk.Revoker.
func (c *Client) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	return call(ctx, MaxMessage, &providerpb.RevokeRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(), Token: r.Token.Reveal(),
		Kind: string(r.Kind), Reach: string(r.Reach),
	}, c.pb.Revoke, func(p *providerpb.RevokeResponse) *sdk.RevokeResponse {
		return &sdk.RevokeResponse{Revoked: sdk.Reach(p.GetRevoked())}
	})
}

// Identify implements sdk.Identifier.
func (c *Client) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	return call(ctx, MaxMessage, &providerpb.IdentifyRequest{
		Target: target(&r.Target), AccessToken: r.AccessToken.Reveal(), IdToken: r.IDToken.Reveal(), Metadata: r.Metadata,
	}, c.pb.Identify, func(p *providerpb.IdentifyResponse) *sdk.IdentifyResponse {
		out := &sdk.IdentifyResponse{Scopes: scopes(p.GetScopes())}
		if a := account(p.GetAccount()); a != nil {
			out.Account = *a
		}
		return out
	})
}

// StartDevice implements sdk.DeviceAuthorizer.
func (c *Client) StartDevice(ctx context.Context, r *sdk.StartDeviceRequest) (*sdk.StartDeviceResponse, error) {
	return call(ctx, MaxMessage, &providerpb.StartDeviceRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(), Scopes: r.Scopes,
	}, c.pb.StartDevice, startDeviceResponse)
}

// PollDevice implements sdk.DeviceAuthorizer.
func (c *Client) PollDevice(ctx context.Context, r *sdk.PollDeviceRequest) (*sdk.PollDeviceResponse, error) {
	return call(ctx, MaxMessage, &providerpb.PollDeviceRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(), DeviceCode: r.DeviceCode.Reveal(),
	}, c.pb.PollDevice, func(p *providerpb.PollDeviceResponse) *sdk.PollDeviceResponse {
		return &sdk.PollDeviceResponse{Tokens: tokenSet(p.GetTokens()), Account: account(p.GetAccount())}
	})
}

// ClientCredentials implements sdk.ClientCredentialer.
func (c *Client) ClientCredentials(ctx context.Context, r *sdk.ClientCredentialsRequest) (*sdk.ClientCredentialsResponse, error) {
	return call(ctx, MaxMessage, &providerpb.ClientCredentialsRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(), Scopes: r.Scopes,
	}, c.pb.ClientCredentials, func(p *providerpb.ClientCredentialsResponse) *sdk.ClientCredentialsResponse {
		return &sdk.ClientCredentialsResponse{Tokens: tokenSet(p.GetTokens())}
	})
}

// Introspect implements sdk.Introspector.
func (c *Client) Introspect(ctx context.Context, r *sdk.IntrospectRequest) (*sdk.IntrospectResponse, error) {
	return call(ctx, MaxMessage, &providerpb.IntrospectRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(), AccessToken: r.AccessToken.Reveal(),
	}, c.pb.Introspect, func(p *providerpb.IntrospectResponse) *sdk.IntrospectResponse {
		return &sdk.IntrospectResponse{Active: p.GetActive(), ExpiresIn: p.GetExpiresIn().AsDuration(), Scopes: scopes(p.GetScopes())}
	})
}

// Check implements sdk.Checker.
func (c *Client) Check(ctx context.Context, r *sdk.CheckRequest) (*sdk.CheckResponse, error) {
	return call(ctx, MaxMessage, &providerpb.CheckRequest{
		Target: target(&r.Target), ClientSecret: r.ClientSecret.Reveal(),
	}, c.pb.Check, func(p *providerpb.CheckResponse) *sdk.CheckResponse {
		out := &sdk.CheckResponse{}
		for _, problem := range p.GetProblems() {
			out.Problems = append(out.Problems, sdk.Problem{Field: problem.GetField(), Summary: problem.GetSummary()})
		}
		return out
	})
}

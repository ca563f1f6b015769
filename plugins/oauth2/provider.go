// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// provider serves every declared provider. It keeps nothing: each request
// carries the definition that it is about.
type provider struct{}

// The contract, checked by the compiler.
var (
	_ sdk.Provider   = provider{}
	_ sdk.Refresher  = provider{}
	_ sdk.Revoker    = provider{}
	_ sdk.Identifier = provider{}

	_ sdk.DeviceAuthorizer = provider{}
	_ sdk.Introspector     = provider{}
)

// Describe implements sdk.Provider. A definition that cannot be used is left
// out and logged, so that it takes no other one with it.
func (provider) Describe(ctx context.Context, r *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	out := &sdk.DescribeResponse{}
	seen := map[string]bool{}
	for i, raw := range r.Definitions {
		s, err := oauth.ParseDefinition(raw)
		if err == nil && seen[s.Descriptor.Slug] {
			err = fmt.Errorf("provider %s: it is declared twice", s.Descriptor.Slug)
		}
		if err != nil {
			sdk.Logger(ctx).WarnContext(ctx, "a declared provider is left out", "definition", i+1, "error", err)
			continue
		}
		seen[s.Descriptor.Slug] = true
		out.Providers = append(out.Providers, s.Description())
	}
	return out, nil
}

// standard makes the provider that a request is about.
func standard(t sdk.Target) (*oauth.Standard, error) {
	if len(t.Definition) == 0 {
		return nil, &sdk.Error{Code: sdk.CodePluginBug, Message: fmt.Sprintf("there is no definition of the provider %q", t.Provider)}
	}
	s, err := oauth.ParseDefinition(t.Definition)
	if err != nil {
		return nil, sdk.Misconfigured("definition", err.Error())
	}
	if s.Descriptor.Slug != t.Provider {
		return nil, &sdk.Error{Code: sdk.CodePluginBug, Message: fmt.Sprintf("the definition of %q came with a request for %q", s.Descriptor.Slug, t.Provider)}
	}
	return s, nil
}

// Authorize implements sdk.Provider.
func (provider) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.Authorize(ctx, r)
}

// Exchange implements sdk.Provider.
func (provider) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.Exchange(ctx, r)
}

// Refresh implements sdk.Refresher.
func (provider) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.Refresh(ctx, r)
}

// Revoke implements sdk.Revoker.
func (provider) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.Revoke(ctx, r)
}

// Identify implements sdk.Identifier.
func (provider) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.Identify(ctx, r)
}

// StartDevice implements sdk.DeviceAuthorizer.
func (provider) StartDevice(ctx context.Context, r *sdk.StartDeviceRequest) (*sdk.StartDeviceResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.StartDevice(ctx, r)
}

// PollDevice implements sdk.DeviceAuthorizer.
func (provider) PollDevice(ctx context.Context, r *sdk.PollDeviceRequest) (*sdk.PollDeviceResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.PollDevice(ctx, r)
}

// Introspect implements sdk.Introspector.
func (provider) Introspect(ctx context.Context, r *sdk.IntrospectRequest) (*sdk.IntrospectResponse, error) {
	s, err := standard(r.Target)
	if err != nil {
		return nil, err
	}
	return s.Introspect(ctx, r)
}

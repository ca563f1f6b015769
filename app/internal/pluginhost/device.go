// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"net/url"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
	"github.com/standpipe/standpipe/sdk/wire"
)

// Bounds of a device flow, and what RFC 8628 section 3.2 says where the
// provider does not.
const (
	defaultDeviceLife = 15 * time.Minute
	maxDeviceLife     = 30 * time.Minute
	defaultInterval   = 5 * time.Second
	maxInterval       = time.Minute
)

// StartDevice implements hub.Providers. It sends the client secret.
func (h *Host) StartDevice(ctx context.Context, t hub.Target, r hub.StartDeviceRequest) (hub.DeviceAuthorization, error) {
	req := &sdk.StartDeviceRequest{Target: h.sdkTarget(t), ClientSecret: t.ClientSecret, Scopes: r.Scopes}
	return call(ctx, h, t, "start device", []secret.Value{t.ClientSecret}, func(ctx context.Context, api *wire.Client) (*sdk.StartDeviceResponse, error) {
		return api.StartDevice(ctx, req)
	}, func(resp *sdk.StartDeviceResponse, _ time.Time) (hub.DeviceAuthorization, error) {
		return checkDevice(t, resp)
	})
}

// PollDevice implements hub.Providers. It sends client secret and device code.
func (h *Host) PollDevice(ctx context.Context, t hub.Target, r hub.PollDeviceRequest) (hub.TokenAnswer, error) {
	req := &sdk.PollDeviceRequest{Target: h.sdkTarget(t), ClientSecret: t.ClientSecret, DeviceCode: r.DeviceCode}
	secrets := []secret.Value{t.ClientSecret, r.DeviceCode}
	return call(withPrompter(ctx, r.Prompt), h, t, "poll device", secrets, func(ctx context.Context, api *wire.Client) (*sdk.PollDeviceResponse, error) {
		return api.PollDevice(ctx, req)
	}, func(resp *sdk.PollDeviceResponse, began time.Time) (hub.TokenAnswer, error) {
		return exchangeAnswer(&resp.Tokens, resp.Account, began)
	})
}

// checkDevice accepts an answer whose page is one of the provider's: a code
// that is entered elsewhere lets somebody else in.
func checkDevice(t hub.Target, r *sdk.StartDeviceResponse) (hub.DeviceAuthorization, error) {
	out := hub.DeviceAuthorization{
		DeviceCode: r.DeviceCode, UserCode: r.UserCode,
		VerificationURI: r.VerificationURI, VerificationURIComplete: r.VerificationURIComplete,
		ExpiresIn: min(max(r.ExpiresIn, 0), maxDeviceLife), Interval: min(max(r.Interval, 0), maxInterval),
	}
	if out.ExpiresIn == 0 {
		out.ExpiresIn = defaultDeviceLife
	}
	if out.Interval == 0 {
		out.Interval = defaultInterval
	}
	if r.DeviceCode.IsZero() || r.UserCode == "" || !plain(r.UserCode, 64) {
		return out, bug("the answer has no device code or no user code")
	}
	if err := checkTokens(r.DeviceCode); err != nil {
		return out, err
	}
	if err := checkPage(t, r.VerificationURI); err != nil {
		return out, err
	}
	if r.VerificationURIComplete != "" {
		return out, checkPage(t, r.VerificationURIComplete)
	}
	return out, nil
}

// checkPage accepts the address of a page of the provider.
func checkPage(t hub.Target, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !plain(raw, maxURL) || u.Host == "" || u.User != nil {
		return bug("the address at which to enter the code is no URL")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && t.PrivateNetwork) {
		return bug("the address at which to enter the code is not https")
	}
	if hostPort, err := urlHostPort(u); err != nil || !allows(t.AllowedHosts, hostPort) {
		return bug("the address at which to enter the code is on %q, which is not a host of this provider", clean(u.Host, 100))
	}
	return nil
}

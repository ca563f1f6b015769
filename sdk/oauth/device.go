// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// StartDevice implements sdk.DeviceAuthorizer (RFC 8628 section 3.1). Google
// says verification_url where the RFC says verification_uri.
func (s *Standard) StartDevice(ctx context.Context, r *sdk.StartDeviceRequest) (*sdk.StartDeviceResponse, error) {
	v := s.varsOf(r.Target, "")
	target, ends, err := s.deviceURL(ctx, v)
	if err != nil {
		return nil, err
	}
	header, err := v.params(s.Headers)
	if err != nil {
		return nil, err
	}
	c := &call{
		leg: LegDevice, url: target, header: header, params: map[string]string{},
		auth: or2(s.DeviceAuth, s.clientAuth(v, ends)), clientID: r.ClientID, clientSecret: r.ClientSecret,
	}
	if len(r.Scopes) > 0 {
		c.params[or(s.ScopeParam, "scope")] = strings.Join(r.Scopes, s.scopeSeparator())
	}
	a, err := c.do(ctx, s.Descriptor.Name)
	if err != nil {
		return nil, err
	}
	if e := s.judge(c, a, s.errorPaths(s.Answer.OK, ""), true); e != nil {
		return nil, e
	}
	out := &sdk.StartDeviceResponse{
		DeviceCode: token(a.doc, "device_code"), UserCode: a.doc.text("user_code"),
		VerificationURI:         a.doc.text("verification_uri|verification_url"),
		VerificationURIComplete: a.doc.text("verification_uri_complete|verification_url_complete"),
		ExpiresIn:               seconds(a.doc, "expires_in"), Interval: seconds(a.doc, "interval"),
	}
	if out.DeviceCode.IsZero() || out.UserCode == "" || out.VerificationURI == "" {
		return nil, sdk.Temporary(fmt.Sprintf("%s answered without a code to enter (HTTP %d)", s.Descriptor.Name, a.status))
	}
	return out, nil
}

// deviceURL is the endpoint, with what was discovered on the way to it (or nil).
func (s *Standard) deviceURL(ctx context.Context, v vars) (string, *endpoints, error) {
	if s.DeviceURL != "" {
		to, err := v.url(s.DeviceURL)
		return to, nil, err
	}
	none := sdk.Unsupported(s.Descriptor.Name + " has no device flow")
	if s.Issuer == "" {
		return "", nil, none
	}
	ends, err := s.endpoints(ctx, v)
	if err != nil {
		return "", nil, err
	}
	if ends.device == "" {
		return "", nil, none
	}
	return ends.device, ends, nil
}

// PollDevice implements sdk.DeviceAuthorizer (RFC 8628 section 3.4).
func (s *Standard) PollDevice(ctx context.Context, r *sdk.PollDeviceRequest) (*sdk.PollDeviceResponse, error) {
	v := s.varsOf(r.Target, "")
	ends, err := s.endpoints(ctx, v)
	if err != nil {
		return nil, err
	}
	if s.DeviceURL == "" && ends.device == "" {
		return nil, sdk.Unsupported(s.Descriptor.Name + " has no device flow")
	}
	tokens, doc, err := s.token(ctx, tokenCall{
		leg: LegDevice, url: ends.token, auth: s.clientAuth(v, ends), vars: v,
		params: map[string]string{"grant_type": deviceGrant, "device_code": r.DeviceCode.Reveal()},
		target: r.Target, secret: r.ClientSecret, secrets: []secret.Value{r.DeviceCode},
	})
	if err != nil {
		return nil, err
	}
	// The flow has no place for a nonce.
	account, err := s.accountOfAnswer(ctx, v, ends, r.ClientID, &tokens, doc, anyNonce)
	if err != nil {
		return nil, err
	}
	return &sdk.PollDeviceResponse{Tokens: tokens, Account: account}, nil
}

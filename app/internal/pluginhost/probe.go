// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Bounds of a look at an address.
const (
	probeTimeout = 15 * time.Second
	maxProbe     = 256 << 10 // bytes of an answer
)

// Probe looks at an address of a provider, by one GET without credentials that
// follows no redirect. It goes where a plugin's calls for that target may go,
// and nowhere else. An error is a *hub.ProviderError.
func (h *Host) Probe(ctx context.Context, t hub.Target, address string) (hub.Probe, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && t.PrivateNetwork) {
		return hub.Probe{}, unreachable("the address is none that may be called")
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			hostPort, err := canonicalHostPort(address)
			if err != nil {
				return nil, err
			}
			if !allows(t.AllowedHosts, hostPort) {
				return nil, refusef(dialNotAllowed, "%s is not a host of this provider", hostPort)
			}
			return h.Dial(ctx, hostPort, t.PrivateNetwork)
		},
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return hub.Probe{}, unreachable("the address is no URL")
	}
	req.Header.Set("Accept", "application/json, text/html;q=0.9, */*;q=0.1")
	resp, err := client.Do(req)
	if err != nil {
		return hub.Probe{}, unreachable("%s", clean(withoutURL(err).Error(), 300))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProbe))
	if err != nil {
		return hub.Probe{}, unreachable("the answer broke off")
	}
	return hub.Probe{Status: resp.StatusCode, Location: resp.Header.Get("Location"), Body: body}, nil
}

// Dial connects to hostPort as it does for plugins: by the proxy that is set, and
// to no private address unless private. Which hosts may be called is for the
// caller to know.
func (h *Host) Dial(ctx context.Context, hostPort string, private bool) (net.Conn, error) {
	hostPort, err := canonicalHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Outbound.ConnectTimeout)
	defer cancel()
	c, failure := h.cfg.Outbound.dial(ctx, hostPort, private)
	if failure != nil {
		return nil, failure // a nil *dialError is no nil error
	}
	return c, nil
}

func unreachable(format string, args ...any) *hub.ProviderError {
	e := bug(format, args...)
	e.Class, e.Unsent = hub.ProviderTemporary, true
	return e
}

// withoutURL takes the address, which may hold a state, out of an error.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Bounds of a fetch.
const (
	fetchTimeout = 20 * time.Second
	maxBytes     = 256 << 10 // of an answer
	maxRedirects = 3
	maxHeader    = 16 << 10
)

// Dial connects to host:port, as the plugins of a provider would be: to public
// addresses unless private.
type Dial func(ctx context.Context, hostPort string, private bool) (net.Conn, error)

// fetcher gets pictures.
type fetcher struct {
	dial    Dial
	timeout time.Duration
	roots   *x509.CertPool // nil: the system's
}

// fetch returns what is at address. Nothing of the account goes with the
// request: no token, no cookie, no referrer. Errors do not hold the address,
// which may be as good as a name.
func (f *fetcher) fetch(ctx context.Context, at *place, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("its address is no URL")
	}
	if err := at.check(u); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("its address is no URL")
	}
	req.Header.Set("Accept", "image/png, image/jpeg, image/gif, image/webp")
	req.Header.Set("User-Agent", "standpipe")
	resp, err := f.client(at).Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the rest is the address
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("its host answers with the status %d", resp.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > maxBytes:
		return nil, fmt.Errorf("it is larger than %d KiB", maxBytes>>10)
	}
	return raw, nil
}

// client goes to one place only, wherever it is sent.
func (f *fetcher) client(at *place) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, hostPort string) (net.Conn, error) {
			return f.dial(ctx, hostPort, at.private)
		},
		DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxHeader,
	}
	if f.roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: f.roots}
	}
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("it is redirected too often")
			}
			req.Header.Del("Referer")
			return at.check(req.URL)
		},
	}
}

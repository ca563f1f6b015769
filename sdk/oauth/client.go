// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/standpipe/standpipe/sdk/internal/dial"
)

const (
	callTimeout = 30 * time.Second
	maxAnswer   = 1 << 20
)

// errTooLarge is what reading an answer past maxAnswer returns.
var errTooLarge = errors.New("the answer is larger than 1 MiB")

// Client returns an HTTP client for calls to the provider. Where the plugin
// runs under a host, the host dials for it, to the provider's pinned hosts
// only; TLS is between the plugin and the provider all the same.
//
// It follows no redirect (the redirect itself is the answer), because every
// call of a plugin carries a credential; it gives up after 30 s, and reading a
// body past 1 MiB is an error. It is for calls of one request: do not keep it.
func Client(ctx context.Context) *http.Client {
	return &http.Client{
		Transport:     &bounded{next: dial.Transport(ctx)},
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded limits the size of every answer.
type bounded struct{ next http.RoundTripper }

func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxAnswer}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	// One byte more than allowed is read, to tell the end from too much.
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= n
	if b.left < 0 {
		return n - 1, errTooLarge
	}
	return n, err
}

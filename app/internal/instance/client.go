// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// baseURL is what requests of a client name. The transport looks at the path
// only; the hub's socket takes no other host.
const baseURL = "http://standpipe"

// maxBody bounds an answer, in bytes.
const maxBody = 16 << 20

// Client talks to a hub, over its socket or in process. Errors are *hub.Error
// with the hub's own words, code and remedy. Safe for concurrent use.
type Client struct {
	rt    http.RoundTripper
	hello contract.Hello
}

// NewClient returns a client whose requests go through rt: HandlerTransport for
// a hub in the same process. Attach makes the clients of a running hub.
func NewClient(rt http.RoundTripper) *Client { return &Client{rt: rt} }

// Hub returns the handshake of the hub this client attached to.
func (c *Client) Hub() contract.Hello { return c.hello }

// HTTPTransport returns what carries the client's requests: the window's
// reverse proxy sends its own through it. Scheme and host of their URLs do not
// matter.
func (c *Client) HTTPTransport() http.RoundTripper { return c.rt }

// Close drops idle connections. Requests under way go on.
func (c *Client) Close() {
	if t, ok := c.rt.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// call sends in as JSON (nil: no body) and decodes the answer into out (nil:
// it is ignored).
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil || resp.StatusCode == http.StatusNoContent {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(out); err != nil {
		return fmt.Errorf("read the hub's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// send returns a response of status 2xx, whose body the caller closes; any
// other becomes an error.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, baseURL+path, body)
	if err != nil {
		return nil, err
	}
	if in != nil || method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.rt.RoundTrip(req)
	if err != nil {
		if e, ok := errors.AsType[*hub.Error](err); ok {
			return nil, e
		}
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// refusal turns the body of a 4xx or 5xx into the error it was.
func refusal(resp *http.Response) error {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var e contract.Error
	if err := json.Unmarshal(data, &e); err != nil || e.Code == "" {
		return hub.Errorf(hub.CodeInternal, "the hub answered %s without a reason", resp.Status)
	}
	return AsHubError(e)
}

// AsHubError returns the error that a body tells of.
func AsHubError(e contract.Error) *hub.Error {
	return &hub.Error{
		Code:       e.Code,
		Message:    e.Message,
		Remedy:     e.Remedy,
		Field:      e.Field,
		Reason:     e.Reason,
		Choices:    e.Choices,
		Approval:   e.ApprovalID,
		RetryAfter: time.Duration(e.RetryAfter) * time.Second,
	}
}

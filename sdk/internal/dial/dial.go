// SPDX-License-Identifier: Apache-2.0

// Package dial is a plugin's way to the network. Under a host, connections are
// tunnels that the host opens on request, to the hosts that the call may reach;
// the request is that of an HTTP proxy (RFC 9110 section 9.3.6). Without one, as
// in a test of the plugin, they are ordinary connections.
package dial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/internal/protocol"
)

// Dial says where the host listens, and what it wants to see.
type Dial = protocol.Dial

// NewContext returns a context in which Transport dials by way of d.
func NewContext(ctx context.Context, d Dial) context.Context { return protocol.WithDial(ctx, d) }

// Bounds of a connection's beginning.
const (
	connectTimeout   = 15 * time.Second // the host gives up earlier
	handshakeTimeout = 10 * time.Second
	maxAnswerHeader  = 8 << 10
)

// ErrorHeader says in the host's answer why there is no tunnel.
const ErrorHeader = "Standpipe-Dial-Error"

// Transport returns a transport for the calls of one RPC, the one of ctx. Its
// connections are not kept, because a ticket ends with its RPC. It takes no
// proxy from the environment: proxies are the host's business.
func Transport(ctx context.Context) *http.Transport {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    handshakeTimeout,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if d, ok := protocol.DialOf(ctx); ok {
		t.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
			return tunnel(ctx, d, address)
		}
	}
	return t
}

// tunnel asks the host for a connection to address (host:port).
func tunnel(ctx context.Context, d Dial, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", d.Socket)
	if err != nil {
		return nil, failure(ctx, address)
	}
	// Whatever blocks below ends with ctx.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	tunneled, err := connect(conn, d, address)
	if !stop() && err == nil { // the deadline may be set, or about to be
		err = failure(ctx, address)
	}
	if err != nil {
		_ = conn.Close()
		if _, refused := errors.AsType[*sdk.Error](err); !refused {
			err = failure(ctx, address)
		}
		return nil, err
	}
	return tunneled, nil
}

// connect sends the request and reads the answer.
func connect(conn net.Conn, d Dial, address string) (net.Conn, error) {
	req := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address,
		Header: http.Header{"Proxy-Authorization": {"Bearer " + d.Ticket.Reveal()}, "User-Agent": {""}},
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxAnswerHeader}
	in := bufio.NewReader(limited)
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp.Header.Get(ErrorHeader), address)
	}
	// A server that speaks first may have done so already.
	early, err := in.Peek(in.Buffered())
	if err != nil {
		return nil, err
	}
	return &begunConn{Conn: conn, early: early}, nil
}

// begunConn reads what was buffered before the rest.
type begunConn struct {
	net.Conn
	early []byte
}

func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite lets a tunnel be closed in one direction.
func (c *begunConn) CloseWrite() error { return c.Conn.(*net.UnixConn).CloseWrite() }

// refusal puts the host's reason into words.
func refusal(reason, address string) *sdk.Error {
	switch reason {
	case "not_allowed":
		return sdk.Misconfigured("", fmt.Sprintf("calls to %s are not allowed: it is not among the hosts that the provider declares", address))
	case "private_address":
		return sdk.Misconfigured("", fmt.Sprintf("calls to %s are not allowed: it is in a private network, which the integration does not permit", address))
	case "resolve":
		return sdk.Temporary(fmt.Sprintf("the address of %s cannot be looked up", address))
	case "timeout":
		return sdk.Temporary(fmt.Sprintf("%s did not answer in time", address))
	default: // "connect", and what later hosts may say
		return sdk.Temporary(fmt.Sprintf("%s cannot be reached", address))
	}
}

// failure is the error of a tunnel that the host did not even refuse.
func failure(ctx context.Context, address string) error {
	switch err := ctx.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		return refusal("timeout", address)
	case err != nil:
		return err
	default:
		return sdk.Temporary(fmt.Sprintf("%s cannot be reached: the host's connection service does not answer", address))
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package relay makes the calls of apps to the API of a provider, with a token
// that they do not see.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Bounds of a call.
const (
	answerTimeout = 30 * time.Second // until the provider begins to answer, and between parts of its answer
	callTimeout   = 15 * time.Minute // a whole call, streams included
	maxHeader     = 64 << 10         // of an answer
)

// StatusHeader has the provider's status; an answer without is the hub's own.
const StatusHeader = "X-Relay-Upstream-Status"

// Dial connects to host:port, as the plugins of a provider would be: to public
// addresses unless private.
type Dial func(ctx context.Context, hostPort string, private bool) (net.Conn, error)

// Relay is safe for concurrent use.
type Relay struct {
	public, private *http.Transport
	log             *slog.Logger
}

// New returns a Relay.
func New(dial Dial, log *slog.Logger) *Relay {
	transport := func(private bool) *http.Transport {
		return &http.Transport{
			DialContext: func(ctx context.Context, _, hostPort string) (net.Conn, error) { return dial(ctx, hostPort, private) },
			// The answer is passed on as it comes.
			DisableCompression: true, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: answerTimeout, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConnsPerHost: 4,
		}
	}
	return &Relay{public: transport(false), private: transport(true), log: log}
}

// Close drops the connections that wait for another call.
func (r *Relay) Close() {
	r.public.CloseIdleConnections()
	r.private.CloseIdleConnections()
}

// Serve makes the call that an app's request is, and answers it. Fail answers
// where the provider did not.
func (r *Relay) Serve(w http.ResponseWriter, in *http.Request, call hub.RelayCall, fail func(error)) {
	ctx, cancel := context.WithTimeout(in.Context(), callTimeout)
	defer cancel()
	proxy := httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { address(p.Out, &call) },
		Transport:      &caller{relay: r, call: &call},
		FlushInterval:  -1, // streams come as they are
		ModifyResponse: func(resp *http.Response) error { return pass(resp, cancel) },
		ErrorHandler:   func(_ http.ResponseWriter, _ *http.Request, err error) { fail(refusal(err)) },
		ErrorLog:       slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	proxy.ServeHTTP(w, in.WithContext(ctx))
}

// address turns the app's request into the provider's.
func address(out *http.Request, call *hub.RelayCall) {
	out.URL, out.Host = call.URL, ""
	for name := range out.Header {
		if ours(name) {
			out.Header.Del(name)
		}
	}
	// An answer in plain can be searched for the token.
	out.Header.Set("Accept-Encoding", "identity")
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", "standpipe") // some APIs refuse those without a name
	}
}

// ours reports whether a request's header is between app and hub.
func ours(name string) bool {
	switch name {
	case "Authorization", "Proxy-Authorization", "Cookie", "Via", "Forwarded", "Prefer", "Accept-Encoding", "Upgrade", "Connection", "Origin", "Referer":
		return true
	}
	for _, prefix := range []string{"X-Relay-", "X-Workos-", "X-Forwarded-", "Sec-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// caller makes the call with the token, which is in no request that anybody
// else holds.
type caller struct {
	relay *Relay
	call  *hub.RelayCall
}

// RoundTrip implements http.RoundTripper. It follows no redirect. A token that
// the provider refuses is renewed, and a call that has no body is made again.
func (c *caller) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.send(req, c.call.Token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	fresh := c.call.Renew(req.Context(), c.call.Token)
	if fresh.IsZero() || fresh.Equal(c.call.Token) || req.Body != nil && req.Body != http.NoBody {
		return resp, nil
	}
	_ = resp.Body.Close()
	return c.send(req, fresh)
}

func (c *caller) send(req *http.Request, token secret.Value) (*http.Response, error) {
	to := req.Clone(req.Context())
	to.Header.Set("Authorization", "Bearer "+token.Reveal())
	transport := c.relay.public
	if c.call.Private {
		transport = c.relay.private
	}
	resp, err := transport.RoundTrip(to)
	if err != nil {
		return nil, err
	}
	for _, values := range resp.Header {
		for _, v := range values {
			if strings.Contains(v, token.Reveal()) {
				_ = resp.Body.Close()
				return nil, errEcho
			}
		}
	}
	resp.Request = req
	resp.Body = &plain{ReadCloser: resp.Body, token: []byte(token.Reveal())}
	return resp, nil
}

// pass makes the provider's answer the app's.
func pass(resp *http.Response, cancel func()) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("the provider wants to speak another protocol")
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") || strings.HasPrefix(name, "X-Relay-") {
			resp.Header.Del(name)
		}
	}
	// Of no use, or of harm, where the answer seems to be the hub's.
	for _, name := range []string{
		"Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Alt-Svc", "Clear-Site-Data", "Refresh", "Nel", "Report-To",
		"Cache-Control", "X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy", "X-Request-Id",
	} {
		resp.Header.Del(name)
	}
	resp.Header.Set(StatusHeader, strconv.Itoa(resp.StatusCode))
	resp.Body = newIdle(resp.Body, cancel)
	return nil
}

// refusal is what the app gets for a call that failed; never the call's own
// words, which could hold what was sent.
func refusal(err error) error {
	e := &hub.Error{Code: hub.CodeProviderUnavailable, Message: "the provider's API cannot be reached", Err: err}
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case tooLarge:
		e.Code, e.Message = hub.CodeInvalid, "the request body is too large"
	case errors.Is(err, errEcho):
		e.Code, e.Message = hub.CodeProviderRefused, "the provider's answer repeats the token, and is kept back"
	case isNet && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded):
		e.Message = "the provider's API did not answer in time"
	}
	return e
}

var errEcho = errors.New("the answer holds the token")

// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Outbound says how the host reaches the network on behalf of plugins. The
// zero value goes directly, with the system's resolver.
type Outbound struct {
	// Proxy returns the proxy for a target URL (https://host:port), or nil to
	// go directly; nil: always directly. Proxies of scheme http and https are
	// known, with user and password in the URL if they need them. Behind a
	// proxy it is the proxy that looks names up, and that answers for where
	// they lead.
	Proxy func(*url.URL) (*url.URL, error)
	// Resolve looks a host name up; nil: net.DefaultResolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects to an address that was checked, or to the proxy; nil: a
	// net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// ConnectTimeout bounds looking up and connecting; 0: 10 s.
	ConnectTimeout time.Duration
	// IdleTimeout closes a tunnel on which nothing moves; 0: 60 s.
	IdleTimeout time.Duration
}

func (o Outbound) withDefaults() Outbound {
	if o.Resolve == nil {
		o.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 10 * time.Second
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = time.Minute
	}
	return o
}

// dial connects to hostPort, in canonical form. What it connects to is the
// address it checked: the name is not looked up a second time.
func (o *Outbound) dial(ctx context.Context, hostPort string, private bool) (net.Conn, *dialError) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, refusef(dialNotAllowed, "%w", err)
	}
	literal, litErr := netip.ParseAddr(host)
	if litErr == nil && !callable(literal, private) {
		return nil, refusef(dialPrivate, "%s is not a public address", host)
	}
	if o.Proxy != nil {
		proxy, err := o.Proxy(&url.URL{Scheme: "https", Host: hostPort})
		if err != nil {
			return nil, refusef(dialConnect, "proxy settings: %w", err)
		}
		if proxy != nil {
			return o.viaProxy(ctx, proxy, hostPort)
		}
	}
	addrs := []netip.Addr{literal}
	if litErr != nil {
		if addrs, err = o.Resolve(ctx, host); err != nil {
			return nil, dialFailure(dialResolve, err)
		}
	}
	return o.first(ctx, host, port, addrs, private)
}

// first connects to the first callable address that answers.
func (o *Outbound) first(ctx context.Context, host, port string, addrs []netip.Addr, private bool) (net.Conn, *dialError) {
	var allowed []netip.Addr
	for _, a := range addrs {
		if callable(a, private) {
			allowed = append(allowed, a.Unmap())
		}
	}
	if len(allowed) == 0 && len(addrs) > 0 {
		return nil, refusef(dialPrivate, "%s leads to %s, which is not a public address", host, addrs[0])
	}
	failure := refusef(dialResolve, "%s has no address", host)
	for i, a := range allowed {
		tryCtx, cancel := ctx, context.CancelFunc(func() {})
		if until, ok := ctx.Deadline(); ok && i < len(allowed)-1 {
			// Leave time for the others.
			tryCtx, cancel = context.WithTimeout(ctx, max(time.Until(until)/2, time.Second))
		}
		c, err := o.Dial(tryCtx, "tcp", net.JoinHostPort(a.String(), port))
		cancel()
		if err == nil {
			return c, nil
		}
		failure = dialFailure(dialConnect, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failure
}

// viaProxy asks an HTTP proxy for a tunnel.
func (o *Outbound) viaProxy(ctx context.Context, proxy *url.URL, hostPort string) (net.Conn, *dialError) {
	if proxy.Scheme != "http" && proxy.Scheme != "https" || proxy.Hostname() == "" {
		return nil, refusef(dialConnect, "a proxy of scheme %q is not supported", proxy.Scheme)
	}
	c, err := o.Dial(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), hub.Port(proxy)))
	if err != nil {
		return nil, dialFailure(dialConnect, err)
	}
	if proxy.Scheme == "https" {
		c = tls.Client(c, &tls.Config{ServerName: proxy.Hostname()})
	}
	// Whatever blocks below ends with ctx.
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: hostPort}, Host: hostPort, Header: http.Header{}}
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err := req.Write(c); err != nil {
		c.Close()
		return nil, dialFailure(dialConnect, err)
	}
	limited := &io.LimitedReader{R: c, N: connectHeader}
	in := bufio.NewReader(limited)
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		c.Close()
		return nil, dialFailure(dialConnect, err)
	}
	if resp.StatusCode != http.StatusOK {
		c.Close()
		return nil, refusef(dialConnect, "the proxy answers %d", resp.StatusCode)
	}
	limited.N = maxTunnelBytes
	return &bufferedConn{Conn: c, in: in}, nil
}

// bufferedConn is a connection of which some bytes were read already.
type bufferedConn struct {
	net.Conn
	in io.Reader
}

func (c *bufferedConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// dialFailure tells a timeout from other failures.
func dialFailure(reason string, err error) *dialError {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		reason = dialTimeout
	}
	return &dialError{reason: reason, err: err}
}

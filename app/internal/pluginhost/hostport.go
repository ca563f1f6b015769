// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// canonicalHostPort brings "host:port" into the one spelling in which hosts
// are compared: lower-case ASCII (IDNA), no trailing dot, addresses in their
// shortest form. Without a port, 443 is meant.
func canonicalHostPort(s string) (string, error) {
	host, port := s, "443"
	if h, p, err := net.SplitHostPort(s); err == nil {
		host, port = h, p
	} else if strings.Contains(s, ":") && !isBareIPv6(s) {
		return "", fmt.Errorf("%q is not host:port", clean(s, 100))
	}
	host, err := canonicalHost(host)
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", fmt.Errorf("%q is not a port", clean(port, 20))
	}
	return net.JoinHostPort(host, port), nil
}

func isBareIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}

// canonicalHost is canonicalHostPort for the host alone.
func canonicalHost(host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return "", errors.New("an address with a zone is not a host to call")
		}
		return a.Unmap().String(), nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || ascii == "" || len(ascii) > 253 || strings.HasSuffix(ascii, ".") {
		return "", fmt.Errorf("%q is not a host name", clean(host, 100))
	}
	// What looks like a number in any spelling ("127.1", "0x7f.1") is read as
	// an address by some resolvers; the last label of a name is never one.
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if last[0] >= '0' && last[0] <= '9' {
		return "", fmt.Errorf("%q is not a host name", clean(host, 100))
	}
	return ascii, nil
}

// urlHostPort is the host and port that a browser calls for u.
func urlHostPort(u *url.URL) (string, error) {
	return canonicalHostPort(net.JoinHostPort(u.Hostname(), hub.Port(u)))
}

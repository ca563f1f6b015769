// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// checkListen wants a host:port on loopback.
func checkListen(name string) func(string) (string, string) {
	return func(s string) (string, string) {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			return fmt.Sprintf("%q is no address", name), `Write host and port: "127.0.0.1:4780".`
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return fmt.Sprintf("%q has no usable port", name), `A port is a number up to 65535: "127.0.0.1:4780". 0 takes any free one.`
		}
		ip, err := netip.ParseAddr(host)
		if host == "localhost" || err == nil && ip.Unmap().IsLoopback() && ip.Zone() == "" {
			return "", ""
		}
		return fmt.Sprintf("%q is not on this machine", name),
			"Tokens are given out here, so the address must be 127.0.0.1, ::1 or localhost.\n" +
				"To serve other machines, put a proxy with TLS in front and set base_url."
	}
}

// orEmpty takes what check takes, and nothing at all.
func orEmpty(check func(string) (string, string)) func(string) (string, string) {
	return func(s string) (string, string) {
		if s == "" {
			return "", ""
		}
		return check(s)
	}
}

// anyPort reports whether the system chooses the port of an address.
func anyPort(address string) bool { return strings.HasSuffix(address, ":0") }

// checkBaseURL wants an https origin, or nothing.
func checkBaseURL(s string) (string, string) {
	if u := origin(s); s == "" || u != nil && u.Scheme == "https" {
		return "", ""
	}
	return "\"base_url\" is no https origin",
		`Write the address under which the proxy in front is reached, without a path: "https://pipes.example.com".`
}

// checkSandbox wants an http or https origin, or nothing.
func checkSandbox(s string) (string, string) {
	if s == "" || origin(s) != nil {
		return "", ""
	}
	return "\"sandbox\" is no base URL", `Write where "standpipe sandbox" listens, without a path: "http://127.0.0.1:4790". Empty means none.`
}

// origins sets dst to a list of origins of web pages: https, or http on loopback.
func (d *decoder) origins(dst *[]string) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		var list []string
		d.strings(&list)(a)
		for _, s := range list {
			u := origin(s)
			if u == nil || strings.Contains(u.Host, "*") || u.Scheme == "http" && !loopbackName(u.Hostname()) {
				d.fail(a.Expr.Range(), fmt.Sprintf("%q is no origin of a page that may embed", s),
					`Write scheme and host, without a path: "https://app.example.com"; http only for this machine.`)
				return
			}
		}
		*dst = list
	}
}

// loopbackName reports whether a host name is this machine.
func loopbackName(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// origin parses an http or https URL that has a scheme, a host and nothing more.
func origin(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Scheme+"://"+u.Host != s {
		return nil
	}
	return u
}

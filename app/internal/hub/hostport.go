// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net"
	"net/url"
	"strings"
)

// HostPort is where an http or https URL leads: host:port in lower case, as hosts
// are pinned (Target.AllowedHosts).
func HostPort(u *url.URL) string { return net.JoinHostPort(strings.ToLower(u.Hostname()), Port(u)) }

// Port is the port of an http or https URL, also of one that does not name it;
// empty for another scheme.
func Port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}

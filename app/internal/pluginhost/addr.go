// SPDX-License-Identifier: Apache-2.0

package pluginhost

import "net/netip"

// Ranges that are not on the public internet, beyond what netip knows (IANA
// special-purpose registries, RFC 6890), and those that carry an IPv4 address
// inside, through which one of the former could be reached.
var notPublic = prefixes(
	"0.0.0.0/8",       // this network
	"192.0.0.0/24",    // IETF protocol assignments
	"192.0.2.0/24",    // documentation
	"198.18.0.0/15",   // benchmarking
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, and broadcast
	"::/96",           // IPv4-compatible
	"::ffff:0:0:0/96", // IPv4-translated
	"64:ff9b::/96",    // NAT64
	"64:ff9b:1::/48",  // local NAT64
	"100::/64",        // discard
	"2001::/32",       // Teredo
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4
	"3fff::/20",       // documentation
	"5f00::/16",       // segment routing
	"fec0::/10",       // site-local
)

// cgnat is the range of carrier-grade NAT (RFC 6598), which overlay networks
// use as a private one.
var cgnat = netip.MustParsePrefix("100.64.0.0/10")

func prefixes(in ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(in))
	for i, s := range in {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// callable reports whether a plugin's call may go to a. With private, loopback
// and private ranges are allowed; what is no single host, and link-local
// addresses (where clouds answer with credentials), never are.
func callable(a netip.Addr, private bool) bool {
	a = a.Unmap()
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return false
	}
	if a.IsLoopback() || a.IsPrivate() || cgnat.Contains(a) {
		return private
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

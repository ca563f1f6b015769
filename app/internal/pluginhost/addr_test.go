// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"net/netip"
	"testing"
)

func TestCallable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr            string
		public, private bool // callable on the public internet, in a private network
	}{
		{"140.82.121.6", true, true},
		{"2606:50c0:8000::153", true, true},
		{"127.0.0.1", false, true},
		{"127.8.8.8", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"10.1.2.3", false, true},
		{"172.16.0.1", false, true},
		{"192.168.1.1", false, true},
		{"::ffff:10.0.0.1", false, true},
		{"fd00::1", false, true},
		{"100.64.0.1", false, true},
		{"169.254.169.254", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"fe80::1", false, false},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"0.1.2.3", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
		{"255.255.255.255", false, false},
		{"64:ff9b::7f00:1", false, false},
		{"64:ff9b:1::a00:1", false, false},
		{"2002:7f00:1::", false, false},
		{"::127.0.0.1", false, false},
		{"::ffff:0:127.0.0.1", false, false},
		{"192.0.2.1", false, false},
		{"198.18.0.1", false, false},
		{"2001:db8::1", false, false},
		{"2001::1", false, false},
	} {
		a := netip.MustParseAddr(c.addr)
		if got := callable(a, false); got != c.public {
			t.Errorf("callable(%s, public) = %v", c.addr, got)
		}
		if got := callable(a, true); got != c.private {
			t.Errorf("callable(%s, private) = %v", c.addr, got)
		}
	}
	if callable(netip.Addr{}, true) {
		t.Error("no address is callable")
	}
}

func TestCanonicalHostPort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"api.github.com:443":    "api.github.com:443",
		"API.GitHub.com:443":    "api.github.com:443",
		"api.github.com":        "api.github.com:443",
		"bücher.example:8443":   "xn--bcher-kva.example:8443",
		"BÜCHER.example:8443":   "xn--bcher-kva.example:8443",
		"127.0.0.1:4790":        "127.0.0.1:4790",
		"[::1]:80":              "[::1]:80",
		"[0:0:0:0:0:0:0:1]:80":  "[::1]:80",
		"[::ffff:127.0.0.1]:80": "127.0.0.1:80",
		"localhost:80":          "localhost:80",
	} {
		got, err := canonicalHostPort(in)
		if err != nil || got != want {
			t.Errorf("canonicalHostPort(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", ":443", "api.github.com:", "api.github.com:0", "api.github.com:65536", "api.github.com:0443", "api.github.com:+443",
		"api.github.com.:443", "*.github.com:443", "api github.com:443", "http://api.github.com:443", "a:b:c",
		"127.1:80", "0x7f.0.0.1:80", "2130706433:80", "[fe80::1%eth0]:80", "evil.com/:443", "user@evil.com:443",
		"a\x00b.com:443", "a\r\nb.com:443",
	} {
		if got, err := canonicalHostPort(in); err == nil {
			t.Errorf("canonicalHostPort(%q) = %q, want an error", in, got)
		}
	}
}

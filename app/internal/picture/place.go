// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// place is where the pictures of a provider's accounts may be. Hosts are
// host:port, in lower case.
type place struct {
	hosts   []string // for pictures; one may begin with "*." for any name below
	own     []string // the provider's own, where its plugin may call
	private bool     // the provider is in a private network, or on this machine
}

// check reports why nothing is fetched from u; nil: it may be. Plain http is for
// a provider's own host in a private network, such as the sandbox.
func (p *place) check(u *url.URL) error {
	if u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return errors.New("its address is no plain https URL")
	}
	host := hub.HostPort(u)
	own := slices.Contains(p.own, host)
	if u.Scheme != "https" && !(u.Scheme == "http" && own && p.private) {
		return errors.New("its address is not https")
	}
	if !own && !slices.ContainsFunc(p.hosts, func(h string) bool { return covers(h, host) }) {
		return fmt.Errorf("it is at %q, which is not where this provider keeps pictures", host)
	}
	return nil
}

// covers reports whether a declared host stands for host.
func covers(declared, host string) bool {
	below, wild := strings.CutPrefix(declared, "*")
	return declared == host || wild && strings.HasSuffix(host, below)
}

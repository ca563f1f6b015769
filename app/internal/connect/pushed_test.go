// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestPushedAuthorizationURL: a reference to a pushed request holds client_id and
// request_uri alone, on a pinned host; without the provider's word for it nothing
// of the request may be missing.
func TestPushedAuthorizationURL(t *testing.T) {
	r := &hub.Resolved{Descriptor: &hub.Descriptor{Name: "Peer"}, Target: hub.Target{ClientID: "c", AllowedHosts: []string{"p.test:443"}}}
	req := hub.AuthorizeRequest{State: "s", RedirectURI: "http://127.0.0.1/cb", CodeChallenge: "x"}
	for raw, want := range map[string]bool{
		"https://p.test/a?client_id=c&request_uri=urn%3A1":                   true,
		"https://p.test/a?client_id=c":                                       false,
		"https://p.test/a?client_id=c&request_uri=":                          false,
		"https://p.test/a?client_id=other&request_uri=urn%3A1":               false,
		"https://p.test/a?client_id=c&request_uri=urn%3A1&redirect_uri=evil": false,
		"https://p.test/a?client_id=c&request_uri=urn%3A1&request_uri=u":     false,
		"https://evil.test/a?client_id=c&request_uri=urn%3A1":                false,
	} {
		if err := checkAuthorizationURL(raw, true, req, r); (err == nil) != want {
			t.Errorf("%s: %v", raw, err)
		}
		if err := checkAuthorizationURL(raw, false, req, r); err == nil {
			t.Errorf("%s passes for a whole request", raw)
		}
	}
}

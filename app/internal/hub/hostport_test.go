// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"net/url"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestHostPort(t *testing.T) {
	for raw, want := range map[string]string{
		"https://ID.Example/authorize": "id.example:443",
		"http://id.example":            "id.example:80",
		"https://id.example:8443/x":    "id.example:8443",
		"https://[2001:DB8::1]/":       "[2001:db8::1]:443",
		"ftp://id.example/":            "id.example:",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := hub.HostPort(u); got != want {
			t.Errorf("%s leads to %q, want %q", raw, got, want)
		}
	}
}

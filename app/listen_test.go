// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestWhereToListen: what is wrong with an address is said as it is.
func TestWhereToListen(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:0":     "",
		"[::1]:65535":     "",
		"127.0.0.1:65536": "there is no port 65536",
		"127.0.0.1:99999": "there is no port 99999",
		"0.0.0.0:99999":   "there is no port 99999",
		"127.0.0.1:-1":    "not a loopback address with a port",
		"127.0.0.1:http":  "not a loopback address with a port",
		"127.0.0.1":       "not a loopback address with a port",
		"0.0.0.0:4780":    "not a loopback address with a port",
		"localhost:4780":  "not a loopback address with a port",
	} {
		ip, err := loopback(addr, "--listen")
		switch {
		case want == "" && (err != nil || ip == nil):
			t.Errorf("%s: %v", addr, err)
		case want != "" && (err == nil || hub.AsError(err).Code != hub.CodeInvalid || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, not %q", addr, err, want)
		}
	}
}

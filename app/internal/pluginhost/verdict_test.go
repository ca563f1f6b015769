// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/conformance"
)

// TestVerdicts: what the running hub refuses (TestHostilePlugins), `plugin check`
// fails too, and says why.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for mode, says := range map[string]string{
		"garbage":      "does not have six parts",
		"exit1":        "prints no handshake",
		"tcp":          "not on a socket in PLUGIN_UNIX_SOCKET_DIR",
		"loopback":     "not on a socket in PLUGIN_UNIX_SOCKET_DIR",
		"other-socket": "not on a socket in PLUGIN_UNIX_SOCKET_DIR",
		"dots-socket":  "not on a socket in PLUGIN_UNIX_SOCKET_DIR",
		"no-cert":      "has no certificate",
		"bad-cert":     "has no certificate",
		"dead-socket":  "has no certificate",
		"version":      `chooses protocol "999"`,
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			installPlugins(t, dir, mode)
			cases := conformance.Executable(conformance.Config{Provider: mode}, filepath.Join(dir, Prefix+mode))
			i := slices.IndexFunc(cases, func(c conformance.Case) bool { return c.Name == "shakes hands" })
			r := cases[i].Run(t.Context())
			if r.Verdict != conformance.Fail || !strings.Contains(strings.Join(r.Problems, "\n"), says) {
				t.Errorf("%s: %q, want %q", r.Verdict, r.Problems, says)
			}
		})
	}
}
